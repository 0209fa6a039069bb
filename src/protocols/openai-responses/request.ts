import { clientSession } from "../../core/client-session.ts";
import { checkFields, type Fields, type FieldTable } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import { type LossList, lossList, UNKNOWN_FIELD } from "../../core/losses.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import { openAiOutputFormat } from "../../core/openai/output-format.ts";
import { openAiSampling } from "../../core/openai/sampling.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { Content, GenerateRequest, OutputFormat } from "../../core/request.ts";
import { isJsonObject } from "../../lib/json.ts";
import { readContent } from "./content.ts";
import {
  bodyFields,
  formatFields,
  includeFields,
  reasoningFields,
  streamOptionFields,
  textFields,
  toolChoiceFields,
} from "./fields.ts";
import { configurationReasoningFields, configurationTextFields } from "./item-fields.ts";
import { readItems } from "./items.ts";
import { echoOf, type ReplyForm } from "./reply.ts";
import {
  configurationSchema,
  requestSchema,
  type ResponsesRequest,
  type TextFormat,
  toolListSchema,
} from "./schema.ts";
import { readThinking } from "./thinking.ts";
import { chooseTools } from "./tool-choice.ts";
import { readTools, type ToolList } from "./tools.ts";

interface ReadRequest extends Omit<ParsedCall, "reply"> {
  form: ReplyForm;
}

/** The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault. */
export function readRequest({ body, headers }: ClientRequest): ReadRequest {
  const request = check(requestSchema, body, "");
  const losses = lossList();
  reportFields(request, losses);

  const input = inputItems(request);
  const updates = readUpdates(input, losses);
  const declared = readTools(toolLists(request, input), losses);
  const { system, contents, compacts } = readItems(input, declared.names, losses);
  const instructions = readInstructions(request, losses);
  const { thinking, show } = readThinking(request, updates.effort);
  const outputFormat = compacts ? undefined : readFormat(updates.format ?? request.text?.format);
  const chosen = chooseTools(request, declared);
  return {
    request: {
      model: request.model,
      ...withTurn([...instructions, ...system], contents, declared.notes),
      ...(compacts ? withoutCalls(chosen) : chosen),
      sampling: openAiSampling(request, request.max_output_tokens),
      ...(thinking && { thinking }),
      ...(outputFormat && { outputFormat }),
      ...readSession(request, headers),
    },
    stream: request.stream ?? false,
    losses: losses.all(),
    fieldName: (canonical) => fieldName(canonical, request),
    form: {
      showThinking: show && !compacts,
      listSources: request.include?.includes("web_search_call.action.sources") ?? false,
      searches: !compacts && chosen.webSearch !== undefined,
      mustSearch: !compacts && chosen.webSearch?.forced === true,
      compacts,
      names: declared.names,
      echo: isJsonObject(body) ? echoOf(body) : {},
    },
  };
}

function reportFields(request: ResponsesRequest, losses: LossList): void {
  const apply = (table: FieldTable, object: Fields | undefined, path: string) => {
    if (object) checkFields(table, object, path, losses, refuseField);
  };
  const { tool_choice: choice, include } = request;
  apply(bodyFields, request, "");
  apply(streamOptionFields, request.stream_options, "stream_options");
  apply(reasoningFields, request.reasoning, "reasoning");
  apply(textFields, request.text, "text");
  apply(formatFields, request.text?.format, "text.format");
  apply(toolChoiceFields, typeof choice === "object" ? choice : undefined, "tool_choice");
  for (const [index, word] of (include ?? []).entries()) {
    const row = Object.hasOwn(includeFields.rows, word) ? includeFields.rows[word] : undefined;
    if (row === undefined) losses.add(`include[${index}]`, UNKNOWN_FIELD);
    else if (row.type === "approximated") losses.add(`include[${index}]`, row.why);
  }
}

/** Codex asks a local server with an empty text whether it answers at all: that needs some word to answer to. */
const EMPTY_INPUT = "(nothing)";

function inputItems({ input, instructions }: ResponsesRequest): readonly unknown[] {
  if (input === undefined) return [];
  if (typeof input !== "string") return input;
  return [{ role: "user", content: input === "" && instructions === undefined ? EMPTY_INPUT : input }];
}

/** The tools of the request, then those that came up in the conversation. */
function toolLists({ tools = [] }: ResponsesRequest, input: readonly unknown[]): ToolList[] {
  const lists: ToolList[] = [{ tools, field: "tools" }];
  for (const [index, item] of input.entries()) {
    const type = isJsonObject(item) ? item["type"] : undefined;
    if (type !== "additional_tools" && type !== "tool_search_output") continue;
    const field = `input[${index}]`;
    lists.push({ tools: check(toolListSchema, item, field).tools ?? [], field: `${field}.tools` });
  }
  return lists;
}

interface Updates {
  effort?: NonNullable<ResponsesRequest["reasoning"]>["effort"];
  format?: TextFormat;
}

/** What the conversation has changed in its own settings: of each, the last word counts. */
function readUpdates(input: readonly unknown[], losses: LossList): Updates {
  const updates: Updates = {};
  for (const [index, item] of input.entries()) {
    if (!isJsonObject(item) || item["type"] !== "configuration_update") continue;
    const field = `input[${index}]`;
    const { reasoning, text } = check(configurationSchema, item, field);
    if (reasoning) {
      checkFields(configurationReasoningFields, reasoning, `${field}.reasoning`, losses, refuseField);
    }
    if (text) checkFields(configurationTextFields, text, `${field}.text`, losses, refuseField);
    if (reasoning?.effort) updates.effort = reasoning.effort;
    if (text?.format) updates.format = text.format;
  }
  return updates;
}

function readInstructions({ instructions }: ResponsesRequest, losses: LossList): string[] {
  return readContent(instructions, "instructions", losses).map(({ text }, index) => {
    if (text !== undefined) return text;
    throw invalid("instructions", `Invalid value for 'instructions': part ${index} is not text.`);
  });
}

/** A model needs a turn to answer: a request of system texts alone asks with them. */
function withTurn(
  system: string[],
  contents: Content[],
  notes: string[],
): Pick<GenerateRequest, "system" | "contents"> {
  if (contents.length > 0) return { system: [...system, ...notes], contents };
  if (system.length === 0) throw invalid("input", "Invalid value for 'input': it holds nothing to answer.");
  return { system: notes, contents: [{ role: "user", parts: system.map((text) => ({ text })) }] };
}

function withoutCalls({ tools }: Pick<GenerateRequest, "tools">): Pick<GenerateRequest, "tools" | "toolChoice"> {
  return { tools, ...(tools.length > 0 && { toolChoice: { mode: "none" } }) };
}

function readFormat(format: TextFormat | undefined): OutputFormat | undefined {
  return format && openAiOutputFormat(format.type, format.json_schema ?? format);
}

function readSession(request: ResponsesRequest, headers: Headers) {
  return clientSession({
    // The newer of the two names of one thing is used where the older is not.
    userId: isAbsent(request.user) ? request.safety_identifier : request.user,
    promptCacheKey: request.prompt_cache_key,
    sessionId: request.session_id,
    headers,
  });
}

const FIELD_NAMES: Readonly<Record<string, string>> = {
  messages: "input",
  web_search: "tools",
  thinking: "reasoning",
  response_format: "text.format",
  max_tokens: "max_output_tokens",
  stop_sequences: "stop",
};

function fieldName(canonical: string, { instructions }: ResponsesRequest): string {
  if (canonical === "system") return instructions === undefined ? "input" : "instructions";
  return FIELD_NAMES[canonical] ?? canonical;
}
