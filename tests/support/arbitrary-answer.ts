import fc from "fast-check";
import type { StopReason } from "../../src/core/turn.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/lib/json.ts";

/** What a client must be told of an answer, whatever the answer was wrapped in. */
export interface Said {
  /** Visible text in order, images as Markdown. */
  text: string;
  thinking: string;
  calls: { name: string; args: JsonObject }[];
}

export interface ArbitraryAnswer {
  /** The body as upstream writes it. */
  body: string;
  said: Said;
  /** It answers results of tools, and may therefore say nothing at all. */
  mayEndSilently: boolean;
  /** Absent: this is no complete answer and must end as an error. */
  reason?: StopReason;
}

/** A part on the wire, what it says, and whether it is content: blank text and bare signatures are none. */
interface DrawnPart {
  wire: JsonValue;
  said?: Partial<Said>;
  isContent: boolean;
}

const words = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", " ", "\n\n", "Grüße, 世界 👩‍👩‍👧", "\u2028\u2029", "\u0000\ufeff", "\ud83d", "\ude00"),
  },
  { weight: 1, arbitrary: fc.constantFrom("data: [DONE]", "\r\n\r\n", '{"error":{}}', "event: message_stop\n\n") },
);

/** The signature in every spelling and place that means the part it is in; `undefined`: unsigned. */
const signatures = fc.constantFrom<(JsonObject | undefined)[]>(
  undefined,
  undefined,
  { thoughtSignature: "c2lnLWE=" },
  { thoughtSignature: "c2lnLWI=" },
  { thought_signature: "c2lnLWM=" },
  { extra_content: { google: { thought_signature: "c2lnLWQ=" } } },
  { metadata: { google: { thoughtSignature: "c2lnLWU=" } } },
);

const textPart = fc
  .tuple(words, fc.constantFrom(undefined, null, false, true), signatures)
  .map(([text, thought, signature]): DrawnPart => {
    const thinks = thought === true;
    return {
      wire: { text, ...(thought !== undefined && { thought }), ...signature },
      said: thinks ? { thinking: text } : { text },
      isContent: text.trim() !== "",
    };
  });

const carrier = fc
  .tuple(signatures, fc.constantFrom<JsonObject[]>({}, { text: "" }, { text: null }, { thought: true, text: "" }))
  .map(([signature, rest]): DrawnPart => ({ wire: { ...rest, ...signature }, isContent: false }));

const argumentNames = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("path", "toString", "2", "__proto__"));
const callArguments = fc
  .array(fc.tuple(argumentNames, fc.jsonValue({ maxDepth: 2 })), { maxLength: 3 })
  // From JSON, as on the wire: there `__proto__` is a name like any other.
  .map((members) => JSON.parse(`{${members.map((member) => member.map((x) => JSON.stringify(x)).join(":")).join()}}`));

const callPart = fc
  .record({
    name: fc.constantFrom("look", "fs.read", "ask_user-2", "größe"),
    args: fc.option(callArguments, { nil: undefined }),
    id: fc.constantFrom(undefined, "", "toolu_vrtx_1"),
    signature: signatures,
    nested: fc.boolean(),
  })
  .map(({ name, args, id, signature, nested }): DrawnPart => {
    const inside = nested && signature && "thoughtSignature" in signature ? signature : undefined;
    const functionCall = { name, ...(args !== undefined && { args }), ...(id !== undefined && { id }), ...inside };
    return {
      wire: { functionCall, ...(!inside && signature) },
      said: { calls: [{ name, args: args ?? {} }] },
      isContent: true,
    };
  });

const imagePart = fc
  .tuple(fc.constantFrom("image/png", "image/jpeg"), fc.base64String({ minLength: 4, maxLength: 12 }), fc.boolean())
  .map(([mimeType, data, draft]): DrawnPart => {
    if (draft) return { wire: { thought: true, inlineData: { mimeType, data } }, isContent: false };
    return {
      wire: { inlineData: { mimeType, data } },
      said: { text: `![image](data:${mimeType};base64,${data})` },
      isContent: true,
    };
  });

const NOTHING: readonly JsonValue[] = [{}, null, 7, "x", [], { thought: true }, { text: null, thoughtSignature: null }];
const UNKNOWN: readonly JsonValue[] = [
  { executableCode: { language: "PYTHON", code: "1" } },
  { codeExecutionResult: {} },
  { text: 5 },
  { inlineData: { data: 5 } },
  { functionCall: "look" },
  { somethingNew: { text: "not for anybody" } },
];
const oddPart = fc.oneof(
  fc.constantFrom(...NOTHING).map((wire): DrawnPart => ({ wire, isContent: false })),
  fc.constantFrom(...UNKNOWN).map((wire): DrawnPart => ({ wire, isContent: true })),
);

const part = fc.oneof(
  { weight: 6, arbitrary: textPart },
  { weight: 2, arbitrary: carrier },
  { weight: 2, arbitrary: callPart },
  { weight: 1, arbitrary: imagePart },
  { weight: 1, arbitrary: oddPart },
);

/** What a finish reason means to an answer without calls. `error`: the answer cannot be delivered; `word`: it says nothing. */
const FINISH: Readonly<Record<string, StopReason | "error" | "word">> = {
  STOP: "end",
  MAX_TOKENS: "length",
  SAFETY: "filtered",
  RECITATION: "filtered",
  PROHIBITED_CONTENT: "filtered",
  IMAGE_SAFETY: "filtered",
  OTHER: "word",
  FINISH_REASON_UNSPECIFIED: "word",
  A_REASON_OF_TOMORROW: "word",
  MALFORMED_FUNCTION_CALL: "error",
  UNEXPECTED_TOOL_CALL: "error",
};

const finishReason = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("STOP", "MAX_TOKENS", "OTHER") },
  { weight: 3, arbitrary: fc.constantFrom(...Object.keys(FINISH)) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

const usage = fc.option(
  fc.record(
    {
      promptTokenCount: fc.nat(1000),
      candidatesTokenCount: fc.nat(1000),
      thoughtsTokenCount: fc.nat(100),
      cachedContentTokenCount: fc.nat(1000),
      totalTokenCount: fc.nat(3000),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  { nil: undefined },
);

/** How a document without parts says so. */
const emptyCandidates = fc.constantFrom<JsonValue[]>(
  [{ index: 0, content: { role: "model" } }],
  [{ content: { parts: null } }],
  [{ content: null, finishReason: null }],
  [{ finishReason: "" }],
  [],
  null,
);

const document = fc.record({
  parts: fc.array(part, { maxLength: 4 }),
  role: fc.boolean(),
  secondCandidate: fc.boolean(),
  empty: emptyCandidates,
  usage,
  wrapper: fc.constantFrom("response", "response", "none", "array"),
});
type DrawnDocument = typeof document extends fc.Arbitrary<infer Drawn> ? Drawn : never;

const framing = fc.record({
  kind: fc.constantFrom("sse", "sse", "sse", "array", "lines"),
  newline: fc.constantFrom("\r\n", "\n"),
  prefix: fc.constantFrom("data: ", "data:"),
  blankLines: fc.boolean(),
  indented: fc.boolean(),
  asciiOnly: fc.boolean(),
  /** Written before the event of the same index. */
  noise: fc.array(fc.constantFrom("", ": ping", "event: message", "id: 7", "retry: 10"), { maxLength: 3 }),
  done: fc.boolean(),
  finalNewline: fc.boolean(),
  byteOrderMark: fc.boolean(),
});
type Framing = typeof framing extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** Any answer the service could write, complete or not, in any of the framings it is known to use. */
export const arbitraryAnswer: fc.Arbitrary<ArbitraryAnswer> = fc
  .record({
    documents: fc.array(document, { maxLength: 5 }),
    finish: finishReason,
    finishAlone: fc.boolean(),
    mayEndSilently: fc.boolean(),
    blocked: fc.integer({ min: 0, max: 9 }).map((draw) => draw === 0),
    lateUsage: usage,
    framing,
  })
  .map(({ documents, finish, finishAlone, mayEndSilently, blocked, lateUsage, framing: form }): ArbitraryAnswer => {
    const wires = documents.map(wireOf);
    if (blocked) wires.unshift({ response: { promptFeedback: { blockReason: "SAFETY" } } });
    if (finish !== undefined) addFinish(wires, finish, finishAlone);
    if (lateUsage !== undefined) wires.push({ response: { usageMetadata: lateUsage } });
    const parts = documents.flatMap((drawn) => drawn.parts);
    const reason = reasonOf(parts, finish, blocked, mayEndSilently);
    return { body: written(wires, form), said: saidBy(parts), mayEndSilently, ...(reason !== undefined && { reason }) };
  });

/** Sizes of network chunks, used in turn and then from the start again: one byte at a time, odd pieces, everything. */
export const arbitrarySplit: fc.Arbitrary<number[]> = fc.oneof(
  fc.constantFrom<number[][]>([1], [2], [1_000_000]),
  fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
);

function wireOf({ parts, role, secondCandidate, empty, usage: counts, wrapper }: DrawnDocument): JsonValue {
  const content: JsonObject = { ...(role && { role: "model" }), parts: parts.map(({ wire }) => wire) };
  const candidates: JsonValue = parts.length === 0 ? structuredClone(empty) : [{ index: 0, content }];
  if (secondCandidate && Array.isArray(candidates) && candidates.length > 0) {
    candidates.push({ index: 1, content: { parts: [{ text: "from another candidate" }] } });
  }
  const response: JsonObject = { candidates, ...(counts !== undefined && { usageMetadata: counts }) };
  if (wrapper === "none") return response;
  const wrapped = { response, traceId: "trace-1" };
  return wrapper === "array" ? [wrapped] : wrapped;
}

function addFinish(wires: JsonValue[], finish: string, alone: boolean): void {
  const last = wires.at(-1);
  const response = isJsonObject(last) && isJsonObject(last["response"]) ? last["response"] : undefined;
  const candidates = response?.["candidates"];
  const first = Array.isArray(candidates) ? candidates[0] : undefined;
  if (!alone && isJsonObject(first)) first["finishReason"] = finish;
  else wires.push({ response: { candidates: [{ index: 0, finishReason: finish }] } });
}

function saidBy(parts: readonly DrawnPart[]): Said {
  return {
    text: parts.map(({ said }) => said?.text ?? "").join(""),
    thinking: parts.map(({ said }) => said?.thinking ?? "").join(""),
    calls: parts.flatMap(({ said }) => said?.calls ?? []),
  };
}

function reasonOf(
  parts: readonly DrawnPart[],
  finish: string | undefined,
  blocked: boolean,
  mayEndSilently: boolean,
): StopReason | undefined {
  const meaning = finish === undefined ? undefined : FINISH[finish];
  const isEmpty = !parts.some(({ isContent }) => isContent);
  if (meaning === "error") return undefined;
  if (meaning !== undefined && parts.some(({ said }) => said?.calls)) return "tool";
  if (meaning === "length" || meaning === "filtered") return meaning;
  if (meaning === "end" && !isEmpty) return "end";
  if (blocked) return "filtered";
  if (isEmpty) return meaning === "end" && mayEndSilently ? "end" : undefined;
  return meaning === "word" ? "end" : undefined;
}

function written(wires: readonly JsonValue[], form: Framing): string {
  const { newline, prefix, blankLines, indented, noise, finalNewline } = form;
  const json = (value: JsonValue) => {
    const text = JSON.stringify(value, null, indented ? 1 : undefined);
    return form.asciiOnly ? escaped(text) : text;
  };
  const mark = form.byteOrderMark ? "\ufeff" : "";
  if (form.kind === "array") return mark + json([...wires]).replaceAll("\n", newline) + (finalNewline ? newline : "");
  const ends = form.kind === "sse" && blankLines ? newline + newline : newline;
  const events = wires.map((wire, index) => {
    const lines = json(wire).split("\n");
    if (form.kind === "lines") return lines.join(newline) + ends;
    const before = noise[index] ? noise[index] + newline : "";
    return before + lines.map((line) => prefix + line).join(newline) + ends;
  });
  if (form.kind === "sse" && form.done) events.push(`${prefix}[DONE]${ends}`);
  const body = events.join("");
  return mark + (finalNewline ? body : body.replace(/[\r\n]+$/, ""));
}

function escaped(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
