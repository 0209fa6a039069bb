import type { ParsedCall } from "../../../src/core/protocol.ts";
import type { Content, Part } from "../../../src/core/request.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { gemini } from "../../../src/protocols/gemini/index.ts";
import { type BlockScript, dataOf, framesIn, media } from "../../support/turn-script.ts";

export const SIGNATURE = "c2lnbmF0dXJl";

export type Form = "whole" | "sse" | "array";

const METHODS: Record<Form, [method: string, query: string]> = {
  whole: ["generateContent", ""],
  sse: ["streamGenerateContent", "alt=sse"],
  array: ["streamGenerateContent", ""],
};

export function addressOf(form: Form, model = "gemini-test") {
  const [method, query] = METHODS[form];
  return { model, method, query: new URLSearchParams(query) };
}

export function parse(body: unknown, form: Form = "whole", headers: Record<string, string> = {}): ParsedCall {
  return gemini.parse({ body, headers: new Headers(headers), address: addressOf(form) });
}

export const HELLO = { contents: [{ role: "user", parts: [{ text: "hello" }] }] };

/** Parses a body of one user message and these fields. */
export function parseWith(fields: JsonObject, form: Form = "whole"): ParsedCall {
  return parse({ ...HELLO, ...fields }, form);
}

/** The canonical contents of a conversation that ends with the user. */
export function contentsOf(...contents: unknown[]): Content[] {
  return parse({ contents }).request.contents;
}

/** The parts of one content. */
export function partsOf(parts: unknown, role = "user"): Part[] {
  return contentsOf({ role, parts }, { role: role === "user" ? "model" : "user", parts: [{ text: "END" }] })
    .slice(0, -1)
    .flatMap((content) => content.parts);
}

export const image = (data = "AAAA"): BlockScript => media("image/png", data);
export const opaque = (part: JsonObject): BlockScript => ({ head: { kind: "opaque", part } });
export const signed = (block: BlockScript, signature = SIGNATURE): BlockScript => ({ ...block, signature });

/** The documents of complete SSE frames; comments are nothing. */
export function documents(frames: string): JsonObject[] {
  return framesIn(frames)
    .filter((frame) => !frame.startsWith(":"))
    .map((frame) => JSON.parse(dataOf(frame)) as JsonObject);
}

interface Document {
  candidates?: { content?: { parts?: JsonObject[] } }[];
}

/** The parts in documents of an answer, in order. */
export function partsIn(documents: readonly unknown[]): JsonObject[] {
  return (documents as Document[]).flatMap(({ candidates = [] }) => candidates[0]?.content?.parts ?? []);
}

export const SHOWN = { generationConfig: { thinkingConfig: { includeThoughts: true } } };
