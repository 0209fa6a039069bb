import { isAbsent } from "../../core/lenient.ts";
import { type LossList, UNKNOWN_FIELD } from "../../core/losses.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { invalid } from "./report.ts";

/** What becomes of a top-level field that is present with a value. */
export type FieldFate =
  | { fate: "mapped" }
  /** Ignoring it changes nothing the client could notice, except the bill. */
  | { fate: "harmless" }
  /** Not honoured; `unless` recognises the values that ask for nothing. */
  | { fate: "lost"; why: string; unless?: (value: unknown) => boolean }
  | { fate: "refused"; why: string; details: JsonObject };

const mapped: FieldFate = { fate: "mapped" };
const harmless: FieldFate = { fate: "harmless" };

/** Every top-level field of the Messages API, general and beta. */
export const BODY_FIELDS: Readonly<Record<string, FieldFate>> = {
  model: mapped,
  messages: mapped,
  system: mapped,
  max_tokens: mapped,
  temperature: mapped,
  top_p: mapped,
  top_k: mapped,
  stop_sequences: mapped,
  stream: mapped,
  metadata: mapped,
  thinking: mapped,
  output_config: mapped,
  output_format: mapped,
  tools: mapped,
  tool_choice: mapped,

  anthropic_beta: harmless,
  anthropic_version: harmless,
  betas: harmless,
  cache_control: harmless,
  fallback_credit_token: harmless,
  service_tier: harmless,
  user_profile_id: harmless,
  workspace_id: harmless,

  billing_policy: { fate: "lost", why: "billing cannot be directed" },
  container: { fate: "lost", why: "there are no containers and no skills" },
  context_management: {
    fate: "lost",
    why: "the context is not edited before it reaches the model",
    unless: keepsEverything,
  },
  diagnostics: { fate: "lost", why: "cache diagnostics are not available" },
  fallbacks: {
    fate: "lost",
    why: "a declined request is not tried on another model",
    // By definition of "default", a model without a default fallback runs alone.
    unless: (value) => value === "default" || isEmptyList(value),
  },
  inference_geo: { fate: "lost", why: "the region of inference cannot be chosen" },
  mcp_servers: { fate: "lost", why: "MCP servers are not called by the gateway", unless: isEmptyList },
  safeguards: { fate: "lost", why: "no safety classifier runs on the answer", unless: isEmptyList },
  speed: { fate: "lost", why: "there is one speed", unless: (value) => value === "standard" },

  // The SDK's tool runner reads these details and goes on without threads; any other answer ends its run.
  thread: {
    fate: "refused",
    why: "conversations are not held on this server; send the whole conversation",
    details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
  },
  compaction: {
    fate: "refused",
    why: "compaction requests are not supported; ask for a summary as an ordinary message",
    details: { error_code: "compaction_unavailable" },
  },
};

/** Refuses and reports what the table says; unknown fields are reported, never refused. */
export function checkFields(body: Readonly<Record<string, unknown>>, losses: LossList): void {
  for (const [name, value] of Object.entries(body)) {
    if (isAbsent(value)) continue;
    const rule = Object.hasOwn(BODY_FIELDS, name) ? BODY_FIELDS[name] : undefined;
    if (!rule) losses.add(name, UNKNOWN_FIELD);
    else if (rule.fate === "refused") throw invalid(name, rule.why, rule.details);
    else if (rule.fate === "lost" && !rule.unless?.(value)) losses.add(name, rule.why);
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** "Clear no thinking" is what happens anyway. */
function keepsEverything(value: unknown): boolean {
  const edits = isJsonObject(value) ? value["edits"] : undefined;
  if (isAbsent(edits)) return true;
  return (
    Array.isArray(edits) &&
    edits.every((edit) => isJsonObject(edit) && edit["type"] === "clear_thinking_20251015" && edit["keep"] === "all")
  );
}
