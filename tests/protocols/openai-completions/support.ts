import type { GatewayError } from "../../../src/core/errors.ts";
import type { ParsedCall } from "../../../src/core/protocol.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";
import { refusalOf } from "../../support/refusal.ts";

/** Parses a body that holds one prompt unless it brings its own. */
export function parseWith(fields: JsonObject, headers: Record<string, string> = {}): ParsedCall {
  return openaiCompletions.parse({
    body: { model: "gemini-test", prompt: "Once", ...fields },
    headers: new Headers(headers),
  });
}

/** The refusal that parsing this body ends in. */
export function refusal(body: unknown): GatewayError {
  return refusalOf(() => openaiCompletions.parse({ body, headers: new Headers() }));
}

export function refusalWith(fields: JsonObject): GatewayError {
  return refusal({ model: "gemini-test", prompt: "Once", ...fields });
}
