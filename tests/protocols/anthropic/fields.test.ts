import type * as Beta from "@anthropic-ai/sdk/resources/beta/messages/messages";
import type * as General from "@anthropic-ai/sdk/resources/messages/messages";
import { describe, expect, test } from "bun:test";
import type { Treatment } from "../../../src/core/field-table.ts";
import { bodyFields } from "../../../src/protocols/anthropic/fields.ts";
import { refusalOf } from "../../support/refusal.ts";
import { BASE, parse } from "./support.ts";

// The sampling fields left the SDK's types with version 1; clients of every age still send them.
type SamplingField = "temperature" | "top_p" | "top_k";
type Field = keyof Beta.MessageCreateParamsBase | keyof General.MessageCreateParamsBase | SamplingField;

// The compiler demands an entry for each field that the SDK knows.
const SAMPLES: Record<Field, [fate: Treatment["type"], value: unknown]> = {
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
  billing_policy: ["approximated", { type: "billing_policy", bill_to: "user_profile" }],
  container: ["approximated", { skills: [] }],
  context_management: ["approximated", { edits: [{ type: "clear_tool_uses_20250919" }] }],
  diagnostics: ["approximated", { previous_message_id: "msg_1" }],
  fallbacks: ["approximated", [{ model: "other" }]],
  inference_geo: ["approximated", "eu"],
  mcp_servers: ["approximated", [{ type: "url", name: "m", url: "https://example.org" }]],
  speed: ["approximated", "fast"],
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
  expect(bodyFields.rows[field]?.type).toBe(fate);
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
    case "approximated":
      expect(withoutReply({ [field]: value })).toEqual({ ...baseline(), losses: [{ field, why: expect.any(String) }] });
      break;
    case "refused":
      expect(refusalOf(() => parse({ [field]: value })).detail.field).toBe(field);
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
    const { kind, detail } = refusalOf(() => parse({ ...BASE, thread }));
    expect(kind).toBe("invalid-request");
    expect(detail).toEqual({
      field: "thread",
      extra: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    });
  }
});

describe("what is inside the request", () => {
  const message = (...content: object[]) => ({ messages: [{ role: "user", content }] });
  const source = { type: "base64", media_type: "image/png", data: "iVBORw0KGgoAAAANSUhEUg==" };
  const NEW = "this field is not known";

  test.each([
    ["of a message", { messages: [{ role: "user", content: "Hi", x: 1 }] }, "messages[0].x", NEW],
    ["of a block", message({ type: "text", text: "Hi", x: 1 }), "messages[0].content[0].x", NEW],
    ["of a source", message({ type: "image", source: { ...source, x: 1 } }), "messages[0].content[0].source.x", NEW],
    ["of a system text", { system: [{ type: "text", text: "A", x: 1 }] }, "system[0].x", NEW],
    ["of a tool", { tools: [{ name: "a", input_schema: {}, x: 1 }] }, "tools[0].x", NEW],
    ["of thinking", { thinking: { type: "adaptive", x: 1 } }, "thinking.x", NEW],
    ["of metadata", { metadata: { user_id: "u", x: 1 } }, "metadata.x", NEW],
    ["of an output format", { output_format: { type: "json_schema", schema: {}, x: 1 } }, "output_format.x", NEW],
    [
      "that is known and not honoured",
      { output_config: { task_budget: { type: "tokens", total: 9 } } },
      "output_config.task_budget",
      "the model is not told of a budget",
    ],
  ])("a field %s is reported where it stands", (_, fields, field, why) => {
    expect(parse(fields).losses).toEqual([{ field, why }]);
  });

  test("a field that many blocks have is reported once", () => {
    const block = { type: "text", text: "A", x: 1 };
    expect(parse(message(block, block, block)).losses).toHaveLength(1);
  });

  test("whatever a tool's arguments, results and schemas hold is data", () => {
    const input_schema = { type: "object", x: 1, properties: { y: { z: 2 } } };
    const { losses } = parse({
      tools: [{ name: "a", input_schema }],
      messages: [
        { role: "user", content: "A" },
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "a", input: { x: 1 } }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "B" }] },
      ],
    });
    expect(losses).toEqual([]);
  });
});
