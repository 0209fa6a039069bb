import { checkFields } from "../../core/field-table.ts";
import { isAbsent, textOf, toolArguments } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { splitMediaText } from "../../core/media-text.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import { inlineParts } from "../../core/openai/media.ts";
import { customArguments } from "../../core/openai/tools.ts";
import type { Content, Part } from "../../core/request.ts";
import { parseContent } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject, type JsonValue, kindOf } from "../../lib/json.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { readResult } from "./call-results.ts";
import { CLIENT_CALLS, type ClientTool } from "./client-tools.ts";
import { readContent } from "./content.ts";
import { innerFields, itemFields } from "./item-fields.ts";
import {
  callOutputSchema,
  compactionSchema,
  customCallSchema,
  functionCallSchema,
  imageCallSchema,
  mcpCallSchema,
  messageSchema,
  ownCallSchema,
  reasoningSchema,
} from "./schema.ts";
import { openSummary, openThinking } from "./sealed.ts";
import type { ToolNames } from "./tools.ts";

export interface Conversation {
  system: string[];
  contents: Content[];
  /** The client asks for a summary to go on with in place of the conversation. */
  compacts: boolean;
}

/**
 * The items as system texts and turns. What the model said in a row is one turn, whatever number of items it came as;
 * everything else is one turn per item, to be regrouped and paired by the lowering. System and developer messages before
 * the model's first turn are system text. Later ones stay where they are, as user text: moved to the front they would
 * change the beginning of the prompt, and with it the cached prefix of the whole conversation, each time one is added.
 */
export function readItems(input: readonly unknown[], names: ToolNames, losses: LossList): Conversation {
  const reading: Reading = { names, losses, system: [], contents: [], modelHasSpoken: false, compacts: false };
  for (const [index, value] of input.entries()) readItem(value, `input[${index}]`, index, reading);
  const { system, contents, compacts } = reading;
  return { system, contents, compacts };
}

interface Reading extends Conversation {
  names: ToolNames;
  losses: LossList;
  modelHasSpoken: boolean;
}

interface Item {
  value: JsonObject;
  type: string;
  field: string;
  index: number;
}

type ItemReader = (item: Item, reading: Reading) => void;

function readItem(value: unknown, field: string, index: number, reading: Reading): void {
  if (typeof value === "string") return addTurn(reading, "user", readContent(value, field, reading.losses));
  if (!isJsonObject(value)) {
    throw invalid(field, `Invalid type for '${field}': expected an object, but got ${kindOf(value)} instead.`);
  }
  const type = itemType(value, field);
  const table = Object.hasOwn(itemFields, type) ? itemFields[type] : undefined;
  if (table === undefined) {
    reading.losses.add(`${field}.type`, "this kind of item is not known; it is left out");
    return;
  }
  checkFields(table, value, field, reading.losses, refuseField);
  for (const key of ["action", "operation"]) {
    const inner = innerFields[`${type}.${key}`];
    const object = value[key];
    if (inner && isJsonObject(object)) checkFields(inner, object, `${field}.${key}`, reading.losses, refuseField);
  }
  READERS.get(type)?.({ value, type, field, index }, reading);
}

function itemType(value: JsonObject, field: string): string {
  const { type } = value;
  if (typeof type === "string") return type;
  const at = `${field}.type`;
  if (!isAbsent(type))
    throw invalid(at, `Invalid type for '${at}': expected a string, but got ${kindOf(type)} instead.`);
  if (value["role"] !== undefined) return "message";
  if (typeof value["id"] === "string") return "item_reference";
  throw invalid(at, `Missing required parameter: '${at}'.`);
}

/** Items without a reader leave nothing in the conversation; whether that is a loss stands in their table. */
const READERS: ReadonlyMap<string, ItemReader> = new Map<string, ItemReader>([
  ["message", readMessage],
  ["function_call", readFunctionCall],
  ["custom_tool_call", readCustomCall],
  ["function_call_output", readOutput],
  ["custom_tool_call_output", readOutput],
  ...[...CLIENT_CALLS.values()].flatMap((tool): [string, ItemReader][] => [
    [tool.callType, (item, reading) => readOwnCall(tool, item, reading)],
    [tool.outputType, readOutput],
  ]),
  ["mcp_call", readMcpCall],
  ["code_interpreter_call", readHosted("code_interpreter", ["code"], "outputs")],
  ["file_search_call", readHosted("file_search", ["queries"], "results")],
  ["computer_call", readComputerCall],
  ["computer_call_output", readOutput],
  ["image_generation_call", readImageCall],
  ["reasoning", readReasoning],
  ["compaction", readCompaction],
  ["compaction_trigger", readCompactionTrigger],
]);

function addTurn(reading: Reading, role: Content["role"], parts: Part[]): void {
  if (role === "model") reading.modelHasSpoken = true;
  if (parts.length === 0) return;
  const last = reading.contents.at(-1);
  if (role === "model" && last?.role === "model") last.parts.push(...parts);
  else reading.contents.push({ role, parts });
}

function readMessage({ value, field }: Item, reading: Reading): void {
  const { role, content } = check(messageSchema, value, field);
  const at = `${field}.content`;
  if (content === undefined && role !== "assistant") throw invalid(at, `Missing required parameter: '${at}'.`);
  const parts = readContent(content, at, reading.losses);
  if (role === "user" && !isAnswer(content)) return addTurn(reading, "user", parts);
  if (role === "assistant" || role === "user") return addTurn(reading, "model", parts.flatMap(withoutMediaText));
  const texts = parts.map((part, index) => {
    if (part.text !== undefined) return part.text;
    throw invalid(at, `Invalid value for '${at}': part ${index} of a ${role} message is not text.`);
  });
  if (reading.modelHasSpoken) addTurn(reading, "user", texts.map(asPart));
  else reading.system.push(...texts);
}

/** Some clients give every message of theirs one role: what the model said tells itself by the types of its parts. */
function isAnswer(content: unknown): boolean {
  return Array.isArray(content) && content.length > 0 && content.every(isAnswerPart);
}

function isAnswerPart(part: unknown): boolean {
  return isJsonObject(part) && (part["type"] === "output_text" || part["type"] === "refusal");
}

function withoutMediaText(part: Part): Part[] {
  return part.text === undefined ? [part] : splitMediaText(part.text);
}

function asPart(text: string): Part {
  return { text };
}

// ---- calls ----

function addCall(reading: Reading, id: string, name: string, args: JsonObject): void {
  addTurn(reading, "model", [{ functionCall: { id, name, args } }]);
}

interface CallIds {
  call_id?: string | null | undefined;
  id?: string | null | undefined;
}

function callId({ call_id: callId, id }: CallIds, field: string): string {
  const found = callId || id;
  if (found) return wellFormed(found);
  throw invalid(`${field}.call_id`, `Missing required parameter: '${field}.call_id'.`);
}

function readFunctionCall({ value, field }: Item, reading: Reading): void {
  const call = check(functionCallSchema, value, field);
  const name = reading.names.shown(wellFormed(call.name), wellFormed(call.namespace ?? ""), "function");
  addCall(reading, callId(call, field), name, toolArguments(call.arguments));
}

function readCustomCall({ value, field }: Item, reading: Reading): void {
  const call = check(customCallSchema, value, field);
  const name = reading.names.shown(wellFormed(call.name), wellFormed(call.namespace ?? ""), "custom");
  addCall(reading, callId(call, field), name, customArguments(call.input));
}

function readOwnCall(tool: ClientTool, { value, field }: Item, reading: Reading): void {
  const call = check(ownCallSchema, value, field);
  // A search that OpenAI has run: what it found is declared.
  if (tool.name === "tool_search" && !call.call_id) return;
  addCall(reading, callId(call, field), reading.names.shown(tool.name, undefined, tool), tool.callArguments(call));
}

function readOutput({ value, type, field, index }: Item, reading: Reading): void {
  const output = check(callOutputSchema, value, field);
  if (type === "tool_search_output" && !output.call_id) return;
  // Without any id it is still told, as a result that nobody waits for.
  const id = wellFormed(output.call_id || output.id || `call_output_${index}`);
  const name = output.name
    ? reading.names.shown(wellFormed(output.name), output.namespace ?? undefined, "function")
    : "";
  addTurn(reading, "user", [{ functionResponse: { id, name, ...readResult(type, output, field, reading.losses) } }]);
}

/** A call that OpenAI made and answered: one item is both halves. */
function addAnsweredCall(reading: Reading, id: string, name: string, args: JsonObject, response: JsonObject): void {
  addCall(reading, id, name, args);
  addTurn(reading, "user", [{ functionResponse: { id, name, response: wellFormedObject(response) } }]);
}

function readMcpCall({ value, field }: Item, reading: Reading): void {
  const call = check(mcpCallSchema, value, field);
  const name = reading.names.shown(wellFormed(call.name), wellFormed(call.server_label ?? ""), "function");
  const response = isAbsent(call.error) ? { result: textOf(call.output) } : { error: textOf(call.error) };
  addAnsweredCall(reading, callId(call, field), name, toolArguments(call.arguments), response);
}

function readHosted(name: string, asked: readonly string[], answer: string): ItemReader {
  return ({ value, field }, reading) => {
    const result = value[answer];
    // The answer that follows says what came of it.
    if (result === undefined || isAbsent(result)) return;
    const args = Object.fromEntries(asked.flatMap((key): [string, JsonValue][] => [[key, value[key] ?? null]]));
    addAnsweredCall(reading, callId(check(ownCallSchema, value, field), field), name, wellFormedObject(args), {
      result,
    });
  };
}

function readComputerCall({ value, field }: Item, reading: Reading): void {
  const actions = value["actions"] ?? value["action"] ?? null;
  addCall(reading, callId(check(ownCallSchema, value, field), field), "computer", wellFormedObject({ actions }));
}

// ---- what else a model says ----

function readImageCall({ value, field }: Item, reading: Reading): void {
  const { result, output_format: format } = check(imageCallSchema, value, field);
  if (!result) return;
  const { mimeType = "image/png", data } = parseContent(result, format ? `image/${format}` : "");
  addTurn(reading, "model", inlineParts(mimeType, data, `${field}.result`));
}

function readReasoning({ value, field }: Item, reading: Reading): void {
  const { summary, content, encrypted_content: sealed } = check(reasoningSchema, value, field);
  const ours = openThinking(sealed);
  if (ours) return addTurn(reading, "model", [{ text: ours.text, thought: true, thoughtSignature: ours.signature }]);
  const text = [...(content ?? []), ...(summary ?? [])].map(textOf).filter(Boolean).join("\n\n");
  addTurn(reading, "model", text === "" ? [] : [{ text, thought: true }]);
}

// ---- compaction ----

function readCompaction({ value, field }: Item, reading: Reading): void {
  const summary = openSummary(check(compactionSchema, value, field).encrypted_content);
  if (summary !== undefined)
    return addTurn(reading, "user", [{ text: `Summary of the conversation so far:\n\n${summary}` }]);
  reading.losses.add(
    `${field}.encrypted_content`,
    "only OpenAI can read it; what it sums up is not known to the model",
  );
}

const COMPACTION_PROMPT =
  "Summarise this conversation for a model that will go on with it and has seen nothing of it. Say what was asked, what was " +
  "decided and why, what has been done, which files, names, commands and values matter, and what remains to be done. Write " +
  "the summary only.";

function readCompactionTrigger(_item: Item, reading: Reading): void {
  reading.compacts = true;
  addTurn(reading, "user", [{ text: COMPACTION_PROMPT }]);
}
