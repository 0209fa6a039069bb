import type { ModelProfile } from "../core/models.ts";
import type { Content, FunctionCall, FunctionResponse, Part } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import type { MediaLowering } from "./media.ts";
import { hasOwnData, type NativeLowering } from "./native-parts.ts";
import type { ToolNames } from "./tool-names.ts";
import { SIGNATURE_SENTINEL } from "./wire-content.ts";

export interface Call {
  /** As in the client's history; may be empty or repeated. */
  id: string;
  name: string;
  wireId: string;
  wireName: string;
  /** Set by pairing. */
  result?: FunctionResponse;
}

export type UserItem = { part: JsonObject } | { result: FunctionResponse };

export interface UserTurn {
  role: "user";
  items: UserItem[];
}

/** Emitted as thoughts, parts, callParts; a family that keeps the client's order has everything in `parts`. */
export interface ModelTurn {
  role: "model";
  thoughts: JsonObject[];
  parts: JsonObject[];
  callParts: JsonObject[];
  calls: Call[];
}

export type Turn = UserTurn | ModelTurn;

interface TurnRules {
  model: ModelProfile;
  /** Whether signed thinking of earlier turns is sent along. */
  keepThoughts: boolean;
  /** Whether signatures on text, media and calls are sent along; only Gemini has use for them. */
  keepSignatures: boolean;
  names: ToolNames;
  media: MediaLowering;
  native: NativeLowering;
  wireId: (id: string, wireName: string) => string;
}

/**
 * The conversation as alternating turns, stripped of what upstream refuses: empty and blank texts, thinking it cannot
 * verify, signatures out of place. Calls always stand in a model turn and results in a user turn, whatever role the
 * client put them under.
 */
export function buildTurns(contents: readonly Content[], rules: TurnRules): Turn[] {
  const turns: Turn[] = [];
  for (const content of contents) {
    for (const part of content.parts) {
      if (part.functionCall) addCall(modelTurn(turns), part.functionCall, part.thoughtSignature, rules);
      else if (part.functionResponse) addResult(turns, part.functionResponse, rules);
      else if (content.role === "model") addModelPart(turns, part, rules);
      else addUserPart(turns, part, rules);
    }
  }
  dropBareThinking(turns, rules);
  return turns;
}

/** Text that carries nothing: whitespace, or the placeholder Claude Code writes for an empty message. */
export function isBlank(text: string): boolean {
  return text === "(no content)" || !/\S/.test(text);
}

/** A result that cannot be sent as such, as the user's words and attachments. Never blank text, which upstream refuses. */
export function resultAsParts(result: FunctionResponse, media: MediaLowering): JsonObject[] {
  const { name, response } = result;
  const attachments = (result.media ?? []).map((blob) => media.part(blob, "user"));
  const said = resultText(response);
  const words = !isBlank(said) ? said : attachments.length > 0 ? undefined : "(nothing)";
  const head = `[Result of an earlier call of ${name === "" ? "a tool" : `the tool ${name}`}]`;
  return [{ text: words === undefined ? head : `${head}\n${words}` }, ...attachments];
}

function resultText(response: JsonObject): string {
  if (typeof response["result"] === "string") return response["result"];
  return Object.keys(response).length === 0 ? "" : JSON.stringify(response);
}

function modelTurn(turns: Turn[]): ModelTurn {
  const last = turns.at(-1);
  if (last?.role === "model") return last;
  const turn: ModelTurn = { role: "model", thoughts: [], parts: [], callParts: [], calls: [] };
  turns.push(turn);
  return turn;
}

function userTurn(turns: Turn[], rules: TurnRules): UserTurn {
  dropBareThinking(turns, rules);
  const last = turns.at(-1);
  if (last?.role === "user") return last;
  const turn: UserTurn = { role: "user", items: [] };
  turns.push(turn);
  return turn;
}

// Claude refuses an assistant turn that ends with thinking, and one of thinking alone says nothing to the next turn.
function dropBareThinking(turns: Turn[], { model }: TurnRules): void {
  const last = turns.at(-1);
  if (model.family !== "claude" || last?.role !== "model") return;
  if (last.parts.length === 0 && last.calls.length === 0) turns.pop();
}

function addUserPart(turns: Turn[], part: Part, rules: TurnRules): void {
  if (part.thought && !hasOwnData(part.native)) return;
  const lowered = saidPart(part, "user", rules);
  if (lowered) userTurn(turns, rules).items.push({ part: lowered });
}

/** Media, text that is not blank, or what only Gemini says; with what the client has put beside it. */
function saidPart(part: Part, role: "user" | "model", { media, native }: TurnRules): JsonObject | undefined {
  if (hasOwnData(part.native)) return native.part(part.native);
  const attached = part.inlineData ?? part.remote;
  if (attached) {
    const lowered = media.part(attached, role);
    // What describes media says nothing about the words in their place.
    return "inlineData" in lowered ? { ...lowered, ...native.beside(part.native) } : lowered;
  }
  if (part.text === undefined || isBlank(part.text)) return undefined;
  return { text: part.text, ...native.beside(part.native) };
}

function addModelPart(turns: Turn[], part: Part, rules: TurnRules): void {
  const { model, keepThoughts, keepSignatures } = rules;
  const { family } = model;
  const signature = part.thoughtSignature || undefined;
  if (part.thought && !hasOwnData(part.native)) {
    // Unsigned thinking is foreign thinking. Claude moreover refuses a signed block without text.
    if (!keepThoughts || signature === undefined || family === "gpt-oss") return;
    const text = part.text ?? "";
    if (family === "claude" && isBlank(text)) return;
    const turn = modelTurn(turns);
    const thoughts = family === "claude" ? turn.thoughts : turn.parts;
    thoughts.push({ thought: true, text, thoughtSignature: signature });
    return;
  }
  const kept = family === "gemini" && keepSignatures ? signature : undefined;
  const lowered = saidPart(part, "model", rules);
  if (!lowered) {
    // A signed part keeps even empty text: it is how Gemini carries a signature that came after the text.
    if (kept !== undefined && part.text !== undefined)
      modelTurn(turns).parts.push(withSignature({ text: part.text }, kept));
    return;
  }
  // The signature of media or of native data is theirs; what stands in their place has none.
  const isReplaced = part.text === undefined && "text" in lowered;
  modelTurn(turns).parts.push(isReplaced ? lowered : withSignature(lowered, kept));
}

function addCall(turn: ModelTurn, call: FunctionCall, signature: string | undefined, rules: TurnRules): void {
  const { model, names, wireId, keepSignatures } = rules;
  if (model.image) {
    turn.parts.push({ text: `[Called the tool ${call.name} with ${JSON.stringify(call.args)}]` });
    return;
  }
  const wireName = names.toWire(call.name);
  const id = wireId(call.id, wireName);
  const part: JsonObject = { functionCall: { id, name: wireName, args: call.args } };
  // Gemini signs the first call of a step and refuses it unsigned; the calls beside it must stay unsigned.
  if (model.family === "gemini" && turn.calls.length === 0) {
    part["thoughtSignature"] = (keepSignatures && signature) || SIGNATURE_SENTINEL;
  }
  turn.calls.push({ id: call.id, name: call.name, wireId: id, wireName });
  (model.family === "claude" ? turn.callParts : turn.parts).push(part);
}

function addResult(turns: Turn[], result: FunctionResponse, rules: TurnRules): void {
  const { items } = userTurn(turns, rules);
  if (rules.model.image) items.push(...resultAsParts(result, rules.media).map((part) => ({ part })));
  else items.push({ result });
}

function withSignature(part: JsonObject, signature: string | undefined): JsonObject {
  return signature === undefined ? part : { ...part, thoughtSignature: signature };
}
