import { expect, test } from "bun:test";
import { type FailureDetail, type FailureKind, GatewayError, type Repair } from "../../src/core/errors.ts";
import { type Decision, decide, MAX_ATTEMPTS, type Renewal } from "../../src/gateway/decide.ts";

interface Row {
  name: string;
  kind: FailureKind;
  detail?: FailureDetail;
  attempts?: number;
  attemptsOnAccount?: number;
  repairs?: Repair[];
  renewed?: Renewal[];
  expected: Decision;
}

const stop: Decision = { type: "stop" };
const switchAccount: Decision = { type: "switch" };
const again = (afterMs: number, extra: object = {}): Decision => ({ type: "again", afterMs, ...extra });

const rows: Row[] = [
  { name: "a bad request is not retried", kind: "invalid-request", expected: stop },
  {
    name: "a refusal with a known repair is tried once with it",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    expected: again(0, { repair: "drop-thinking" }),
  },
  {
    name: "the same repair is not tried twice",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    attempts: 2,
    repairs: ["drop-thinking"],
    expected: stop,
  },
  {
    name: "a second, different repair may follow",
    kind: "invalid-request",
    detail: { repair: "thinking-config-off" },
    attempts: 2,
    repairs: ["thinking-other-form"],
    expected: again(0, { repair: "thinking-config-off" }),
  },
  { name: "too long a prompt is not retried", kind: "context-too-long", expected: stop },
  { name: "too large a body is not retried", kind: "payload-too-large", expected: stop },
  { name: "an unknown model is not retried", kind: "unknown-model", expected: stop },
  { name: "an unknown route is not retried", kind: "unknown-route", expected: stop },
  { name: "a missing key is not retried", kind: "unauthorized", expected: stop },
  { name: "a refusal of ours is not retried", kind: "forbidden", expected: stop },
  {
    name: "a burst limit is waited for in place with a margin",
    kind: "rate-limited",
    detail: { retryAfterMs: 900 },
    expected: again(1400),
  },
  {
    name: "a burst limit is waited for at most twice",
    kind: "rate-limited",
    detail: { retryAfterMs: 900 },
    attempts: 3,
    attemptsOnAccount: 3,
    expected: switchAccount,
  },
  {
    name: "a limit of three seconds moves on",
    kind: "rate-limited",
    detail: { retryAfterMs: 3000 },
    expected: switchAccount,
  },
  { name: "a limit without a stated end may be a passing squeeze", kind: "rate-limited", expected: again(500) },
  {
    name: "the second wait for it is longer",
    kind: "rate-limited",
    attempts: 2,
    attemptsOnAccount: 2,
    expected: again(1500),
  },
  {
    name: "a limit without a stated end moves on after two waits",
    kind: "rate-limited",
    attempts: 3,
    attemptsOnAccount: 3,
    expected: switchAccount,
  },
  { name: "a used-up quota moves on", kind: "quota-exhausted", expected: switchAccount },
  { name: "lack of capacity backs off on the same account", kind: "overloaded", expected: again(1000) },
  {
    name: "the back-off doubles",
    kind: "overloaded",
    attempts: 3,
    attemptsOnAccount: 3,
    expected: again(4000),
  },
  { name: "lack of capacity is reported in the end", kind: "overloaded", attempts: 4, expected: stop },
  { name: "a broken upstream is tried again at once", kind: "unavailable", expected: again(500) },
  {
    name: "a second break moves on",
    kind: "unavailable",
    attempts: 2,
    attemptsOnAccount: 2,
    expected: switchAccount,
  },
  { name: "three breaks are enough", kind: "unavailable", attempts: 3, expected: stop },
  { name: "a refused client version is final", kind: "version-refused", expected: stop },
  { name: "a malformed answer is asked for once more", kind: "malformed-answer", expected: again(0) },
  { name: "a second malformed answer is reported", kind: "malformed-answer", attempts: 2, expected: stop },
  { name: "a model this account lacks is looked for on another", kind: "model-missing", expected: switchAccount },
  { name: "a denial without a reason is looked past", kind: "access-denied", expected: switchAccount },
  {
    name: "a rejected access token is renewed once",
    kind: "access-token-rejected",
    expected: again(0, { renew: "access-token" }),
  },
  {
    name: "a renewed token that is rejected moves on",
    kind: "access-token-rejected",
    attempts: 2,
    renewed: ["access-token"],
    expected: switchAccount,
  },
  {
    name: "a rejected project is rediscovered once",
    kind: "project-rejected",
    expected: again(0, { renew: "project" }),
  },
  {
    name: "a rediscovered project that is rejected moves on",
    kind: "project-rejected",
    attempts: 2,
    renewed: ["project"],
    expected: switchAccount,
  },
  {
    name: "an account that needs its owner is passed over",
    kind: "account-unusable",
    detail: { accountProblem: "needs-verification" },
    expected: switchAccount,
  },
  {
    name: "a terms block is not tried on the other sign-ins",
    kind: "account-unusable",
    detail: { accountProblem: "terms-block" },
    expected: stop,
  },
  { name: "having no account is final", kind: "no-account", expected: stop },
  { name: "a blocked region is final", kind: "region-blocked", expected: stop },
  { name: "a passed deadline is final", kind: "deadline", expected: stop },
  { name: "a client that left is not retried for", kind: "cancelled", expected: stop },
  { name: "our own defect is not retried", kind: "internal", expected: stop },
  { name: "the attempts are bounded", kind: "quota-exhausted", attempts: MAX_ATTEMPTS, expected: stop },
];

for (const row of rows) {
  test(row.name, () => {
    const decision = decide({
      error: new GatewayError(row.kind, "text that no rule reads: 500 429 signature", row.detail),
      attempts: row.attempts ?? 1,
      attemptsOnAccount: row.attemptsOnAccount ?? 1,
      repairs: new Set(row.repairs),
      renewed: new Set(row.renewed),
    });
    expect(decision).toEqual(row.expected);
  });
}
