import { clientSession } from "../../core/client-session.ts";
import { isAbsent } from "../../core/lenient.ts";
import { lossList } from "../../core/losses.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { GenerateRequest, OutputFormat, Sampling } from "../../core/request.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { readConversation } from "./conversation.ts";
import { checkFields } from "./fields.ts";
import { invalid } from "./report.ts";
import { parseBody, type Body } from "./schema.ts";
import { readThinking, thinkingDisplay, type ThinkingDisplay } from "./thinking.ts";
import { readTools } from "./tools.ts";

interface ParsedMessages extends Omit<ParsedCall, "reply"> {
  display: ThinkingDisplay;
}

/** Reads a Messages request. Throws GatewayError("invalid-request") naming the field. */
export function parseMessages({ body: input, headers }: ClientRequest): ParsedMessages {
  const body = parseBody(input);
  const losses = lossList();
  checkFields(body, losses);
  const { system, contents, toolChanges, effort } = readConversation(body, losses);
  const thinking = readThinking(body, effort, losses);
  const outputFormat = readOutputFormat(body);
  if (body.output_config?.task_budget !== undefined) {
    losses.add("output_config.task_budget", "the model is not told of a budget");
  }
  const request: GenerateRequest = {
    model: body.model,
    system,
    contents,
    ...readTools(body, toolChanges, losses),
    sampling: readSampling(body),
    ...(thinking ? { thinking } : {}),
    ...(outputFormat ? { outputFormat } : {}),
    ...clientSession({ userId: body.metadata?.user_id, headers }),
  };
  return {
    request,
    stream: body.stream === true,
    losses: losses.all(),
    fieldName: (canonical) => fieldName(canonical, body),
    display: thinkingDisplay(body, thinking),
  };
}

function readSampling(body: Body): Sampling {
  if (body.max_tokens === 0) throw invalid("max_tokens", "0 only warms a prompt cache, which is not available here");
  const sampling: Sampling = {};
  if (body.max_tokens !== undefined) sampling.maxOutputTokens = body.max_tokens;
  if (body.temperature !== undefined) sampling.temperature = body.temperature;
  if (body.top_p !== undefined) sampling.topP = body.top_p;
  // 0 and less mean "no such limit" in one ecosystem or another.
  if (body.top_k !== undefined && body.top_k > 0) sampling.topK = body.top_k;
  if (body.stop_sequences !== undefined) sampling.stopSequences = body.stop_sequences.map(wellFormed);
  return sampling;
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
