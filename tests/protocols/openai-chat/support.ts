import type { GatewayError } from "../../../src/core/errors.ts";
import type { ParsedCall } from "../../../src/core/protocol.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiChat } from "../../../src/protocols/openai-chat/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { dataOf, framesIn } from "../../support/turn-script.ts";

export function parse(body: unknown, headers: Record<string, string> = {}): ParsedCall {
  return openaiChat.parse({ body, headers: new Headers(headers) });
}

/** Parses a body that holds one user message unless it brings its own. */
export function parseWith(fields: JsonObject, headers: Record<string, string> = {}): ParsedCall {
  return parse({ model: "gemini-test", messages: [{ role: "user", content: "hello" }], ...fields }, headers);
}

/** The refusal that parsing this body ends in. */
export function refusal(body: unknown): GatewayError {
  return refusalOf(() => parse(body));
}

export function refusalWith(fields: JsonObject): GatewayError {
  return refusalOf(() => parseWith(fields));
}

/** The payloads of complete SSE frames, JSON parsed; "[DONE]" stays text. */
export function payloads(text: string): unknown[] {
  return framesIn(text)
    .map(dataOf)
    .map((data) => (data === "[DONE]" ? data : (JSON.parse(data) as unknown)));
}
