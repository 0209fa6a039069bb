import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { failure } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, startBench } from "./support/bench.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench({ clock: systemClock });
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const said = "Wie spät ist es in Zürich? ".repeat(50);
const gemini = { contents: [{ parts: [{ text: said }] }] };

const ROWS: [path: string, body: JsonObject, field: string][] = [
  ["/v1/messages/count_tokens", { model: CLAUDE, messages: [{ role: "user", content: said }] }, "input_tokens"],
  ["/v1/responses/input_tokens", { model: CLAUDE, input: said }, "input_tokens"],
  [`/v1beta/models/${GEMINI_3}:countTokens`, gemini, "totalTokens"],
  [`/v1beta/models/${GEMINI_3}/countTokens`, gemini, "totalTokens"],
  [`/v1/models/${GEMINI_3}:countTokens`, { generateContentRequest: gemini }, "totalTokens"],
];

test.each(ROWS)("%s: upstream counts; only when it fails is the number an estimate, and marked", async (...row) => {
  const [path, body, field] = row;
  const count = async () => {
    const reply = await fetch(bench.url() + path, { method: "POST", body: JSON.stringify(body) });
    expect(reply.status).toBe(200);
    const { [field]: tokens } = (await reply.json()) as Record<string, number>;
    return { tokens: tokens ?? 0, mark: reply.headers.get("x-ag-estimated") };
  };
  const counted = await count();
  expect(counted.mark).toBeNull();
  bench.upstream.always(failure("internal"), { method: "countTokens" });
  const estimated = await count();
  expect(estimated.mark).toBe("true");
  expect(estimated.tokens).toBeGreaterThanOrEqual(counted.tokens * 0.95);
  // Counting takes nothing of anybody's quota.
  expect(bench.upstream.calls()).toEqual([]);
});
