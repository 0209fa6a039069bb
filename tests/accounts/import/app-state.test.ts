import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { APP_STATE_KEYS, readAppState } from "../../../src/accounts/import/app-state.ts";
import { readMessage } from "../../../src/accounts/import/protobuf.ts";
import { base64, entry, message, tokenInfo, topic, varint } from "./support.ts";

const TOKEN = "1//test-refresh-token-of-the-app";
const OTHER = "1//test-refresh-token-of-somebody-else";

const OAUTH = "antigravityUnifiedStateSync.oauthToken";
const USER = "antigravityUnifiedStateSync.userStatus";
const ENTERPRISE = "antigravityUnifiedStateSync.enterprisePreferences";
const OLDER = "jetskiStateSync.agentManagerInitState";
const OLDEST = "antigravityAuthStatus";
const SENTINEL = "oauthTokenInfoSentinelKey";

const info = tokenInfo({ refresh: TOKEN });
const signedIn = topic(entry(SENTINEL, info));

describe("readAppState finds the refresh token", () => {
  const rows: [where: string, oauthToken: string][] = [
    ["in the app's own encoding", signedIn],
    ["in url-safe base64 without padding", Buffer.from(signedIn, "base64").toString("base64url")],
    ["with white space around it", `\n${signedIn}\n`],
    [
      "among other entries, whichever comes first",
      topic(
        entry("authStateWithContextSentinelKey", tokenInfo({ refresh: OTHER })),
        entry(SENTINEL, info),
        entry("zzz", tokenInfo({ refresh: OTHER })),
      ),
    ],
    [
      "in the last of two entries of its key",
      topic(entry(SENTINEL, tokenInfo({ refresh: OTHER })), entry(SENTINEL, info)),
    ],
    ["with the payload raw in the row", topic([1, message([1, SENTINEL], [2, message([1, info])])])],
    ["with the payload in place of the row", topic([1, message([1, SENTINEL], [2, info])])],
    ["with base64 of the payload in place of the row", topic([1, message([1, SENTINEL], [2, base64(info)])])],
    [
      "with the row one level deeper",
      topic([1, message([1, SENTINEL], [2, message([1, message([1, base64(info)])])])]),
    ],
    ["with the entry one level deeper", topic([1, message(entry(SENTINEL, info))])],
    ["with the entry in place of the topic", base64(message([1, SENTINEL], [2, message([1, base64(info)])]))],
    [
      "behind fields that are unknown",
      topic(
        [9, 7],
        [15, "later"],
        [1, message([8, 1], [1, SENTINEL], [3, "x"], [2, message([4, 4], [1, base64(info)])])],
      ),
    ],
    [
      "whose length needs two bytes",
      topic(entry(SENTINEL, tokenInfo({ access: `ya29.${"x".repeat(300)}`, refresh: TOKEN }))),
    ],
  ];
  for (const [where, oauthToken] of rows) {
    test(where, () => {
      expect(readAppState(new Map([[OAUTH, oauthToken]]))).toEqual({
        accounts: [{ kind: "antigravity", secret: TOKEN }],
        skipped: [],
      });
    });
  }

  test("and with it the e-mail and the project, each out of its own topic", () => {
    const items = new Map([
      [OAUTH, signedIn],
      [
        USER,
        topic(
          entry("other", message([7, "nobody@example.org"])),
          entry("userStatusSentinelKey", message([3, "Me"], [7, "me@example.org"])),
        ),
      ],
      [ENTERPRISE, topic(entry("enterpriseGcpProjectId", message([3, "my-project-1"])))],
      [OLDER, base64(message([2, "older@example.org"], [6, tokenInfo({ refresh: OTHER })]))],
      [OLDEST, JSON.stringify({ apiKey: "ya29.test", email: "oldest@example.org" })],
    ]);
    expect(readAppState(items).accounts).toEqual([
      { kind: "antigravity", secret: TOKEN, email: "me@example.org", projectId: "my-project-1" },
    ]);
  });

  test("without a project number, which upstream refuses, and without what is no e-mail", () => {
    const items = new Map([
      [OAUTH, signedIn],
      [USER, topic(entry("userStatusSentinelKey", message([7, "Me Myself"])))],
      [ENTERPRISE, topic(entry("enterpriseGcpProjectId", message([3, "123456789012"])))],
    ]);
    expect(readAppState(items).accounts).toEqual([{ kind: "antigravity", secret: TOKEN }]);
  });

  for (const [how, inner] of [
    ["raw", info],
    ["in base64", Buffer.from(base64(info))],
  ] as const) {
    test(`in the state of versions before 1.16.5, ${how}, with its e-mail`, () => {
      const items = new Map([[OLDER, base64(message([1, "x"], [2, "me@example.org"], [6, inner], [9, 1]))]]);
      expect(readAppState(items).accounts).toEqual([{ kind: "antigravity", secret: TOKEN, email: "me@example.org" }]);
    });
  }
});

describe("readAppState leaves out", () => {
  const older = base64(message([6, tokenInfo({ refresh: OTHER })]));
  const rows: [what: string, items: Record<string, string>, reason: RegExp][] = [
    ["an app that is not signed in", {}, /^is not signed in/],
    [
      "an access token of the oldest versions",
      { [OLDEST]: '{"apiKey":"ya29.test","email":"me@example.org"}' },
      /^has an access token only/,
    ],
    ["an access token alone", { [OAUTH]: topic(entry(SENTINEL, tokenInfo({}))) }, /^has an access token only/],
    ["a token under another key", { [OAUTH]: topic(entry("other", info)) }, /cannot be read, or is signed out/],
    [
      "what an older version left behind, when the newer one is signed out",
      { [OAUTH]: topic(), [OLDER]: older },
      /signed out/,
    ],
    ["what is no base64", { [OAUTH]: "{not base64}" }, /cannot be read/],
    ["a message that was cut", { [OAUTH]: base64(Buffer.from(signedIn, "base64").subarray(0, -4)) }, /cannot be read/],
    ["an empty status", { [OLDEST]: "{}" }, /^is not signed in/],
  ];
  for (const [what, items, reason] of rows) {
    test(what, () => {
      const { accounts, skipped } = readAppState(new Map(Object.entries(items)));
      expect(accounts).toEqual([]);
      expect(skipped).toEqual([{ place: "The installed app", reason: expect.stringMatching(reason) }]);
    });
  }

  test("whatever else is in the database, without throwing", () => {
    const value = fc.oneof(fc.string(), fc.base64String(), fc.uint8Array().map(base64));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...APP_STATE_KEYS), value), (items) => {
        const { accounts, skipped } = readAppState(new Map(Object.entries(items)));
        expect(accounts.length + skipped.length).toBe(1);
      }),
    );
  });

  test("a good database of which one byte was changed, or reads it as it was", () => {
    const bytes = Buffer.from(signedIn, "base64");
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const { accounts, skipped } = readAppState(new Map([[OAUTH, base64(changed)]]));
        expect(accounts.length + skipped.length).toBe(1);
      }),
    );
  });
});

describe("readMessage", () => {
  test("skips fields of fixed length and varints, up to the longest", () => {
    const bytes = Buffer.concat([
      message([1, 2 ** 40]),
      Buffer.from([0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
      varint(3 * 8 + 1),
      Buffer.alloc(8),
      varint(4 * 8 + 5),
      Buffer.alloc(4),
      message([5, "end"]),
    ]);
    expect(readMessage(bytes)).toEqual([{ number: 5, bytes: new Uint8Array(Buffer.from("end")) }]);
  });

  const broken: [what: string, bytes: number[]][] = [
    ["a tag that is cut", [0x80]],
    ["field number 0", [0x02, 0x00]],
    ["a group", [0x0b, 0x0c]],
    ["a length beyond the end", [0x0a, 0x02, 0x41]],
    ["a length of astronomical size", [0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0x41]],
    ["a varint without end", [0x08, ...Array<number>(11).fill(255)]],
    ["a fixed field that is cut", [0x09, 1, 2, 3]],
  ];
  for (const [what, bytes] of broken) {
    test(`refuses ${what}`, () => expect(readMessage(new Uint8Array(bytes))).toBeUndefined());
  }
});
