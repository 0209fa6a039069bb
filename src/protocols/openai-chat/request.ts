import { clientSession } from "../../core/client-session.ts";
import { isAbsent } from "../../core/lenient.ts";
import { type LossList, lossList } from "../../core/losses.ts";
import { isJsonObject } from "../../lib/json.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { OutputFormat, Sampling } from "../../core/request.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { check, compact } from "./check.ts";
import {
  bodyFields,
  extraBodyFields,
  googleFields,
  jsonSchemaFields,
  judge,
  reportUnknown,
  streamOptionFields,
} from "./fields.ts";
import { readMessages } from "./messages.ts";
import type { ReplyForm } from "./reply.ts";
import { type ChatRequest, requestSchema } from "./schema.ts";
import { readThinking } from "./thinking.ts";
import { readTools } from "./tools.ts";

interface ReadRequest extends Omit<ParsedCall, "reply"> {
  form: ReplyForm;
}

/** The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault. */
export function readRequest({ body, headers }: ClientRequest): ReadRequest {
  const chat = check(requestSchema, body, "");
  const losses = lossList();
  judge(bodyFields, chat, "", losses);
  reportUnknown(bodyFields, chat, "", losses);
  const { stream_options: streamOptions, extra_body: extraBody, google } = chat;
  if (streamOptions) judge(streamOptionFields, streamOptions, "stream_options", losses);
  if (extraBody) reportUnknown(extraBodyFields, extraBody, "extra_body", losses);
  if (extraBody?.google) reportUnknown(googleFields, extraBody.google, "extra_body.google", losses);
  if (google) reportUnknown(googleFields, google, "google", losses);

  const { system, contents } = readMessages(chat.messages, losses);
  const { tools, toolChoice, webSearch, customNames, legacy } = readTools(chat, losses);
  const { thinking, field: thinkingField, show } = readThinking(chat);
  const outputFormat = readOutputFormat(chat, losses);
  return {
    request: {
      model: chat.model,
      system,
      contents,
      tools,
      sampling: readSampling(chat),
      ...(toolChoice && { toolChoice }),
      ...(webSearch && { webSearch }),
      ...(thinking && { thinking }),
      ...(outputFormat && { outputFormat }),
      ...readSession(chat, headers),
    },
    stream: chat.stream ?? false,
    losses: losses.all(),
    fieldName: (canonical) => (canonical === "thinking" ? thinkingField : fieldName(canonical, chat)),
    form: {
      includeUsage: streamOptions?.include_usage ?? (isJsonObject(chat.usage) && chat.usage["include"] === true),
      showThinking: show,
      customNames,
      legacyCalls: legacy,
    },
  };
}

function fieldName(canonical: string, chat: ChatRequest): string {
  switch (canonical) {
    case "max_tokens":
      return chat.max_completion_tokens === undefined ? "max_tokens" : "max_completion_tokens";
    case "stop_sequences":
      return "stop";
    case "system":
      return "messages";
    case "tools":
      return chat.tools?.length ? "tools" : "functions";
    case "tool_choice":
      return chat.tool_choice === undefined ? "function_call" : "tool_choice";
    case "web_search":
      return chat.web_search_options ? "web_search_options" : "tools";
    default:
      return canonical;
  }
}

function readSampling(chat: ChatRequest): Sampling {
  const stop = typeof chat.stop === "string" ? [chat.stop] : chat.stop;
  const stopSequences = stop?.filter((sequence) => sequence !== "" && !isAbsent(sequence)).map(wellFormed);
  const { top_k: topK, seed } = chat;
  return compact({
    maxOutputTokens: chat.max_completion_tokens ?? chat.max_tokens,
    temperature: chat.temperature,
    topP: chat.top_p,
    // 0 and less mean "no such limit" in one ecosystem or another.
    topK: topK !== undefined && topK > 0 ? topK : undefined,
    stopSequences: stopSequences?.length ? stopSequences : undefined,
    presencePenalty: chat.presence_penalty,
    frequencyPenalty: chat.frequency_penalty,
    seed,
  });
}

function readOutputFormat({ response_format: format }: ChatRequest, losses: LossList): OutputFormat | undefined {
  if (format === undefined || format.type === "text") return undefined;
  const definition = format.json_schema;
  if (format.type === "json_object" || definition?.schema === undefined) return { type: "json" };
  judge(jsonSchemaFields, definition, "response_format.json_schema", losses);
  const { description, schema } = definition;
  return {
    type: "json-schema",
    schema: wellFormedObject(description === undefined ? schema : { description, ...schema }),
  };
}

function readSession(chat: ChatRequest, headers: Headers) {
  return clientSession({
    // The newer of the two names of one thing is used where the older is not.
    userId: isAbsent(chat.user) ? chat.safety_identifier : chat.user,
    promptCacheKey: chat.prompt_cache_key,
    sessionId: chat.session_id,
    conversation: chat.conversation,
    headers,
  });
}
