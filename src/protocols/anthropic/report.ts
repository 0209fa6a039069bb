import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../lib/json.ts";

/** A refusal in the API's own wording: `messages.0.content: Input should be a valid list`. */
export function invalid(field: string, problem: string, extra?: JsonObject): GatewayError {
  const dotted = field.replace(/\[(\d+)\]/g, ".$1");
  const message = field === "" ? problem : `${dotted}: ${problem}`;
  return new GatewayError("invalid-request", message, {
    ...(field === "" ? {} : { field }),
    ...(extra ? { extra } : {}),
  });
}
