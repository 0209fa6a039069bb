import type { LossList } from "../../core/losses.ts";
import type { ThinkingRequest } from "../../core/request.ts";
import type { MessageEffort } from "./content.ts";
import type { Body } from "./schema.ts";

/** How much of the model's thinking the reply shows: its text, only its place and signature, or nothing. */
export type ThinkingDisplay = "shown" | "omitted" | "hidden";

/** The client's wish about thinking; `undefined` when it has none. Effort alone does not switch thinking on. */
export function readThinking(
  body: Body,
  messageEffort: MessageEffort | undefined,
  losses: LossList,
): ThinkingRequest | undefined {
  const own = body.output_config?.effort;
  const effort = own === undefined ? messageEffort : { effort: own, field: "output_config.effort" };
  const request = thinkingRequest(body.thinking, effort);
  if (effort && request?.type !== "effort") {
    losses.add(effort.field, "effort counts only where thinking is on and has no budget of its own");
  }
  return request;
}

function thinkingRequest(thinking: Body["thinking"], effort: MessageEffort | undefined): ThinkingRequest | undefined {
  if (!thinking) return undefined;
  switch (thinking.type) {
    case "disabled":
    case "between_tools": // where it is not supported, the API's own fallback is "disabled"
      return { type: "off" };
    case "enabled":
      if (thinking.budget_tokens === 0) return { type: "off" };
      if (thinking.budget_tokens !== undefined) return { type: "budget", tokens: thinking.budget_tokens };
      break;
    case "adaptive":
      break;
    default:
      thinking.type satisfies never;
  }
  return effort ? { type: "effort", effort: effort.effort } : { type: "adaptive" };
}

/**
 * Upstream sends thinking only where it was asked for, and that can also be done by the model's name, `model(high)`, or by
 * an alias for such a name. So what comes is shown, unless this very request switched it off.
 */
export function thinkingDisplay(body: Body, request: ThinkingRequest | undefined): ThinkingDisplay {
  if (request?.type === "off" && !/\([^()]+\)/.test(body.model)) return "hidden";
  return body.thinking?.display === "omitted" ? "omitted" : "shown";
}
