import type * as Beta from "@anthropic-ai/sdk/resources/beta/messages/messages";
import type * as General from "@anthropic-ai/sdk/resources/messages/messages";
import { expect, test } from "bun:test";
import { BODY_FIELDS, type FieldFate } from "../../../src/protocols/anthropic/fields.ts";
import { BASE, parse, refusal } from "./support.ts";

// The sampling fields left the SDK's types with version 1; clients of every age still send them.
type SamplingField = "temperature" | "top_p" | "top_k";
type Field = keyof Beta.MessageCreateParamsBase | keyof General.MessageCreateParamsBase | SamplingField;

// The compiler demands an entry for each field that the SDK knows.
const SAMPLES: Record<Field, [fate: FieldFate["fate"], value: unknown]> = {
  model: ["mapped", "other"],
  messages: ["mapped", [{ role: "user", content: "Other" }]],
  system: ["mapped", "Be brief."],
  max_tokens: ["mapped", 7],
  temperature: ["mapped", 0.5],
  top_p: ["mapped", 0.5],
  top_k: ["mapped", 5],
  stop_sequences: ["mapped", ["END"]],
  stream: ["mapped", true],
  metadata: ["mapped", { user_id: '{"session_id":"s"}' }],
  thinking: ["mapped", { type: "enabled", budget_tokens: 2048 }],
  output_config: ["mapped", { format: { type: "json_schema", schema: {} } }],
  output_format: ["mapped", { type: "json_schema", schema: {} }],
  tools: ["mapped", [{ name: "read", input_schema: {} }]],
  tool_choice: ["mapped", { type: "none" }],
  cache_control: ["harmless", { type: "ephemeral", ttl: "1h" }],
  betas: ["harmless", ["x"]],
  fallback_credit_token: ["harmless", "token"],
  service_tier: ["harmless", "standard_only"],
  user_profile_id: ["harmless", "profile"],
  workspace_id: ["harmless", "workspace"],
  billing_policy: ["lost", { type: "billing_policy", bill_to: "user_profile" }],
  container: ["lost", { skills: [] }],
  context_management: ["lost", { edits: [{ type: "clear_tool_uses_20250919" }] }],
  diagnostics: ["lost", { previous_message_id: "msg_1" }],
  fallbacks: ["lost", [{ model: "other" }]],
  inference_geo: ["lost", "eu"],
  mcp_servers: ["lost", [{ type: "url", name: "m", url: "https://example.org" }]],
  speed: ["lost", "fast"],
  thread: ["refused", { type: "create" }],
  compaction: ["refused", { type: "summarize" }],
};

const baseline = () => ({ request: parse().request, stream: false });
const withoutReply = (fields: object) => {
  const { request, stream, losses } = parse({ ...fields });
  return { request, stream, losses };
};

const samples = Object.entries(SAMPLES).map(([field, [fate, value]]) => [field, fate, { value }] as const);

test.each(samples)("%s is %s", (field, fate, { value }) => {
  expect(BODY_FIELDS[field]?.fate).toBe(fate);
  switch (fate) {
    case "mapped": {
      const { losses, ...result } = withoutReply({ [field]: value });
      expect(losses).toEqual([]);
      expect(result).not.toEqual(baseline());
      break;
    }
    case "harmless":
      expect(withoutReply({ [field]: value })).toEqual({ ...baseline(), losses: [] });
      break;
    case "lost":
      expect(withoutReply({ [field]: value })).toEqual({ ...baseline(), losses: [{ field, why: expect.any(String) }] });
      break;
    case "refused":
      expect(refusal(() => parse({ [field]: value })).detail.field).toBe(field);
      break;
    default:
      fate satisfies never;
  }
});

test.each([
  [
    "thinking that is not cleared",
    { context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } },
  ],
  ["no edits", { context_management: {} }],
  ["an empty list of servers", { mcp_servers: [] }],
  ["the default fallback", { fallbacks: "default" }],
  ["the standard speed", { speed: "standard" }],
  ["no safeguards", { safeguards: [] }],
])("asking for %s loses nothing", (_, fields) => {
  expect(parse(fields).losses).toEqual([]);
});

test("safeguards and fields of no API are reported, the request is served", () => {
  const { losses, request } = parse({ safeguards: [{ type: "x" }], reasoning_effort: "high" });
  expect(losses).toEqual([
    { field: "safeguards", why: "no safety classifier runs on the answer" },
    { field: "reasoning_effort", why: "this field is not known" },
  ]);
  expect(request).toEqual(parse().request);
});

test("names that every object has are fields like others", () => {
  expect(parse(JSON.parse('{"toString": 1}')).losses).toEqual([{ field: "toString", why: "this field is not known" }]);
});

test("thread is refused in the form that makes the SDK go on without", () => {
  for (const thread of [{ type: "create" }, { type: "continue", previous_message_id: "msg_1" }]) {
    const { kind, detail } = refusal(() => parse({ ...BASE, thread }));
    expect(kind).toBe("invalid-request");
    expect(detail).toEqual({
      field: "thread",
      extra: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    });
  }
});
