import type { ClientRequest, Loss } from "../../core/protocol.ts";
import type { GenerateRequest, OutputFormat, Sampling } from "../../core/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { check, compact, isAbsent } from "./check.ts";
import { bodyFields, jsonSchemaFields, judge, type LossList, lossList, streamOptionFields } from "./fields.ts";
import { readMessages } from "./messages.ts";
import type { ReplyForm } from "./reply.ts";
import { type ChatRequest, requestSchema } from "./schema.ts";
import { readThinking } from "./thinking.ts";
import { readTools } from "./tools.ts";

interface ReadRequest {
  request: GenerateRequest;
  stream: boolean;
  losses: readonly Loss[];
  form: ReplyForm;
}

/** The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault. */
export function readRequest({ body, headers }: ClientRequest): ReadRequest {
  const chat = check(requestSchema, body, "");
  const losses = lossList();
  judge(bodyFields, body as JsonObject, "", losses);
  const streamOptions = chat.stream_options;
  if (streamOptions) judge(streamOptionFields, streamOptions as JsonObject, "stream_options", losses);

  const { system, contents } = readMessages(chat.messages, losses);
  const { tools, toolChoice, webSearch, customNames, legacy } = readTools(chat, losses);
  const { thinking, show } = readThinking(chat);
  const outputFormat = readOutputFormat(chat, losses);
  const session = readSession(chat, headers);
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
      ...(session !== undefined && { session }),
    },
    stream: chat.stream ?? false,
    losses: losses.all(),
    form: { includeUsage: streamOptions?.include_usage ?? false, showThinking: show, customNames, legacyCalls: legacy },
  };
}

function readSampling(chat: ChatRequest): Sampling {
  const stop = typeof chat.stop === "string" ? [chat.stop] : chat.stop;
  const stopSequences = stop?.filter((sequence) => sequence !== "" && !isAbsent(sequence));
  return compact({
    maxOutputTokens: chat.max_completion_tokens ?? chat.max_tokens,
    temperature: chat.temperature,
    topP: chat.top_p,
    topK: chat.top_k,
    stopSequences: stopSequences?.length ? stopSequences : undefined,
    presencePenalty: chat.presence_penalty,
    frequencyPenalty: chat.frequency_penalty,
    seed: chat.seed,
  });
}

function readOutputFormat({ response_format: format }: ChatRequest, losses: LossList): OutputFormat | undefined {
  if (format === undefined || format.type === "text") return undefined;
  const definition = format.json_schema;
  if (format.type === "json_object" || definition?.schema === undefined) return { type: "json" };
  judge(jsonSchemaFields, definition as JsonObject, "response_format.json_schema", losses);
  const { description, schema } = definition;
  return { type: "json-schema", schema: description === undefined ? schema : { description, ...schema } };
}

const SESSION_HEADERS = ["x-session-id", "session_id", "session-id", "x-session-affinity"];

/** The most telling id of the conversation comes first; `user` is often the same for all of a user's conversations. */
function readSession(chat: ChatRequest, headers: Headers): string | undefined {
  const candidates = [
    chat.prompt_cache_key,
    chat.session_id,
    ...SESSION_HEADERS.map((name) => headers.get(name)),
    chat.user,
  ];
  return candidates.find((candidate): candidate is string => typeof candidate === "string" && candidate !== "");
}
