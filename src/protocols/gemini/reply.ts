import type { BlockHead, StopReason, TurnMeta, Usage } from "../../core/turn.ts";
import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../../lib/json.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  showThoughts: boolean;
  /** The answer is asked for as a JSON text, and given without its quotes. */
  isEnum: boolean;
  /** A stream is one JSON list instead of server-sent events. */
  asList: boolean;
  /** The client's SDK leaves an answer that holds an empty text out of the conversation; nor does it keep signatures. */
  omitEmptyTexts: boolean;
}

/** Block heads that are one part of their own. */
export type WholeHead = Exclude<BlockHead, { kind: "text" | "thinking" }>;

/** The part of a block that came whole. A signature is the block's own and stands beside its data. `undefined`: it is no part. */
export function wholePart(head: WholeHead, signature: string | undefined): JsonObject | undefined {
  const signed = signature === undefined ? {} : { thoughtSignature: signature };
  switch (head.kind) {
    case "tool":
      return { functionCall: { id: head.id, name: head.name, args: head.args }, ...signed };
    case "media":
      return { inlineData: { mimeType: head.mimeType, data: head.data }, ...signed };
    case "opaque":
      return isJsonObject(head.part) ? { ...head.part, ...signed } : undefined;
    default:
      return head satisfies never;
  }
}

export function textPart(text: string, isThought: boolean, signature?: string): JsonObject {
  return {
    ...(isThought && { thought: true }),
    text,
    ...(signature !== undefined && { thoughtSignature: signature }),
  };
}

/** The part of a text that had to be there as a whole. A changed text has no signature. */
export function enumPart(text: string, signature: string | undefined): JsonObject {
  const word = tryParseJson(text);
  return typeof word === "string" ? textPart(word, false) : textPart(text, false, signature);
}

/** How a turn ended. */
export interface Ending {
  reason: StopReason;
  usage: Usage;
  meta: TurnMeta;
}

/** What closes an answer: the members of its last candidate besides the content, and those of the response. */
export function endingOf({ reason, usage, meta }: Ending): { candidate: JsonObject; response: JsonObject } {
  const blocked = blockReason(reason, meta);
  const candidate: JsonObject = { finishReason: finishReason(reason, meta), index: 0 };
  for (const [name, key] of CANDIDATE_MEMBERS) {
    const value = meta[key];
    if (isPresent(value) && !(blocked && name === "safetyRatings")) candidate[name] = value;
  }
  const safety = meta["safety"];
  const promptFeedback = blocked && {
    promptFeedback: { blockReason: blocked, ...(isPresent(safety) && { safetyRatings: safety }) },
  };
  return { candidate, response: { ...promptFeedback, usageMetadata: usageMetadata(usage, meta["usageMetadata"]) } };
}

const CANDIDATE_MEMBERS = [
  ["finishMessage", "finishMessage"],
  ["safetyRatings", "safety"],
  ["citationMetadata", "citations"],
  ["groundingMetadata", "grounding"],
  ["urlContextMetadata", "urlContext"],
] as const;

function isPresent(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null;
}

const FILTERED: ReadonlySet<JsonValue | undefined> = new Set([
  "SAFETY",
  "RECITATION",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "IMAGE_SAFETY",
  "IMAGE_PROHIBITED_CONTENT",
  "IMAGE_RECITATION",
]);

/** Reasons of the service's own for an ordinary end. */
const ENDED: ReadonlySet<JsonValue | undefined> = new Set([
  "STOP",
  "OTHER",
  "LANGUAGE",
  "NO_IMAGE",
  "IMAGE_OTHER",
  "TOO_MANY_TOOL_CALLS",
]);

function finishReason(reason: StopReason, meta: TurnMeta): JsonValue {
  const native = meta["finishReason"];
  switch (reason) {
    case "end":
      return native !== undefined && ENDED.has(native) ? native : "STOP";
    case "length":
      return "MAX_TOKENS";
    case "tool":
      return "STOP"; // whatever the service says: Claude's calls end with OTHER, at which clients stop
    case "filtered":
      return [native, meta["filter"]].find((value) => value !== undefined && FILTERED.has(value)) ?? "SAFETY";
    default:
      return reason satisfies never;
  }
}

/** Why the prompt itself was not answered: then the service gives no finish reason. */
function blockReason(reason: StopReason, meta: TurnMeta): JsonValue | undefined {
  const { filter } = meta;
  if (reason !== "filtered" || isPresent(meta["finishReason"]) || !isPresent(filter)) return undefined;
  return filter;
}

/** Cached tokens are part of the prompt's; thoughts are not part of the candidates': as Google counts. */
function usageMetadata({ input, cachedInput, output, thinking }: Usage, upstream: JsonValue | undefined): JsonObject {
  const sent = isJsonObject(upstream) ? upstream : {};
  const { toolUsePromptTokenCount: toolUse } = sent;
  const ofTools = typeof toolUse === "number" && toolUse > 0 && toolUse <= input ? toolUse : 0;
  const details = Object.entries(sent).filter(
    ([key, value]) => (key.endsWith("TokensDetails") && Array.isArray(value)) || key === "trafficType",
  );
  return {
    promptTokenCount: input - ofTools,
    candidatesTokenCount: output - thinking,
    ...(thinking > 0 && { thoughtsTokenCount: thinking }),
    ...(cachedInput > 0 && { cachedContentTokenCount: cachedInput }),
    ...(ofTools > 0 && { toolUsePromptTokenCount: ofTools }),
    totalTokenCount: input + output,
    ...Object.fromEntries(details),
  };
}
