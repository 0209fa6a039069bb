import { expect, test } from "bun:test";
import type { GenerateRequest } from "../../src/core/request.ts";
import { conversationKey } from "../../src/gateway/conversation.ts";
import { plainRequest } from "../support/requests.ts";

const keyOf = (change: Partial<GenerateRequest>, family: "claude" | "gemini" = "claude") =>
  conversationKey(plainRequest(change), family, (text) => `<${text.replaceAll("\u0000", "|")}>`);

const says = (...texts: string[]): GenerateRequest["contents"] =>
  texts.map((text, turn) => ({ role: turn % 2 === 0 ? "user" : "model", parts: [{ text }] }));

test("the client's own id counts alone, whatever else is the same or differs", () => {
  expect(keyOf({ session: "s", user: "u", system: ["x"] })).toBe("client:s");
  expect(keyOf({ session: "s", contents: says("other") }, "gemini")).toBe("client:s");
});

test("without one, a conversation is known by family, user, system text and its first user text", () => {
  expect(keyOf({ user: "u", system: ["be", "brief"], contents: says("hi", "hello", "more") })).toBe(
    "derived:<claude|u|be|brief|hi>",
  );
});

test("a conversation that grows stays the same one", () => {
  expect(keyOf({ contents: says("hi") })).toBe(keyOf({ contents: says("hi", "hello", "more") }));
});

test("conversations that begin with the same greeting differ by user, system text and family", () => {
  const contents = says("hi");
  const keys = [
    keyOf({ contents }),
    keyOf({ contents, user: "ann" }),
    keyOf({ contents, user: "bob" }),
    keyOf({ contents, system: ["be brief"] }),
    keyOf({ contents }, "gemini"),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("two conversations of one user differ", () => {
  expect(keyOf({ user: "ann", contents: says("a") })).not.toBe(keyOf({ user: "ann", contents: says("b") }));
});

test("a client's id cannot be taken for a digest", () => {
  expect(keyOf({ session: "derived:<x>" })).toBe("client:derived:<x>");
});
