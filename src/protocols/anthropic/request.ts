import { readSampling } from "../../core/client-sampling.ts";
import { clientSession } from "../../core/client-session.ts";
import { isAbsent } from "../../core/lenient.ts";
import { lossList } from "../../core/losses.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { GenerateRequest, OutputFormat, Sampling } from "../../core/request.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";
import type { ReplyForm } from "./body.ts";
import { checkFrame } from "./check.ts";
import { readConversation } from "./conversation.ts";
import { invalid } from "./report.ts";
import { parseBody, type Body } from "./schema.ts";
import { readThinking, thinkingDisplay } from "./thinking.ts";
import { readTools } from "./tools.ts";
import { commandsSearch, searchForm } from "./web-search.ts";

interface ParsedMessages extends Omit<ParsedCall, "reply"> {
  form: ReplyForm;
}

/** Reads a Messages request. Throws GatewayError("invalid-request") naming the field. */
export function parseMessages({ body: input, headers }: ClientRequest): ParsedMessages {
  const body = parseBody(input);
  const losses = lossList();
  checkFrame(body, losses);
  const { system, contents, toolChanges, effort } = readConversation(body, losses);
  const thinking = readThinking(body, effort, losses);
  const outputFormat = readOutputFormat(body);
  const request: GenerateRequest = {
    model: body.model,
    system,
    contents,
    ...readTools(body, toolChanges, losses),
    sampling: samplingOf(body),
    ...(thinking ? { thinking } : {}),
    ...(outputFormat ? { outputFormat } : {}),
    ...clientSession({ userId: body.metadata?.user_id, headers }),
  };
  if (commandsSearch(request)) request.webSearch = { ...request.webSearch, forced: true };
  return {
    request,
    stream: body.stream === true,
    losses: losses.all(),
    fieldName: (canonical) => fieldName(canonical, body),
    form: { display: thinkingDisplay(body, thinking), search: searchForm(request) },
  };
}

function samplingOf(body: Body): Sampling {
  if (body.max_tokens === 0) throw invalid("max_tokens", "0 only warms a prompt cache, which is not available here");
  return readSampling({
    maxOutputTokens: body.max_tokens,
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k,
    stopSequences: body.stop_sequences,
  });
}

function readOutputFormat(body: Body): OutputFormat | undefined {
  const format = body.output_config?.format ?? body.output_format;
  return format && { type: "json-schema", schema: wellFormedObject(format.schema) };
}

function fieldName(canonical: string, body: Body): string {
  switch (canonical) {
    case "response_format":
      return body.output_config?.format ? "output_config.format" : "output_format";
    case "system":
      return isAbsent(body.system) ? "messages" : "system"; // system messages may stand among the others
    case "web_search":
      return "tools";
    default:
      return canonical;
  }
}
