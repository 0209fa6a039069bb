import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { media, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";

/** One answer to one request, as the fixture of its name shows it. */
export interface Scenario {
  fields: JsonObject;
  events: readonly TurnEvent[];
  /** How the turn breaks off, after all of its events. */
  failure?: GatewayError;
}

const SIGNATURE = "c2lnbmF0dXJl";
const signed = (...deltas: string[]) => ({ ...thinking(...deltas), signature: SIGNATURE });
const search = { tools: [{ type: "web_search" }], include: ["web_search_call.action.sources"] };
const grounding = {
  webSearchQueries: ["weather oslo"],
  groundingChunks: [{ web: { uri: "https://a.test/1", title: "A" } }, { web: { uri: "https://b.test/2", title: "B" } }],
  groundingSupports: [
    { segment: { endIndex: 11 }, groundingChunkIndices: [0] },
    { segment: { startIndex: 12, endIndex: 20 }, groundingChunkIndices: [0, 1] },
  ],
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  "text-in-deltas": { fields: {}, events: turnEvents([text("Hel", "lo 😀")], "end") },
  "shown-thinking-then-parallel-calls": {
    fields: {
      reasoning: { effort: "low", summary: "auto" },
      store: false,
      include: ["reasoning.encrypted_content"],
      tools: [
        { type: "function", name: "f", parameters: { type: "object" } },
        { type: "namespace", name: "mcp__ag", description: "", tools: [{ type: "function", name: "odd" }] },
      ],
    },
    events: turnEvents(
      [signed("I ", "think"), text("Now:"), tool("call_1", "f", { a: [1] }), tool("call_2", "mcp__ag__odd", {})],
      "tool",
    ),
  },
  "hidden-thinking-is-sealed-only": { fields: {}, events: turnEvents([signed("secret"), text("hi")], "end") },
  "thinking-between-texts-makes-two-messages": {
    fields: { reasoning: { summary: "auto" } },
    events: turnEvents([text("a"), thinking("hm"), text("b"), text("c")], "end"),
  },
  "freeform-call": {
    fields: { tools: [{ type: "custom", name: "run" }] },
    events: turnEvents([tool("call_1", "run", { input: "print('a')\n" })], "tool"),
  },
  "patch-call": {
    fields: { tools: [{ type: "apply_patch" }] },
    events: turnEvents([tool("call_1", "apply_patch", { type: "create_file", path: "a", diff: "+x" })], "tool"),
  },
  "cut-at-the-limit": { fields: {}, events: turnEvents([text("half an ans")], "length") },
  "withheld-before-the-first-word": { fields: {}, events: turnEvents([], "filtered") },
  "image-between-texts": {
    fields: {},
    events: turnEvents(
      [text("see"), media("image/png", "iVBORw0KGgo="), media("audio/wav", "UklGRg=="), text("ok")],
      "end",
    ),
  },
  "citations-in-non-ascii-text": {
    fields: search,
    // Upstream counts bytes, of which Ø and å have two each; clients count code units.
    events: turnEvents([text("Øst-Osl", "o: sol. Også i morgen.")], "end", { grounding }),
  },
  "searched-without-citations": {
    fields: search,
    events: turnEvents([thinking("hm"), text("a"), text("b")], "end", { grounding: { webSearchQueries: ["x"] } }),
  },
  "summary-of-the-conversation": {
    fields: {
      input: [{ role: "user", content: "hello" }, { type: "compaction_trigger" }],
      reasoning: { summary: "auto" },
    },
    events: turnEvents([signed("hm"), text("We said ", "hello.")], "end"),
  },
  "failed-before-the-first-event": {
    fields: {},
    events: [],
    failure: new GatewayError("context-too-long", "The prompt is too long"),
  },
  "failed-in-the-middle-of-a-text": {
    fields: { reasoning: { summary: "auto" } },
    events: turnEvents([thinking("hm"), text("half an ans")], "end").slice(0, -2),
    failure: new GatewayError("rate-limited", "Too many requests.", { retryAfterMs: 11_400 }),
  },
};
