import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";

const folder = join(import.meta.dir, "../../fixtures/anthropic");

function parseFixture(name: string) {
  const body: unknown = JSON.parse(readFileSync(join(folder, `${name}.request.json`), "utf8"));
  const { request, stream, losses } = anthropic.parse({ body, headers: new Headers() });
  return { request, stream, losses };
}

const SUFFIX = ".request.json";
const names = readdirSync(folder).flatMap((file) => (file.endsWith(SUFFIX) ? file.slice(0, -SUFFIX.length) : []));

describe("requests shaped like those of real clients", () => {
  const LOST = ["safeguards", "tools[0].max_uses"];
  test.each(names)("%s is understood without loss of anything but safeguards and limits of a search", (name) => {
    expect(parseFixture(name).losses.filter(({ field }) => !LOST.includes(field))).toEqual([]);
  });
});

test("an agent's tool loop keeps every turn, result, image and instruction in its place", () => {
  const { request } = parseFixture("agent-parallel-results");
  const { contents, tools, ...rest } = request;
  expect(rest).toEqual({
    model: "claude-test-4-6",
    system: ["You help with travel plans.", "Answer in one sentence.", "The user travels by train."],
    sampling: { maxOutputTokens: 32000 },
    thinking: { type: "effort", effort: "medium" },
    session: "11111111-2222-4333-8444-555555555555",
  });
  expect(tools.map(({ name }) => name)).toEqual(["get_weather", "take_photo", "ToolSearch", "mcp__maps__route"]);
  const call = (id: string, name: string, args: object) => ({ functionCall: { id, name, args } });
  const result = (id: string, response: object, more: object = {}) => ({
    functionResponse: { id, name: "", response, ...more },
  });
  expect(contents as unknown[]).toEqual([
    { role: "user", parts: [{ text: "Today is a Tuesday." }, { text: "Is it warmer in Oslo or in Rome?" }] },
    {
      role: "model",
      parts: [
        { text: "", thought: true, thoughtSignature: "c2lnbmF0dXJlLW9mLWEtdGVzdA==" },
        { text: "I look at both." },
        call("call_oslo", "get_weather", { city: "Oslo" }),
        call("call_rome", "get_weather", { city: "Rome" }),
        call("call_find", "ToolSearch", { query: "route" }),
        call("call_photo", "take_photo", { place: "Oslo" }),
      ],
    },
    {
      role: "user",
      parts: [
        result("call_rome", { result: "15 °C" }),
        result("call_oslo", { error: "No such city" }),
        result("call_find", { result: "Tool loaded: mcp__maps__route" }),
        result(
          "call_photo",
          { result: "Taken at noon" },
          { media: [{ mimeType: "image/png", data: expect.any(String) }] },
        ),
        { text: "And by train?" },
      ],
    },
    { role: "user", parts: [{ text: "Night trains are on strike." }] },
  ]);
});

test("the next turn of a conversation repeats the prefix of the one before", () => {
  const first = parseFixture("agent-first-turn").request;
  const later = parseFixture("agent-parallel-results").request;
  expect(later.system).toEqual(first.system);
  expect(later.tools).toEqual(first.tools);
  expect(later.contents.slice(0, first.contents.length)).toEqual(first.contents);
});
