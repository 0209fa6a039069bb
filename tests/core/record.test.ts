import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeRecord, encodeRecord, MAX_RECORD_BYTES } from "../../src/core/record-text.ts";
import { isFailed, type RequestRecord } from "../../src/core/record.ts";
import {
  type AttemptRecord,
  type ChoiceRecord,
  type Considered,
  REASONS,
  type WaitRecord,
} from "../../src/core/trace.ts";
import { ALWAYS_THERE } from "../support/record-fields.ts";

const USUAL: RequestRecord = {
  id: "req_1",
  at: Date.UTC(2026, 0, 31),
  route: "POST /v1/messages",
  protocol: "anthropic",
  model: "sample",
  served: "sample-2",
  stream: true,
  account: "a1",
  choices: [
    {
      atMs: 0,
      result: "take",
      accounts: [
        { handle: "a1", reason: "own" },
        { handle: "a2", reason: "not-own" },
        { handle: "a3", reason: "resting", rest: { kind: "quota-exhausted", until: 9, evidence: "429" } },
      ],
    },
  ],
  waits: [],
  attempts: [{ accountHandle: "a1", outcome: "ok", atMs: 0, ms: 20, firstEventMs: 10 }],
  losses: [],
  usage: { input: 10, cachedInput: 5, output: 4, thinking: 0 },
  firstEventMs: 10,
  waitedMs: 0,
  totalMs: 20,
  status: 200,
  outcome: "ok",
};

const bytesOf = (text: string) => Buffer.byteLength(text);
const kept = (record: Partial<RequestRecord>): RequestRecord => {
  const text = encodeRecord({ ...USUAL, ...record });
  expect(bytesOf(text)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
  const read = decodeRecord(text);
  if (!read) throw new Error("the record cannot be read again");
  return read;
};
const list = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const attempt = (index: number): AttemptRecord => ({
  accountHandle: `a${index}`,
  outcome: "rate-limited",
  atMs: index,
  upstreamStatus: 429,
  next: "switch",
});
const choice = (index: number, accounts: Considered[] = []): ChoiceRecord => ({
  atMs: index,
  result: "take",
  accounts,
});
const wait = (index: number): WaitRecord => ({
  atMs: index,
  ms: 5,
  source: "limit",
  evidence: "429 RATE_LIMIT_EXCEEDED",
});

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "",
    "\ud83d",
    '"\\\u0000',
    "👩‍👩‍👧".repeat(2_000),
    "\u001b".repeat(3_000),
    "é".repeat(2_100),
    '"'.repeat(900),
  ),
);
const numbers = fc.constantFrom(0, 1, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER, Date.UTC(2026, 0, 1));
const some = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof(fc.array(arbitrary, { maxLength: 3 }), fc.array(arbitrary, { minLength: 15, maxLength: 30 }));
const accounts = fc.record(
  {
    handle: texts,
    reason: fc.constantFrom(...REASONS),
    rest: fc.record({ kind: fc.constant("rate-limited" as const), until: numbers, evidence: texts }),
  },
  { requiredKeys: ["handle", "reason"] },
);
const records: fc.Arbitrary<RequestRecord> = fc.record(
  {
    id: texts,
    at: numbers,
    route: texts,
    protocol: fc.constant("gemini" as const),
    key: texts,
    model: texts,
    served: texts,
    rule: texts,
    fallback: fc.constant(true as const),
    account: texts,
    choices: some(fc.record({ atMs: numbers, result: fc.constantFrom("take", "limited"), accounts: some(accounts) })),
    waits: some(fc.record({ atMs: numbers, ms: numbers, source: fc.constant("limit" as const), evidence: texts })),
    attempts: some(
      fc.record({
        accountHandle: texts,
        outcome: fc.constant("unavailable" as const),
        model: texts,
        upstreamStatus: numbers,
        upstreamReason: texts,
        retryAfterSource: texts,
      }),
    ),
    losses: some(texts),
    usage: fc.record({ input: numbers, cachedInput: numbers, output: numbers, thinking: numbers }),
    waitedMs: numbers,
    totalMs: numbers,
    status: numbers,
    outcome: fc.constantFrom("ok", "internal"),
    reason: texts,
    omitted: fc.record({ choices: fc.nat(1_000), losses: fc.nat(1_000) }),
  },
  {
    requiredKeys: [...ALWAYS_THERE],
  },
);

describe("a record as text", () => {
  test("is the record itself where there is room for all of it", () => {
    expect(encodeRecord(USUAL)).toBe(JSON.stringify(USUAL));
    expect(decodeRecord(encodeRecord(USUAL))).toStrictEqual(USUAL);
  });

  test("never takes more than 4096 bytes and can be read again, whatever went in", () => {
    fc.assert(
      fc.property(records, (record) => {
        const text = encodeRecord(record);
        expect(bytesOf(text)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
        const read = decodeRecord(text);
        expect([read?.status, read?.outcome]).toEqual([record.status, record.outcome]);
        for (const name of ["attempts", "waits", "losses", "choices"] as const) {
          const { [name]: entries = [], omitted } = read ?? USUAL;
          const before = name === "choices" || name === "losses" ? (record.omitted?.[name] ?? 0) : 0;
          expect(entries.length + (omitted?.[name] ?? 0)).toBe(record[name].length + before);
        }
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  test("has its size in bytes, not in characters", () => {
    const room = MAX_RECORD_BYTES - bytesOf(JSON.stringify({ ...USUAL, key: "" }));
    const exact = { ...USUAL, key: "é".repeat(Math.floor(room / 2)) };
    expect(encodeRecord(exact)).toBe(JSON.stringify(exact));
    expect(kept({ key: `${exact.key}é` }).key).toEndWith("…");
  });

  test("that is written again is not cut a second time", () => {
    const once = encodeRecord({ ...USUAL, attempts: list(200, attempt), reason: "x".repeat(3_000) });
    const read = decodeRecord(once);
    expect(read && encodeRecord(read)).toBe(once);
  });

  test("keeps the first attempt and the last ones, and counts the others", () => {
    const { attempts, omitted } = kept({ attempts: list(500, attempt) });
    const handles = attempts.map(({ accountHandle }) => accountHandle);
    expect(handles).toEqual(["a0", ...list(attempts.length - 1, (index) => `a${500 - attempts.length + 1 + index}`)]);
    expect(attempts.length).toBeGreaterThan(15);
    expect(omitted).toEqual({ attempts: 500 - attempts.length });
  });

  test("tells the end of all lists rather than the whole of one", () => {
    const { attempts, waits, choices, losses } = kept({
      attempts: list(90, attempt),
      waits: list(90, wait),
      choices: list(90, (index) => choice(index, [{ handle: "a1", reason: "best" }])),
      losses: list(90, (index) => `field[${index}]: it is not known`),
    });
    expect([attempts.length > 8, waits.length > 8, choices.length > 8]).toEqual([true, true, true]);
    expect([attempts, waits, choices].map((entries) => entries.at(-1)?.atMs)).toEqual([89, 89, 89]);
    expect(losses.slice(0, 3)).toEqual(list(3, (index) => `field[${index}]: it is not known`));
  });

  test("keeps of a choice among many accounts the one taken, and one for each reason, the one free the soonest", () => {
    const resting = (handle: string, until: number): Considered => ({
      handle,
      reason: "resting",
      rest: { kind: "rate-limited", until, evidence: "429" },
    });
    const many = [
      ...list(300, (index) => resting(`r${index}`, 1_000 - index)),
      ...list(300, (index): Considered => ({ handle: `f${index}`, reason: "full" })),
      { handle: "a1", reason: "best" } as const,
    ];
    const { choices, omitted } = kept({ choices: [choice(0, many)] });
    const shown = choices[0]?.accounts ?? [];
    expect(shown.map(({ handle }) => handle)).toEqual(expect.arrayContaining(["r299", "f0", "a1"]));
    expect(shown.length).toBeGreaterThan(30);
    expect(omitted).toEqual({ accounts: many.length - shown.length });
  });

  test("adds to what was left out before", () => {
    const { attempts, omitted } = kept({ attempts: list(100, attempt), omitted: { attempts: 7, waits: 2 } });
    expect(omitted).toEqual({ attempts: 107 - attempts.length, waits: 2 });
  });

  test("says what its texts begin with, in whole characters, also of a model's name of a million", () => {
    const { model, reason } = kept({ model: "👩‍👩‍👧".repeat(200_000), reason: `${"\u001b".repeat(2_000)}"` });
    expect(model).toStartWith("👩‍👩‍👧👩‍👩‍👧");
    expect(model).toEndWith("…");
    expect(model?.isWellFormed()).toBe(true);
    expect(reason?.length).toBeGreaterThan(50);
  });
});

describe("a record that another version has written", () => {
  test("is read with its new fields and its new words", () => {
    const newer = {
      ...USUAL,
      outcome: "new-kind",
      protocol: "new-protocol",
      color: "red",
      choices: [{ atMs: 0, result: "take", accounts: [{ handle: "a1", reason: "new-reason", weight: 3 }], round: 1 }],
      waits: [{ atMs: 0, ms: 1, source: "new-source" }],
      attempts: [{ accountHandle: "a1", outcome: "new-kind", host: "h", next: "new-step" }],
    };
    expect(decodeRecord(JSON.stringify(newer))).toEqual(newer as unknown as RequestRecord);
  });

  test("is read without the entries that are not understood", () => {
    const odd = {
      ...USUAL,
      waits: "none",
      attempts: [7, { accountHandle: "a1" }, ...USUAL.attempts],
      losses: [1, "a: b"],
    };
    expect(decodeRecord(JSON.stringify(odd))).toEqual({ ...USUAL, losses: ["a: b"] });
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["an object of nothing", "{}"],
    ["a status in words", JSON.stringify({ ...USUAL, status: "200" })],
  ])("is nothing when it is no record: %s", (_, text) => {
    expect(decodeRecord(text)).toBeUndefined();
  });
});

test("a client that left is no failure", () => {
  expect((["ok", "client-closed", "unknown-model"] as const).map((outcome) => isFailed({ outcome }))).toEqual([
    false,
    false,
    true,
  ]);
});
