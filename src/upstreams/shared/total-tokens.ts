import { GatewayError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";

/** The count in an answer of `countTokens`, wrapped or not. Throws `unavailable` where there is none: no prompt is nothing. */
export function totalTokens(answer: JsonObject): number {
  const inner = isJsonObject(answer["response"]) ? answer["response"] : answer;
  const { totalTokens: total } = inner;
  if (typeof total === "number" && total > 0) return total;
  throw new GatewayError("unavailable", "Upstream sent no token count");
}
