import { describe, expect, test } from "bun:test";
import { recordings } from "../../support/recordings.ts";
import { parse } from "./support.ts";

/** What these clients ask for that no upstream can do. */
const EXPECTED = [
  "parallel_tool_calls",
  "text.verbosity",
  "tools[].external_web_access",
  "tools[].format",
  "input[].tools[].tools[].format",
];

describe("recorded requests of real clients", () => {
  const found = recordings((path) => path === "/v1/responses");
  if (!found) {
    test("are not here to be parsed", () => expect(found).toBeUndefined());
    return;
  }

  test("include Codex, opencode and the SDK", () => {
    expect([...new Set(found.map(({ name }) => name.split("/")[0]))]).toEqual(["codex", "openai-sdk", "opencode"]);
  });

  test.each(found.map((recording) => [recording.name, recording] as const))("%s parses", (_, { body, headers }) => {
    const parsed = parse(body, headers);
    expect(parsed.request.contents.length).toBeGreaterThan(0);
    const losses = parsed.losses.map(({ field }) => field.replaceAll(/\[\d+\]/g, "[]"));
    expect(losses.filter((field) => !EXPECTED.includes(field))).toEqual([]);
  });

  test.each(
    found
      .filter(({ name }) => /codex\/tool-.*-0[23]$/.test(name))
      .map((recording) => [recording.name, recording] as const),
  )("%s: each call of the history is one of a declared tool and has its result", (_, { body, headers }) => {
    const { request } = parse(body, headers);
    const parts = request.contents.flatMap(({ parts }) => parts);
    const calls = parts.flatMap(({ functionCall }) => functionCall ?? []);
    const results = parts.flatMap(({ functionResponse }) => functionResponse?.id ?? []);
    const names = request.tools.map(({ name }) => name);
    for (const { id, name } of calls) {
      expect(names).toContain(name);
      expect(results).toContain(id);
    }
  });
});
