import fc from "fast-check";
import type { AccountProblem, FailureKind, Repair } from "../../src/core/errors.ts";
import { PROTOCOL_IDS } from "../../src/core/protocol.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import {
  type AttemptRecord,
  type ChoiceRecord,
  type Considered,
  REASONS,
  type WaitRecord,
  type WaitSource,
} from "../../src/core/trace.ts";
import { ALWAYS_THERE } from "../support/record-fields.ts";

const KINDS: Readonly<Record<FailureKind, true>> = {
  "invalid-request": true,
  "context-too-long": true,
  "payload-too-large": true,
  "unknown-model": true,
  "unknown-route": true,
  "not-found": true,
  unauthorized: true,
  forbidden: true,
  "key-limited": true,
  busy: true,
  "rate-limited": true,
  "quota-exhausted": true,
  overloaded: true,
  unavailable: true,
  "version-refused": true,
  "malformed-answer": true,
  "model-missing": true,
  "access-denied": true,
  "access-token-rejected": true,
  "project-rejected": true,
  "account-unusable": true,
  "no-account": true,
  "region-blocked": true,
  deadline: true,
  cancelled: true,
  internal: true,
};
const PROBLEMS: Readonly<Record<AccountProblem, true>> = {
  "needs-login": true,
  "needs-verification": true,
  "terms-block": true,
  "no-project": true,
  "key-rejected": true,
};
const SOURCES: Readonly<Record<WaitSource, true>> = {
  slot: true,
  limit: true,
  burst: true,
  "unnamed-limit": true,
  "back-off": true,
  "retry-pause": true,
  "second-opinion": true,
};
const REPAIRS: Readonly<Record<Repair, true>> = {
  "drop-thinking": true,
  "thinking-other-form": true,
  "thinking-config-off": true,
};

function keysOf<Key extends string>(table: Readonly<Record<Key, true>>): Key[] {
  return Object.keys(table) as Key[];
}

export const ALL_KINDS = keysOf(KINDS);
export const ALL_PROBLEMS = keysOf(PROBLEMS);
export const ALL_SOURCES = keysOf(SOURCES);

const AT = Date.UTC(2026, 7, 20);
const handle = fc.constantFrom("a1", "a2", "a17", "a104");
const ms = fc.integer({ min: 0, max: 4_000_000 });
const name = fc.constantFrom("sonnet", "gemini-3-flash", "日本語モデル", "a b\n[31m", "x".repeat(30), "");
const evidence = fc.constantFrom(
  "429 RATE_LIMIT_EXCEEDED, RetryInfo",
  "quota reading: weekly window used up",
  "rate-limited",
);
const reason = fc.constantFrom(
  "Upstream cannot be reached",
  "No account is usable. a1 needs a new sign-in: ag accounts add; a2 is disabled: ag accounts enable a2",
  "messages[2].content: must be text",
  "Google's sign-in service failed with status 503.",
  " ",
  "upstream answered 400",
);
const kind = fc.constantFrom(...ALL_KINDS);

const considered: fc.Arbitrary<Considered> = fc.record(
  {
    handle,
    reason: fc.constantFrom(...REASONS),
    rest: fc.record({
      kind: fc.constantFrom(
        "rate-limited",
        "quota-exhausted",
        "model-missing",
        "access-denied",
        "access-token-rejected",
        "project-rejected",
      ),
      until: fc.integer({ min: AT - 1_000, max: AT + 900_000_000 }),
      evidence,
    }),
  },
  { requiredKeys: ["handle", "reason"] },
);
const choice: fc.Arbitrary<ChoiceRecord> = fc.record({
  atMs: ms,
  result: fc.constantFrom("take", "wait", "limited", "refused"),
  accounts: fc.array(considered, { maxLength: 6 }),
});
const wait: fc.Arbitrary<WaitRecord> = fc.record(
  { atMs: ms, ms, source: fc.constantFrom(...ALL_SOURCES), handle, evidence },
  { requiredKeys: ["atMs", "ms", "source"] },
);
const attempt: fc.Arbitrary<AttemptRecord> = fc.record(
  {
    accountHandle: handle,
    outcome: fc.oneof(fc.constant("ok" as const), kind),
    unsent: fc.constant(true as const),
    atMs: ms,
    ms,
    firstEventMs: ms,
    model: fc.constantFrom("claude-opus-4-6-thinking", "gemini-3-flash"),
    upstreamStatus: fc.constantFrom(400, 401, 403, 404, 429, 500, 503),
    upstreamReason: fc.constantFrom("RATE_LIMIT_EXCEEDED", "QUOTA_EXHAUSTED", "VALIDATION_REQUIRED"),
    accountProblem: fc.constantFrom(...ALL_PROBLEMS),
    retryAfterMs: ms,
    retryAfterSource: fc.constantFrom("RetryInfo", "retry-after header"),
    next: fc.constantFrom("again", "switch", "wait", "fallback"),
    repair: fc.constantFrom(...keysOf(REPAIRS)),
    renewed: fc.constantFrom("access-token", "project"),
  },
  { requiredKeys: ["accountHandle", "outcome"] },
);
const count = fc.integer({ min: 0, max: 9_000_000 });

/** Any record at all, also such as no gateway writes. */
export const arbitraryRecord: fc.Arbitrary<RequestRecord> = fc.record(
  {
    id: fc.constant("req_0123456789abcdefABCDEF01"),
    at: fc.constant(AT),
    route: fc.constantFrom("POST /v1/messages", "GET /v1/models", "POST /v1beta/models/*", `GET /${"p".repeat(30)}`),
    protocol: fc.constantFrom(...PROTOCOL_IDS),
    key: fc.constantFrom("k1", "env", "owner"),
    model: name,
    served: fc.constantFrom("claude-sonnet-4-6", "gemini-3-flash"),
    rule: fc.constant('shipped alias "sonnet" → "claude-sonnet-*"'),
    fallback: fc.constant(true as const),
    stream: fc.constant(true as const),
    account: handle,
    choices: fc.array(choice, { maxLength: 5 }),
    waits: fc.array(wait, { maxLength: 4 }),
    attempts: fc.array(attempt, { maxLength: 5 }),
    losses: fc.array(fc.constantFrom("top_k: this model takes none", "seed: not honoured"), { maxLength: 3 }),
    usage: fc.record({ input: count, cachedInput: count, output: count, thinking: count }),
    firstEventMs: ms,
    waitedMs: ms,
    totalMs: ms,
    status: fc.constantFrom(0, 200, 400, 401, 429, 502, 503, 504),
    outcome: fc.oneof(fc.constantFrom("ok" as const, "client-closed" as const), kind),
    reason,
    omitted: fc.record({ choices: count, accounts: count, attempts: count }, { requiredKeys: [] }),
  },
  {
    requiredKeys: [...ALWAYS_THERE],
  },
);
