import { describe, expect, test } from "bun:test";
import type { Loss } from "../../../src/core/losses.ts";
import { asSearchQuestion } from "../../../src/gemini-wire/search-question.ts";
import type { WireContent } from "../../../src/gemini-wire/wire-content.ts";

const user = (text: string): WireContent => ({ role: "user", parts: [{ text }] });
const model = (text: string): WireContent => ({ role: "model", parts: [{ text }] });

function question(contents: WireContent[]) {
  const losses: Loss[] = [];
  const turns = asSearchQuestion(contents, losses);
  return { turns, text: String(turns[0]?.parts[0]?.["text"]), losses: losses.map(({ field }) => field) };
}

describe("the question of a search", () => {
  test("that is all there is stays as it is", () => {
    const only = user("tea?");
    expect(question([only])).toMatchObject({ turns: [only], losses: [] });
  });

  test("comes after what was said before, in one turn, and nothing is lost of a short conversation", () => {
    const { turns, text, losses } = question([user("rain in Bern?"), model("yes"), user("and in Zürich?")]);
    expect(turns).toHaveLength(1);
    expect(text).toMatch(/User: rain in Bern\?\n\nAssistant: yes\n\n[^]*and in Zürich\?$/);
    expect(losses).toEqual([]);
  });

  test("keeps the end of a long conversation, and tells that the rest is left out", () => {
    const { text, losses } = question([user("first"), model("x".repeat(10_000)), user("last")]);
    expect(text.length).toBeLessThan(4_300);
    expect(text).not.toContain("first");
    expect(text).toEndWith("last");
    expect(losses).toEqual(["messages"]);
  });

  test("knows nothing of thoughts, and tells that calls and pictures are left out", () => {
    const thought: WireContent = { role: "model", parts: [{ text: "secret", thought: true }, { text: "hm" }] };
    expect(question([user("a"), thought, user("b")])).toMatchObject({ losses: [] });
    expect(question([user("a"), thought, user("b")]).text).not.toContain("secret");
    const called: WireContent = { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] };
    expect(question([user("a"), called, user("b")]).losses).toEqual(["messages"]);
  });
});

test("results of tools and attachments of the last turn are part of the question", () => {
  const last: WireContent = {
    role: "user",
    parts: [
      { functionResponse: { id: "1", name: "f", response: { result: "42" } } },
      { inlineData: { mimeType: "image/png", data: "AAAA" } },
    ],
  };
  const { turns, text } = question([user("a"), model("b"), last]);
  expect(text).toEndWith('Result: {"result":"42"}');
  expect(turns[0]?.parts[1]).toEqual({ inlineData: { mimeType: "image/png", data: "AAAA" } });
});
