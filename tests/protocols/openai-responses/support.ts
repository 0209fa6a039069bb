import type { GatewayError } from "../../../src/core/errors.ts";
import type { EncodeContext, ParsedCall } from "../../../src/core/protocol.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { framesIn } from "../../support/turn-script.ts";

/** Ids are numbered, so that they differ and fixtures stay the same. */
export function context(change: Partial<EncodeContext> = {}): EncodeContext {
  let count = 0;
  const newId = () => `id${String(++count).padStart(22, "0")}`;
  return { model: "gemini-test", createdAt: 1_700_000_000, newId, ...change };
}

export function parse(body: unknown, headers: Record<string, string> = {}): ParsedCall {
  return openaiResponses.parse({ body, headers: new Headers(headers) });
}

/** Parses a body that holds one user message unless it brings its own. */
export function parseWith(fields: JsonObject, headers: Record<string, string> = {}): ParsedCall {
  return parse({ model: "gemini-test", input: "hello", ...fields }, headers);
}

/** The refusal that parsing this body ends in. */
export function refusalWith(fields: JsonObject): GatewayError {
  return refusalOf(() => parseWith(fields));
}

/** The events of complete SSE frames; the line that names an event must say what the event says. */
export function eventsIn(frames: string): JsonObject[] {
  return framesIn(frames).map((frame) => {
    const [, name, data = ""] = /^event: (.+)\ndata: (.+)$/.exec(frame) ?? [];
    const event: unknown = JSON.parse(data);
    if (!isJsonObject(event) || event["type"] !== name) throw new Error(`not an event of its name: ${frame}`);
    return event;
  });
}

export function streamed(events: readonly TurnEvent[], fields: JsonObject = {}): JsonObject[] {
  return eventsIn(parseWith(fields).reply.stream(context()).push(events));
}

export const typesOf = (events: readonly JsonObject[]) => events.map(({ type }) => type);

/** The response that the last event holds. */
export function finalResponse(events: readonly JsonObject[]): JsonObject {
  const response = events.at(-1)?.["response"];
  if (!isJsonObject(response)) throw new Error("the last event holds no response");
  return response;
}
