import { MAX_RECORD_BYTES } from "../../../src/core/record-text.ts";
import type { RequestRecord } from "../../../src/core/record.ts";
import { type ChoiceRecord, type Reason, REASONS, type WaitSource } from "../../../src/core/trace.ts";
import { explanation } from "../../../src/explain/explanation.ts";

type Outcome = RequestRecord["outcome"];

interface Expected {
  /** What its client was told, unless the reply had begun. */
  statuses: readonly number[];
  /** What in the record led there. */
  explains(record: RequestRecord): boolean;
}

const TAKEN: ReadonlySet<Reason> = new Set(["own", "best", "spill"]);
const WAIT_SOURCES: Readonly<Record<WaitSource, true>> = {
  slot: true,
  limit: true,
  burst: true,
  "unnamed-limit": true,
  "back-off": true,
  "retry-pause": true,
  "second-opinion": true,
};

/** The gateway's own answer, without upstream. */
const isOwn = ({ attempts, choices }: RequestRecord) => attempts.length === 0 && choices.length === 0;
const isLastAttempt = ({ outcome, attempts }: RequestRecord) => attempts.at(-1)?.outcome === outcome;
/** The last look at the accounts ended it. */
const isLastChoice = ({ choices, attempts }: RequestRecord) => {
  const choice = choices.at(-1);
  return (
    choice !== undefined &&
    (choice.result === "limited" || choice.result === "refused") &&
    choice.atMs >= (attempts.at(-1)?.atMs ?? 0)
  );
};

const own = (...statuses: number[]): Expected => ({ statuses, explains: isOwn });
const upstream = (...statuses: number[]): Expected => ({ statuses, explains: isLastAttempt });
const either = (...statuses: number[]): Expected => ({
  statuses,
  explains: (record) => isOwn(record) || isLastAttempt(record),
});
const accounts = (...statuses: number[]): Expected => ({
  statuses,
  explains: (record) => isLastAttempt(record) || isLastChoice(record),
});

const EXPECTED: Readonly<Record<Outcome, Expected>> = {
  ok: {
    statuses: [200],
    explains: (record) => isOwn(record) || (isLastAttempt(record) && record.account !== undefined),
  },
  "client-closed": { statuses: [0, 200], explains: ({ totalMs }) => totalMs >= 0 },
  "invalid-request": either(400),
  "context-too-long": either(400),
  "payload-too-large": either(413),
  "unknown-model": own(404),
  "unknown-route": own(404),
  "not-found": own(404),
  unauthorized: own(401),
  forbidden: own(403),
  "key-limited": own(429),
  // From the start on, or whenever the gateway was stopped.
  busy: { statuses: [503], explains: (record) => isOwn(record) || /is being stopped/.test(record.reason ?? "") },
  "rate-limited": accounts(429),
  "quota-exhausted": accounts(429),
  overloaded: accounts(503, 529),
  unavailable: upstream(502),
  "version-refused": upstream(502),
  "malformed-answer": upstream(502),
  "model-missing": accounts(404),
  "access-denied": accounts(503),
  "access-token-rejected": accounts(503),
  "project-rejected": accounts(503),
  "account-unusable": accounts(503),
  "no-account": accounts(503),
  "region-blocked": upstream(503),
  deadline: {
    statuses: [504],
    explains: (record) => isLastAttempt(record) || record.waits.some(({ atMs, ms }) => atMs + ms >= record.totalMs - 1),
  },
  cancelled: { statuses: [], explains: () => false }, // "client-closed" in records
  internal: { statuses: [], explains: () => false },
};

/** What is wrong with a record, as sentences: of one that explains what its client was told there are none. */
export function faultsOf(record: RequestRecord): string[] {
  const { outcome, status, reason, stream, choices, waits, attempts, totalMs, waitedMs } = record;
  const expected = EXPECTED[outcome] as Expected | undefined;
  if (expected === undefined) return [`${outcome} is no outcome`];
  const { sentence } = explanation(record);
  const considered = choices.flatMap((choice) => choice.accounts);
  const times = [
    ...choices.map(({ atMs }) => atMs),
    ...waits.map(({ atMs, ms }) => atMs + ms),
    ...attempts.map(({ atMs = NaN, ms = outcome === "client-closed" ? 0 : NaN }) => atMs + ms),
  ];
  const checks: [isGood: boolean, fault: string][] = [
    [Buffer.byteLength(JSON.stringify(record)) <= MAX_RECORD_BYTES, "is too large"],
    [expected.statuses.includes(status) || (status === 200 && stream === true), `${status} is no status of it`],
    [expected.explains(record), "nothing in it led to its outcome"],
    [(reason === undefined) === (outcome === "ok"), `its reason is ${reason}`],
    [considered.every((one) => REASONS.includes(one.reason)), "a reason is none of the list"],
    [waits.every(({ source }) => WAIT_SOURCES[source]), "the source of a wait is none of the list"],
    [
      attempts.every((one) => one.outcome === "ok" || one.outcome in EXPECTED),
      "the outcome of an attempt is none of the list",
    ],
    [attempts.every((one) => /^a\d+$/.test(one.accountHandle)), "an attempt names no account"],
    [
      attempts.every((one) => one.outcome !== "ok" || one.upstreamStatus === 200 || isCounting(record)),
      "an attempt was answered without a status",
    ],
    [
      considered.every((one) => (one.rest !== undefined) === (one.reason === "resting" || one.reason === "reserved")),
      "a resting account says nothing of its rest, or another does",
    ],
    [considered.every(({ rest }) => rest === undefined || rest.evidence !== ""), "a rest is without evidence"],
    [
      choices.every((choice) => isConsistent(choice) || record.omitted?.accounts !== undefined),
      "a choice does not follow from its accounts",
    ],
    [times.every((ms) => ms >= 0 && ms <= totalMs), `something happened after its end: ${times.join()} of ${totalMs}`],
    [waitedMs <= totalMs, `it waited ${waitedMs} of ${totalMs} ms`],
    [/^[A-Z].*\.$/s.test(sentence), "its sentence is none"],
    [!/undefined|\[object|NaN|null|unknown/.test(sentence), "its sentence has holes"],
  ];
  return checks.flatMap(([isGood, fault]) => (isGood ? [] : [`${fault}: ${sentence} ${JSON.stringify(record)}`]));
}

/** Their answer is a number, whose status is not told. */
function isCounting({ route }: RequestRecord): boolean {
  return /count_?tokens|input_tokens/i.test(route);
}

function isConsistent({ result, accounts: considered }: ChoiceRecord): boolean {
  const taken = considered.filter(({ reason }) => TAKEN.has(reason)).length;
  if (result === "take") return taken === 1;
  const has = (reason: Reason) => considered.some((one) => one.reason === reason);
  if (taken > 0) return false;
  if (result === "wait") return has("full");
  return result === "refused" || has("resting") || has("full") || has("reserved");
}

/** Whether a look at the accounts is told again and again. Two questions in a row may have the same answer; a third is no news. */
export function hasRepeatedChoice({ choices }: RequestRecord): boolean {
  return choices.some((choice, index) => {
    const [, second, third] = choices.slice(index, index + 3);
    return third !== undefined && Bun.deepEquals(choice, second) && Bun.deepEquals(second, third);
  });
}
