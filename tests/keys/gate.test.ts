import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { asGatewayError } from "../../src/core/errors.ts";
import type { ApiKey, Scope } from "../../src/core/keys.ts";
import type { KeyStore } from "../../src/core/store.ts";
import { createKeyGate, type KeyGateDeps } from "../../src/keys/gate.ts";
import { ownerToken } from "../../src/keys/owner-token.ts";
import { redact } from "../../src/lib/redact.ts";
import { matchesWildcard } from "../../src/models/wildcard.ts";
import { fakeClock } from "../support/clock.ts";

const START = Date.UTC(2026, 0, 1);
const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const sign = (text: string) => hash(`owner ${text}`);

function keyOf(text: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    handle: "k1",
    digest: hash(text),
    hint: `${text.slice(0, 10)}…`,
    scopes: ["inference"],
    models: [],
    createdAt: START,
    ...more,
  };
}

/** A gate over a list that the test changes, as another process would. */
function setup(keys: ApiKey[] = [], over: Partial<KeyGateDeps> = {}) {
  const clock = fakeClock(START);
  const state = { keys, version: 1, reads: 0, looks: 0, touched: [] as [string, number][] };
  const store: Pick<KeyStore, "list" | "version" | "touch" | "signAsOwner"> = {
    async list() {
      state.reads++;
      return [...state.keys];
    },
    version() {
      state.looks++;
      return state.version;
    },
    touch: (handle, now) => void state.touched.push([handle, now - START]),
    signAsOwner: sign,
  };
  const gate = createKeyGate({ keys: store, clock, hash, matches: matchesWildcard, ...over });
  return {
    gate,
    clock,
    state,
    change(changed: ApiKey[]) {
      state.keys = changed;
      state.version++;
    },
    /** The handle of who was let in, or why nobody was. */
    async ask(presented: string | string[], scope: Scope = "inference"): Promise<string> {
      try {
        const { key = "anybody" } = await gate.admit([presented].flat(), scope);
        return key;
      } catch (cause) {
        const { kind, message } = asGatewayError(cause);
        return `${kind}: ${message}`;
      }
    },
  };
}

const ALL: readonly Scope[] = ["inference", "admin", "metrics"];
const REQUIRED =
  "unauthorized: An API key is required: send one that `ag keys create` has made, as a Bearer token, x-api-key or x-goog-api-key";
const INVALID = "unauthorized: The API key is not valid: `ag keys list` shows which there are";

test("what refusals say looks like no secret: logs and records hold it as it is", () => {
  for (const message of [REQUIRED, INVALID]) expect(redact(message)).toBe(message);
});

describe("whether a key is asked for", () => {
  test("while none was ever made, everybody may do everything, whatever they present", async () => {
    const { ask } = setup();
    for (const scope of ALL) {
      expect(await ask([], scope)).toBe("anybody");
      expect(await ask("sk-ag-test-unknown", scope)).toBe("anybody");
    }
  });

  const made: [name: string, key: Partial<ApiKey>][] = [
    ["active", {}],
    ["revoked", { revokedAt: START }],
    ["expired", { expiresAt: START }],
    ["for another scope", { scopes: ["metrics"] }],
  ];
  for (const [name, change] of made) {
    test(`once a key was made it is, for every scope, also when the only one is ${name}`, async () => {
      const { ask } = setup([keyOf("sk-ag-test-1", change)]);
      for (const scope of ALL) {
        expect(await ask([], scope)).toBe(REQUIRED);
        expect(await ask("sk-ag-test-2", scope)).toBe(INVALID);
      }
    });
  }

  test("with AG_API_KEY it is, and that key asks models and nothing else", async () => {
    const { ask } = setup([], { staticKey: "sk-ag-test-env" });
    expect(await ask([])).toBe(REQUIRED);
    expect(await ask("sk-ag-test-enw")).toBe(INVALID);
    expect(await ask("sk-ag-test-env")).toBe("env");
    for (const scope of ["admin", "metrics"] as const) {
      expect(await ask("sk-ag-test-env", scope)).toBe(
        `forbidden: The scope ${scope} is needed here; the key in AG_API_KEY has inference only`,
      );
    }
  });

  test("the first key, made by another process, is asked for within half a second", async () => {
    const { ask, change, clock } = setup();
    expect(await ask([])).toBe("anybody");
    change([keyOf("sk-ag-test-1")]);
    await clock.advance(500);
    expect(await ask([])).toBe(REQUIRED);
    expect(await ask("sk-ag-test-1")).toBe("k1");
  });
});

describe("who comes in", () => {
  const keys = [
    keyOf("sk-ag-test-models"),
    keyOf("sk-ag-test-admin", { handle: "k2", scopes: ["admin"] }),
    keyOf("sk-ag-test-both", { handle: "k3", scopes: ["admin", "metrics"] }),
    keyOf("sk-ag-test-revoked", { handle: "k4", revokedAt: START - 1, expiresAt: START - 2 }),
    keyOf("sk-ag-test-expired", { handle: "k5", expiresAt: START }),
    keyOf("sk-ag-test-expiring", { handle: "k6", expiresAt: START + 1 }),
    keyOf("sk-ag-test-nothing", { handle: "k7", scopes: [] }),
  ];
  const owner = ownerToken(sign, START);
  const revoked = "unauthorized: The API key k4 was revoked";
  const expired = "unauthorized: The API key k5 has expired";
  const notAdmin = "forbidden: The scope admin is needed here; the API key k1 has inference only";

  const rows: [name: string, presented: string[], scope: Scope, expected: string][] = [
    ["a key with the scope", ["sk-ag-test-models"], "inference", "k1"],
    ["not one without it", ["sk-ag-test-models"], "admin", notAdmin],
    [
      "an admin key asks no model",
      ["sk-ag-test-admin"],
      "inference",
      "forbidden: The scope inference is needed here; the API key k2 has admin only",
    ],
    [
      "one with two scopes is told of both",
      ["sk-ag-test-both"],
      "inference",
      "forbidden: The scope inference is needed here; the API key k3 has admin and metrics only",
    ],
    [
      "one without a scope that is known",
      ["sk-ag-test-nothing"],
      "inference",
      "forbidden: The scope inference is needed here; the API key k7 has no scope that is known here",
    ],
    ["one that was revoked is told so", ["sk-ag-test-revoked"], "inference", revoked],
    ["one that has expired is told so", ["sk-ag-test-expired"], "inference", expired],
    ["one in its last millisecond", ["sk-ag-test-expiring"], "inference", "k6"],
    ["not one that differs in case", ["SK-AG-TEST-MODELS"], "inference", INVALID],
    ["not one with a space behind it", ["sk-ag-test-models "], "inference", INVALID],
    ["not the digest of one", [hash("sk-ag-test-models")], "inference", INVALID],
    ["not the empty text", [""], "inference", INVALID],
    ["of several keys one is enough", ["x", "sk-ag-test-revoked", "sk-ag-test-models"], "inference", "k1"],
    ["of several the one with the scope counts", ["sk-ag-test-models", "sk-ag-test-admin"], "admin", "k2"],
    ["a missing scope is said before a wrong key", ["x", "sk-ag-test-models", "y"], "admin", notAdmin],
    ["a missing scope is said before an expiry", ["sk-ag-test-expired", "sk-ag-test-models"], "admin", notAdmin],
    ["an expiry is said before a wrong key", ["x", "sk-ag-test-expired", "y"], "inference", expired],
    ["the owner reads the state of accounts", [owner], "admin", "owner"],
    ["the owner reads metrics", [owner], "metrics", "owner"],
    [
      "the owner's token asks no model",
      [owner],
      "inference",
      "forbidden: The scope inference is needed here; the owner's token has admin and metrics only",
    ],
    ["an owner's token of another data folder does not", [ownerToken(hash, START)], "admin", INVALID],
    ["an old one does not", [ownerToken(sign, START - 61_000)], "admin", INVALID],
    ["a wrong owner's token spoils nothing", [ownerToken(hash, START), "sk-ag-test-admin"], "admin", "k2"],
  ];
  for (const [name, presented, scope, expected] of rows) {
    test(name, async () => expect(await setup(keys).ask(presented, scope)).toBe(expected));
  }

  test("a key expires while the gateway runs", async () => {
    const { ask, clock } = setup([keyOf("sk-ag-test-1", { expiresAt: START + 100 })]);
    expect(await ask("sk-ag-test-1")).toBe("k1");
    await clock.advance(100);
    expect(await ask("sk-ag-test-1")).toBe("unauthorized: The API key k1 has expired");
  });
});

describe("a change by another process", () => {
  test("a revoked key lets no new request in after half a second, and ends none that is running", async () => {
    const key = keyOf("sk-ag-test-1", { concurrency: 1 });
    const { ask, gate, change, clock } = setup([key]);
    const caller = await gate.admit(["sk-ag-test-1"], "inference");
    const running = caller.begin();
    change([{ ...key, revokedAt: START }]);
    await clock.advance(499);
    expect(await ask("sk-ag-test-1")).toBe("k1");
    await clock.advance(1);
    expect(await ask("sk-ag-test-1")).toBe("unauthorized: The API key k1 was revoked");
    running[Symbol.dispose]();
  });

  test("is looked for twice a second at most, and the list is read only after one", async () => {
    const { ask, change, clock, state } = setup([keyOf("sk-ag-test-1")]);
    for (let count = 0; count < 1_000; count++) {
      await ask("sk-ag-test-1");
      if (count % 100 === 99) await clock.advance(100);
    }
    expect(state).toMatchObject({ reads: 1, looks: 2 });
    change(state.keys);
    await clock.advance(500);
    await ask("sk-ag-test-1");
    expect(state).toMatchObject({ reads: 2, looks: 3 });
  });

  test("many requests that meet it read the list once", async () => {
    const { ask, state } = setup([keyOf("sk-ag-test-1")]);
    const all = await Promise.all(Array.from({ length: 50 }, () => ask("sk-ag-test-1")));
    expect(new Set(all)).toEqual(new Set(["k1"]));
    expect(state.reads).toBe(1);
  });

  test("is seen although the clock was set back", async () => {
    const clock = { at: START, now: () => clock.at };
    const key = keyOf("sk-ag-test-1");
    const { ask, change } = setup([key], { clock });
    expect(await ask("sk-ag-test-1")).toBe("k1");
    change([{ ...key, revokedAt: START }]);
    clock.at -= 3_600_000;
    expect(await ask("sk-ag-test-1")).toBe("unauthorized: The API key k1 was revoked");
  });

  test("that cannot be read lets nobody in, and is tried again by the next request", async () => {
    let isBroken = false;
    const key = keyOf("sk-ag-test-1");
    const list = async () => {
      if (isBroken) throw new Error("the data file is gone");
      return [key];
    };
    let version = 1;
    const keys = { list, version: () => version, touch: () => {}, signAsOwner: sign };
    const { ask, clock } = setup([], { keys });
    expect(await ask("sk-ag-test-1")).toBe("k1");
    version++;
    isBroken = true;
    await clock.advance(500);
    expect(await ask("sk-ag-test-1")).toStartWith("internal: ");
    isBroken = false;
    expect(await ask("sk-ag-test-1")).toBe("k1");
  });

  test("of one key leaves the counts of another as they are", async () => {
    const limited = keyOf("sk-ag-test-1", { concurrency: 1 });
    const { gate, change, clock } = setup([limited]);
    (await gate.admit(["sk-ag-test-1"], "inference")).begin();
    change([limited, keyOf("sk-ag-test-2", { handle: "k2" })]);
    await clock.advance(500);
    const caller = await gate.admit(["sk-ag-test-1"], "inference");
    expect(() => caller.begin()).toThrow("1 request running");
  });
});

describe("what a key may", () => {
  test("its limits are its own: another key, the environment's and the owner's have none", async () => {
    const keys = [keyOf("sk-ag-test-1", { rpm: 1 }), keyOf("sk-ag-test-2", { handle: "k2", rpm: 1 })];
    const { gate } = setup(keys, { staticKey: "sk-ag-test-env" });
    const begin = async (text: string) => (await gate.admit([text], "inference")).begin();
    await begin("sk-ag-test-1");
    await expect(begin("sk-ag-test-1")).rejects.toThrow("The API key k1 may send 1 request a minute");
    await begin("sk-ag-test-2");
    for (let count = 0; count < 100; count++) await begin("sk-ag-test-env");
  });

  const rows: [models: string[], asked: string, served: string, expected: boolean, rule?: string][] = [
    [[], "any", "claude-x", true],
    [["gemini-*"], "gemini-flash", "gemini-3-flash", true],
    [["gemini-*"], "claude-x", "claude-x", false],
    [["gemini-*"], "gpt-4o", "gemini-3-flash", true],
    [["team-*"], "team-fast", "claude-x", true],
    [["gemini-*"], "models/Gemini-X", "served", true],
    [["Gemini-*"], "gemini-x", "served", true],
    [["gemini-3-flash", "claude-*-mini"], "claude-9-mini", "claude-9-mini", true],
    [["gemini-3-flash", "claude-*-mini"], "claude-9", "claude-9", false],
    [["flash"], "gemini-flash", "gemini-3-flash", false],
    // Names are understood generously: one that only looks as the key's patterns do must not open another model.
    [["*flash*"], "claude-opus-flash", "claude-opus-9", false, "claude-*opus*"],
    [["gemini-3-flash*"], "gemini-3-flash-pro-image", "gemini-3-pro-image", false, "gemini-*pro-image*"],
    [["*flash*"], "gpt-flash", "gemini-3-pro", false, "gpt-*"],
    [["gpt-*"], "gpt-4o-mini", "gemini-3-flash", true, "gpt-*mini*"],
    [["gpt-4*"], "gpt-4o", "gemini-3-pro", true, "gpt-*"],
    [["gpt-4o-mini"], "gpt-4o-mini", "gemini-3-flash", true, "gpt-*mini*"],
    [["team-*"], "team-fast(high)", "claude-x", true, "team-fast"],
    [["opus"], "opus[1m]", "claude-x", true, "opus"],
  ];
  for (const [models, asked, served, expected, rule] of rows) {
    test(`with models [${models.join(", ")}], ${asked} served by ${served} is ${expected ? "let through" : "not"}`, async () => {
      const { gate } = setup([keyOf("sk-ag-test-1", { models })]);
      const caller = await gate.admit(["sk-ag-test-1"], "inference");
      expect(caller.maySee(asked, served, rule)).toBe(expected);
    });
  }
});

test("the time of last use is noted once a minute, and only when the key was good", async () => {
  const keys = [keyOf("sk-ag-test-1"), keyOf("sk-ag-test-2", { handle: "k2", revokedAt: START })];
  const { ask, clock, state } = setup(keys);
  await ask("sk-ag-test-2");
  await ask("sk-ag-test-1");
  await clock.advance(59_999);
  await ask("sk-ag-test-1");
  expect(state.touched).toEqual([["k1", 0]]);
  await clock.advance(1);
  await ask("sk-ag-test-1");
  expect(state.touched).toEqual([
    ["k1", 0],
    ["k1", 60_000],
  ]);
});

describe("what is in force", () => {
  const rows: [name: string, keys: ApiKey[], staticKey: string | undefined, expected: object][] = [
    ["nothing", [], undefined, { asked: false, fromEnvironment: false, stored: 0, active: 0 }],
    ["AG_API_KEY alone", [], "sk-ag-test", { asked: true, fromEnvironment: true, stored: 0, active: 0 }],
    [
      "one active key among those that cannot ask models",
      [
        keyOf("1"),
        keyOf("2", { revokedAt: START }),
        keyOf("3", { expiresAt: START }),
        keyOf("4", { scopes: ["admin"] }),
      ],
      undefined,
      { asked: true, fromEnvironment: false, stored: 4, active: 1 },
    ],
  ];
  for (const [name, keys, staticKey, expected] of rows) {
    test(name, async () => expect(await setup(keys, { staticKey }).gate.inForce()).toEqual(expected as never));
  }
});
