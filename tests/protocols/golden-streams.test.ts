import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../src/core/errors.ts";
import type { Protocol } from "../../src/core/protocol.ts";
import type { StopReason } from "../../src/core/turn.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { anthropic } from "../../src/protocols/anthropic/index.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import { type BlockScript, context, media, text, thinking, tool, turnEvents } from "../support/turn-script.ts";

// The whole text of streams, as it was read and found right once. The younger protocols have theirs beside their own tests.

interface Scenario {
  blocks: BlockScript[];
  reason?: StopReason;
  /** The answer is broken off before its end. */
  failure?: GatewayError;
}

const signedThought: BlockScript = { ...thinking("I need ", "both."), signature: "c2lnbmF0dXJl" };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "thinking-then-parallel-calls": {
    blocks: [
      signedThought,
      text("Looking up", " both."),
      tool("call_oslo", "get_weather", { city: "Oslo" }, "c2lnLWE="),
      tool("call_rome", "get_weather", { city: "Rome" }),
    ],
    reason: "tool",
  },
  "cut-at-the-limit": { blocks: [text("Once upon a")], reason: "length" },
  "image-between-texts": { blocks: [text("Here:"), media("image/png", "iVBORw0KGgo="), text("Fine?")] },
  "failed-in-the-middle-of-a-text": {
    blocks: [text("Once upon a")],
    failure: new GatewayError("unavailable", "Upstream closed the stream before the answer was complete"),
  },
};

const messages = [{ role: "user", content: "Hello" }];

const PROTOCOLS: readonly (readonly [name: string, protocol: Protocol, body: JsonObject])[] = [
  ["anthropic", anthropic, { model: "m", max_tokens: 100, thinking: { type: "adaptive" }, messages, stream: true }],
  ["openai-chat", openaiChat, { model: "m", messages, stream: true, stream_options: { include_usage: true } }],
];

describe.each(PROTOCOLS)("%s", (name, protocol, body) => {
  test.each(Object.keys(SCENARIOS))("%s", (scenario) => {
    const { blocks, reason = "end", failure } = SCENARIOS[scenario] ?? { blocks: [] };
    const encoder = protocol.parse({ body, headers: new Headers() }).reply.stream(context());
    const events = turnEvents(blocks, reason);
    // A block that is broken off has no end either.
    const written = failure ? encoder.push(events.slice(0, -2)) + encoder.fail(failure) : encoder.push(events);
    const golden = join(import.meta.dir, `../fixtures/${name}/${scenario}.reply.txt`);
    expect(written).toBe(readFileSync(golden, "utf8"));
  });
});
