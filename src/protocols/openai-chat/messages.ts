import { checkFields } from "../../core/field-table.ts";
import { toolArguments } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { splitMediaText } from "../../core/media-text.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import { customArguments } from "../../core/openai/tools.ts";
import type { Content, FunctionCall, Part } from "../../core/request.ts";
import { toolResult } from "../../core/tool-result.ts";
import { isJsonObject } from "../../lib/json.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { calledCustomFields, calledFunctionFields, messageFields, toolCallFields } from "./fields.ts";
import { readParts } from "./parts.ts";
import { type ChatMessage, messageSchema, type ToolCall, toolCallSchema } from "./schema.ts";

interface Conversation {
  system: string[];
  contents: Content[];
}

/**
 * The message list as system texts and turns, one turn per message; regrouping and pairing are the lowering's matter.
 * System and developer messages before the model's first turn are system text. Later ones stay where they are, as
 * user text: moved to the front they would change the beginning of the prompt, and with it the cached prefix of the
 * whole conversation, each time a client adds one.
 */
export function readMessages(messages: readonly unknown[], losses: LossList): Conversation {
  const system: string[] = [];
  const contents: Content[] = [];
  const legacyIds: LegacyCallIds = new Map();
  let modelHasSpoken = false;

  for (const [index, value] of messages.entries()) {
    const field = `messages[${index}]`;
    const message = check(messageSchema, value, field);
    checkFields(messageFields[message.role], message, field, losses, refuseField);
    switch (message.role) {
      case "system":
      case "developer": {
        const texts = systemTexts(message, field, losses);
        if (modelHasSpoken) addTurn(contents, "user", asParts(texts));
        else system.push(...texts);
        break;
      }
      case "user":
        addTurn(contents, "user", readParts(requiredContent(message, field), `${field}.content`, losses));
        break;
      case "assistant":
        modelHasSpoken = true;
        addTurn(contents, "model", assistantParts(message, field, index, legacyIds, losses));
        break;
      case "tool":
        addTurn(contents, "user", [resultPart(message, field, callId(message, field), losses)]);
        break;
      case "function":
        addTurn(contents, "user", [
          resultPart(message, field, legacyResultId(message, field, index, legacyIds), losses),
        ]);
        break;
      default:
        message.role satisfies never;
    }
  }

  // A model needs a turn to answer: a request of system messages alone asks with them.
  if (contents.length === 0) return { system: [], contents: onlySystem(system) };
  return { system, contents };
}

function onlySystem(system: readonly string[]): Content[] {
  if (system.length === 0) throw invalid("messages", "Invalid value for 'messages': they hold nothing to answer.");
  return [{ role: "user", parts: asParts(system) }];
}

function asParts(texts: readonly string[]): Part[] {
  return texts.map((text) => ({ text }));
}

function addTurn(contents: Content[], role: Content["role"], parts: Part[]): void {
  if (parts.length > 0) contents.push({ role, parts });
}

function requiredContent(message: ChatMessage, field: string): unknown {
  if (message.content !== undefined) return message.content;
  throw invalid(`${field}.content`, `Missing required parameter: '${field}.content'.`);
}

function systemTexts(message: ChatMessage, field: string, losses: LossList): string[] {
  return readParts(requiredContent(message, field), `${field}.content`, losses).map((part, index) => {
    if (part.text !== undefined) return part.text;
    throw invalid(
      `${field}.content`,
      `Invalid value for '${field}.content': part ${index} of a ${message.role} message is not text.`,
    );
  });
}

function assistantParts(
  message: ChatMessage,
  field: string,
  index: number,
  legacyIds: LegacyCallIds,
  losses: LossList,
): Part[] {
  const parts = readParts(message.content, `${field}.content`, losses).flatMap((part) =>
    part.text === undefined ? [part] : splitMediaText(part.text),
  );
  if (message.refusal) parts.push({ text: wellFormed(message.refusal) });

  const calls: Part[] = (message.tool_calls ?? []).map((call, at) =>
    readCall(call, `${field}.tool_calls[${at}]`, losses),
  );
  if (message.function_call) {
    checkFields(calledFunctionFields, message.function_call, `${field}.function_call`, losses, refuseField);
    const { name, arguments: text } = message.function_call;
    const id = `function_call_${index}`;
    legacyIds.set(name, [...(legacyIds.get(name) ?? []), id]);
    calls.push({ functionCall: { id, name, args: toolArguments(text) } });
  }

  // A signature on the message itself belongs to the call it led to, or else to the one text it came with.
  const signature = signatureOn(message);
  const signed = calls.length > 0 ? calls[0] : parts.length === 1 ? parts[0] : undefined;
  if (signature !== undefined && signed) signed.thoughtSignature ??= signature;
  return [...parts, ...calls];
}

function readCall(value: unknown, field: string, losses: LossList): Part {
  const call = check(toolCallSchema, value, field);
  checkFields(toolCallFields, call, field, losses, refuseField);
  if (call.function) checkFields(calledFunctionFields, call.function, `${field}.function`, losses, refuseField);
  if (call.custom) checkFields(calledCustomFields, call.custom, `${field}.custom`, losses, refuseField);
  const functionCall: FunctionCall = { id: call.id, ...calledTool(call, field) };
  const signature = signatureOn(call) ?? signatureOn(call.function ?? {});
  return signature === undefined ? { functionCall } : { functionCall, thoughtSignature: signature };
}

function calledTool(call: ToolCall, field: string): Omit<FunctionCall, "id"> {
  const { type, custom, function: called } = call;
  if (custom && type !== "function") return { name: custom.name, args: customArguments(custom.input) };
  if (called) return { name: called.name, args: toolArguments(called.arguments) };
  const missing = `${field}.${type ?? "function"}`;
  throw invalid(missing, `Missing required parameter: '${missing}'.`);
}

/** The place Google's own endpoint gives a signature, and the one LiteLLM gives it. */
function signatureOn(value: Record<string, unknown>): string | undefined {
  const { extra_content: extra, provider_specific_fields: fields } = value;
  const holder = isJsonObject(extra) && isJsonObject(extra["google"]) ? extra["google"] : fields;
  const signature = isJsonObject(holder) ? holder["thought_signature"] : undefined;
  return typeof signature === "string" && signature !== "" ? signature : undefined;
}

function callId(message: ChatMessage, field: string): string {
  if (message.tool_call_id) return message.tool_call_id;
  throw invalid(`${field}.tool_call_id`, `Missing required parameter: '${field}.tool_call_id'.`);
}

/** Function name → ids made for its calls that have no result yet. The legacy form of a call has no id. */
type LegacyCallIds = Map<string, string[]>;

function legacyResultId(message: ChatMessage, field: string, index: number, legacyIds: LegacyCallIds): string {
  if (!message.name) throw invalid(`${field}.name`, `Missing required parameter: '${field}.name'.`);
  return legacyIds.get(message.name)?.shift() ?? `function_result_${index}`;
}

function resultPart(message: ChatMessage, field: string, id: string, losses: LossList): Part {
  const name = message.name ?? "";
  // Some clients put the tool's own object there instead of its text.
  if (isJsonObject(message.content))
    return { functionResponse: { id, name, response: { result: wellFormedObject(message.content) } } };
  return { functionResponse: { id, name, ...toolResult(readParts(message.content, `${field}.content`, losses)) } };
}
