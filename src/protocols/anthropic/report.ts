import { GatewayError } from "../../core/errors.ts";
import type { Loss } from "../../core/protocol.ts";
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

export interface LossLog {
  /** Notes one loss. A reason that was already given is not repeated: a long history loses the same thing many times. */
  report(field: string, why: string): void;
  readonly losses: readonly Loss[];
}

export function lossLog(): LossLog {
  const losses: Loss[] = [];
  const reasons = new Set<string>();
  return {
    losses,
    report(field, why) {
      if (reasons.has(why)) return;
      reasons.add(why);
      losses.push({ field, why });
    },
  };
}
