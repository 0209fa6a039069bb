import { GatewayError } from "../core/errors.ts";
import type { Family } from "../core/models.ts";
import type { ToolChoice } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import type { ToolNames } from "./tool-names.ts";

export interface CallingRule {
  /** Absent where upstream's default says the same. */
  config?: JsonObject;
  /** The tools to declare; absent: all. */
  declareOnly?: ReadonlySet<string>;
}

/** How the declared tools may be called. Throws `invalid-request` for a choice among tools that are not declared. */
export function callingRule(
  choice: ToolChoice | undefined,
  family: Family,
  declared: ReadonlySet<string>,
  names: ToolNames,
): CallingRule {
  // Claude's calls are only checked against their schemas when told so.
  const free = family === "claude" ? "VALIDATED" : "AUTO";
  if (choice === undefined) return family === "claude" ? { config: { mode: free } } : {};
  if (choice.mode === "validated") return { config: { mode: "VALIDATED" } };
  if (choice.mode === "none") return { config: { mode: "NONE" } };
  const only = new Set(choice.only);
  for (const name of only) {
    if (declared.has(name)) continue;
    throw new GatewayError("invalid-request", "tool_choice names a tool that is not among the tools", {
      field: "tool_choice",
    });
  }
  if (choice.mode === "any") {
    return { config: { mode: "ANY", ...(only.size > 0 ? { allowedFunctionNames: [...only].map(names.toWire) } : {}) } };
  }
  // Only ANY takes a list of names: where a call is not forced, the others are not declared.
  return { config: { mode: free }, ...(only.size > 0 ? { declareOnly: only } : {}) };
}
