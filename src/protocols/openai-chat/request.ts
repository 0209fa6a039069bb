import { clientSession } from "../../core/client-session.ts";
import { checkFields, type Fields, type FieldTable } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import { type LossList, lossList } from "../../core/losses.ts";
import { check, refuseField } from "../../core/openai/check.ts";
import { openAiOutputFormat } from "../../core/openai/output-format.ts";
import { openAiSampling } from "../../core/openai/sampling.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { OutputFormat } from "../../core/request.ts";
import { isJsonObject } from "../../lib/json.ts";
import {
  allowedToolsFields,
  bodyFields,
  chosenToolFields,
  extraBodyFields,
  googleFields,
  googleThinkingFields,
  jsonSchemaFields,
  reasoningFields,
  responseFormatFields,
  streamOptionFields,
  thinkingFields,
  toolChoiceFields,
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
  checkFrame(chat, losses);
  const { system, contents } = readMessages(chat.messages, losses);
  const { tools, toolChoice, webSearch, customNames, legacy } = readTools(chat, losses);
  const { thinking, field: thinkingField, show } = readThinking(chat);
  const outputFormat = readOutputFormat(chat);
  return {
    request: {
      model: chat.model,
      system,
      contents,
      tools,
      sampling: openAiSampling(chat, chat.max_completion_tokens ?? chat.max_tokens),
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
      includeUsage: chat.stream_options?.include_usage ?? (isJsonObject(chat.usage) && chat.usage["include"] === true),
      showThinking: show,
      customNames,
      legacyCalls: legacy,
      searches: webSearch !== undefined,
    },
  };
}

/** Refuses and reports what the tables say of everything but messages and tools. */
function checkFrame(chat: ChatRequest, losses: LossList): void {
  const apply = (table: FieldTable, object: Fields | undefined, path: string) => {
    if (object) checkFields(table, object, path, losses, refuseField);
  };
  const settings = <Value>(value: Value | string | boolean | undefined) =>
    typeof value === "object" ? value : undefined;
  const google = (options: ChatRequest["google"], path: string) => {
    apply(googleFields, options, path);
    apply(googleThinkingFields, options?.thinking_config, `${path}.thinking_config`);
  };
  apply(bodyFields, chat, "");
  apply(streamOptionFields, chat.stream_options, "stream_options");
  apply(responseFormatFields, chat.response_format, "response_format");
  apply(jsonSchemaFields, chat.response_format?.json_schema, "response_format.json_schema");
  apply(reasoningFields, settings(chat.reasoning), "reasoning");
  apply(thinkingFields, settings(chat.thinking), "thinking");
  apply(extraBodyFields, chat.extra_body, "extra_body");
  google(chat.extra_body?.google, "extra_body.google");
  google(chat.google, "google");
  apply(chosenToolFields, settings(chat.function_call), "function_call");
  const choice = settings(chat.tool_choice);
  apply(toolChoiceFields, choice, "tool_choice");
  apply(chosenToolFields, choice?.function, "tool_choice.function");
  apply(chosenToolFields, choice?.custom, "tool_choice.custom");
  apply(allowedToolsFields, choice?.allowed_tools, "tool_choice.allowed_tools");
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

function readOutputFormat({ response_format: format }: ChatRequest): OutputFormat | undefined {
  return format && openAiOutputFormat(format.type, format.json_schema ?? {});
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
