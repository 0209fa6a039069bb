import { describe, expect, test } from "bun:test";
import { envelope } from "../../../src/upstreams/cloudcode/envelope.ts";
import { callHeaders, userAgent } from "../../../src/upstreams/cloudcode/headers.ts";
import { hostsFor } from "../../../src/upstreams/cloudcode/hosts.ts";
import { sessionId } from "../../../src/upstreams/cloudcode/session-id.ts";

describe("hosts", () => {
  test("generation tries daily first, project discovery prod", () => {
    expect(hostsFor()).toEqual({
      generate: ["https://daily-cloudcode-pa.googleapis.com", "https://cloudcode-pa.googleapis.com"],
      load: ["https://cloudcode-pa.googleapis.com", "https://daily-cloudcode-pa.googleapis.com"],
    });
  });

  test("a list of the user's replaces the built-in one for every call", () => {
    const own = ["http://proxy.test/cc", "http://second.test"];
    expect(hostsFor([" http://proxy.test/cc/ ", "", "http://second.test"])).toEqual({ generate: own, load: own });
  });

  test("an empty list is no list", () => expect(hostsFor([])).toEqual(hostsFor()));
});

describe("user agent", () => {
  for (const [platform, arch, expected] of [
    ["linux", "x64", "antigravity/2.9.1 linux/amd64"],
    ["darwin", "arm64", "antigravity/2.9.1 darwin/arm64"],
    ["win32", "x64", "antigravity/2.9.1 windows/amd64"],
  ] as const) {
    test(`says where it runs: ${expected}`, () => expect(userAgent("2.9.1", platform, arch)).toBe(expected));
  }
});

test("the header set is complete and holds nothing else", () => {
  expect(callHeaders("ya29.test-a", "antigravity/1.0 linux/amd64", "text/event-stream")).toEqual({
    Authorization: "Bearer ya29.test-a",
    "Content-Type": "application/json",
    "User-Agent": "antigravity/1.0 linux/amd64",
    Accept: "text/event-stream",
  });
  expect(Object.keys(callHeaders("t", "a", undefined))).toEqual(["Authorization", "Content-Type", "User-Agent"]);
});

describe("session id", () => {
  test("is a negative 64-bit integer, the same each time", () => {
    const id = sessionId("account-1", "conversation-1");
    expect(id).toMatch(/^-\d{1,19}$/);
    expect(BigInt(id)).toBeGreaterThanOrEqual(-(2n ** 63n));
    expect(sessionId("account-1", "conversation-1")).toBe(id);
  });

  test("differs by account, by conversation, and by where one ends and the other begins", () => {
    const ids = [
      sessionId("a", "b"),
      sessionId("a", "c"),
      sessionId("b", "b"),
      sessionId("ab", "c"),
      sessionId("a", "bc"),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("envelope", () => {
  const write = envelope({
    projectId: "sample-project-a1b2c",
    model: "gemini-3-flash",
    requestType: "agent",
    sessionId: "-42",
    body: { contents: [{ role: "user", parts: [{ text: 'quote " and }' }] }] },
  });

  test("has exactly the fields that upstream knows", () => {
    expect(JSON.parse(write("agent-1"))).toEqual({
      project: "sample-project-a1b2c",
      model: "gemini-3-flash",
      userAgent: "antigravity",
      requestType: "agent",
      requestId: "agent-1",
      request: { contents: [{ role: "user", parts: [{ text: 'quote " and }' }] }], sessionId: "-42" },
    });
  });

  test("differs between attempts in the request id only", () => {
    expect(write("agent-2")).toBe(write("agent-1").replace("agent-1", "agent-2"));
  });
});
