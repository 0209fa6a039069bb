import { describe, expect, test } from "bun:test";
import type { Content } from "../../../src/core/request.ts";
import type { JsonValue } from "../../../src/lib/json.ts";
import { type BlockScript, collect, media, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { context, finalResponse, parseWith, streamed } from "./support.ts";

const tools = [
  { type: "function", name: "f" },
  {
    type: "namespace",
    name: "wiki",
    tools: [
      { type: "function", name: "f" },
      { type: "custom", name: "edit" },
    ],
  },
  { type: "shell" },
  { type: "local_shell" },
  { type: "apply_patch" },
  { type: "tool_search", execution: "client" },
];
const hello = { role: "user", content: "hello" };
const signed = (value: string): BlockScript => ({ ...thinking(value), signature: "c2lnbmF0dXJl" });

/** The model's turn as it is understood when the client sends back the items it was given. */
function cameBack(blocks: readonly BlockScript[], fields: Record<string, JsonValue>): (Content | undefined)[] {
  const events = turnEvents(blocks, "tool");
  const request = { ...fields, tools };
  const whole = parseWith(request).reply.whole(collect(events), context());
  return [whole, finalResponse(streamed(events, request))].map(({ output }) => {
    const { request: next, losses } = parseWith({ ...request, input: [hello, ...(output as JsonValue[])] });
    expect(losses).toEqual([]);
    expect(next.contents).toHaveLength(2);
    return next.contents[1];
  });
}

describe("what the gateway has said comes back as it was", () => {
  test.each<[string, BlockScript[], Content["parts"]]>([
    [
      "signed thinking, texts and calls of every form",
      [
        signed("I think — 思考 😀\n"),
        text("a", "b"),
        text("c"),
        tool("call_1", "f", { a: [1, null] }),
        tool("call_2", "wiki__f", {}),
        tool("call_3", "wiki__edit", { input: "*** Begin\n" }),
        tool("call_4", "shell", { commands: ["ls"], timeout_ms: 5 }),
        tool("call_5", "local_shell", { command: ["ls"], working_directory: "/tmp" }),
        tool("call_6", "apply_patch", { type: "update_file", path: "a", diff: "@@" }),
        tool("call_7", "tool_search", { query: "x" }),
      ],
      [
        { text: "I think — 思考 😀\n", thought: true, thoughtSignature: "c2lnbmF0dXJl" },
        { text: "ab" },
        { text: "c" },
        { functionCall: { id: "call_1", name: "f", args: { a: [1, null] } } },
        { functionCall: { id: "call_2", name: "wiki__f", args: {} } },
        { functionCall: { id: "call_3", name: "wiki__edit", args: { input: "*** Begin\n" } } },
        { functionCall: { id: "call_4", name: "shell", args: { commands: ["ls"], timeout_ms: 5 } } },
        { functionCall: { id: "call_5", name: "local_shell", args: { command: ["ls"], working_directory: "/tmp" } } },
        { functionCall: { id: "call_6", name: "apply_patch", args: { type: "update_file", path: "a", diff: "@@" } } },
        { functionCall: { id: "call_7", name: "tool_search", args: { query: "x" } } },
      ],
    ],
    [
      "thinking between calls",
      [signed("one"), tool("call_1", "f", {}), signed("two"), tool("call_2", "f", {})],
      [
        { text: "one", thought: true, thoughtSignature: "c2lnbmF0dXJl" },
        { functionCall: { id: "call_1", name: "f", args: {} } },
        { text: "two", thought: true, thoughtSignature: "c2lnbmF0dXJl" },
        { functionCall: { id: "call_2", name: "f", args: {} } },
      ],
    ],
    [
      "images and other media",
      [text("see"), media("image/jpeg", "/9j/AA=="), media("audio/wav", "UklGRg==")],
      [
        { text: "see" },
        { inlineData: { mimeType: "image/jpeg", data: "/9j/AA==" } },
        { inlineData: { mimeType: "audio/wav", data: "UklGRg==" } },
      ],
    ],
    [
      "a signature over thinking without a word",
      [{ head: { kind: "thinking" }, signature: "c2lnbmF0dXJl" }, text("a")],
      [{ text: "", thought: true, thoughtSignature: "c2lnbmF0dXJl" }, { text: "a" }],
    ],
  ])("%s", (_, blocks, parts) => {
    for (const fields of [
      {},
      { reasoning: { summary: "auto" } },
      { store: false, include: ["reasoning.encrypted_content"] },
    ]) {
      for (const content of cameBack(blocks, fields)) expect(content).toEqual({ role: "model", parts });
    }
  });

  test("a summary of the conversation takes its place", () => {
    const request = { input: [hello, { type: "compaction_trigger" }] };
    const { output } = finalResponse(streamed(turnEvents([text("We said hello.")], "end"), request));
    const { contents } = parseWith({ input: [...(output as JsonValue[]), hello] }).request;
    expect(contents[0]?.parts[0]?.text).toBe("Summary of the conversation so far:\n\nWe said hello.");
  });
});
