import { expect, test } from "bun:test";
import { type ClientIds, clientSession } from "../../src/core/client-session.ts";

const uuid = "11111111-2222-4333-8444-555555555555";
const headers = {
  "x-claude-code-session-id": "h0",
  "x-session-id": "h1",
  session_id: "h2",
  "session-id": "h3",
  "x-session-affinity": "h4",
};

const ask = ({ headers: given = {}, ...ids }: Omit<ClientIds, "headers"> & { headers?: Record<string, string> }) =>
  clientSession({ ...ids, headers: new Headers(given) });

test("each place gives way to those before it", () => {
  const places: [keyof ClientIds | keyof typeof headers, unknown, string][] = [
    ["userId", `user_a_account__session_${uuid}`, uuid],
    ["promptCacheKey", "p", "p"],
    ["sessionId", "s", "s"],
    ["x-claude-code-session-id", "h0", "h0"],
    ["x-session-id", "h1", "h1"],
    ["session_id", "h2", "h2"],
    ["session-id", "h3", "h3"],
    ["x-session-affinity", "h4", "h4"],
    ["conversation", "c", "c"],
  ];
  const left: Parameters<typeof ask>[0] = {
    userId: places[0]?.[1],
    promptCacheKey: "p",
    sessionId: "s",
    conversation: "c",
    headers: { ...headers },
  };
  for (const [place, , expected] of places) {
    expect(ask(left).session).toBe(expected);
    if (place in headers) delete left.headers?.[place];
    else delete left[place as "userId"];
  }
  expect(ask(left)).toEqual({});
});

test.each<[string, Parameters<typeof ask>[0], object]>([
  [
    "the session of a JSON user id",
    { userId: JSON.stringify({ device_id: "d", session_id: uuid }) },
    { session: uuid },
  ],
  ["a session at the end of a user id, which then names no user", { userId: `u_session_${uuid}` }, { session: uuid }],
  ["a plain user id is a person, not a session", { userId: "ann" }, { user: "ann" }],
  ["a user beside a session", { userId: "ann", sessionId: "s" }, { user: "ann", session: "s" }],
  ["a session in the middle of a user id is none", { userId: `_session_${uuid}-x` }, { user: `_session_${uuid}-x` }],
  ["broken JSON is a user", { userId: "{session_id" }, { user: "{session_id" }],
  ["a session inside that is no text is none", { userId: '{"session_id":7}' }, { user: '{"session_id":7}' }],
  [
    "a session inside that is blank is none",
    { userId: '{"session_id":" "}', sessionId: "s" },
    { user: '{"session_id":" "}', session: "s" },
  ],
  ["a conversation by its id", { conversation: { id: "conv_1" } }, { session: "conv_1" }],
  ["a conversation without one", { conversation: { name: "x" } }, {}],
  ["empty and blank ids", { userId: " ", promptCacheKey: "", sessionId: "\t", conversation: { id: "" } }, {}],
  ["blank ids give way", { promptCacheKey: "  ", sessionId: "s" }, { session: "s" }],
  ["unset ids as clients write them", { userId: "[undefined]", sessionId: null, promptCacheKey: "[undefined]" }, {}],
  ["ids that are no text", { userId: 5, sessionId: { a: 1 }, conversation: ["c"] }, {}],
  ["blanks around an id", { sessionId: " s " }, { session: "s" }],
  ["an id of any length", { sessionId: "s".repeat(100_000) }, { session: "s".repeat(100_000) }],
])("%s", (_, ids, expected) => {
  expect(ask(ids)).toEqual(expected);
});
