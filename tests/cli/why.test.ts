import { beforeAll, describe, expect, test } from "bun:test";
import { attempt, choice, failed, LIMITED, record, resting } from "../explain/support.ts";
import { homeWithRecords, runIn, modelsListed } from "./records-support.ts";

const switched = record({
  id: "req_switched",
  account: "a2",
  stream: true,
  key: "k3",
  losses: ["top_k: this model takes none", "metadata.foo: this field is not known"],
  choices: [
    choice(0, "take", [
      { handle: "a1", reason: "own" },
      { handle: "a2", reason: "less-fit" },
      { handle: "a3", reason: "needs-verification" },
    ]),
    choice(211, "take", [
      resting("a1", 34_000),
      { handle: "a2", reason: "best" },
      { handle: "a3", reason: "needs-verification" },
    ]),
  ],
  attempts: [
    attempt({ ...LIMITED, ms: 210, next: "switch" }),
    attempt({ accountHandle: "a2", atMs: 212, firstEventMs: 700, ms: 3_188 }),
  ],
});
const refused = failed({
  id: "req_refused",
  status: 429,
  outcome: "quota-exhausted",
  totalMs: 4,
  attempts: [],
  choices: [choice(1, "limited", [resting("a1", 7_200_000, "429 QUOTA_EXHAUSTED, quotaResetDelay")])],
  reason: "Every usable account is limited",
});
const ping = modelsListed(switched.at);

let home = "";
let empty = "";
beforeAll(async () => {
  home = await homeWithRecords(refused, record({ id: "req_plain" }), switched, ping);
  empty = await homeWithRecords();
});

describe.concurrent("ag why", () => {
  test("opens with the sentence and tells everything, of the last request for a model", async () => {
    const { code, stdout, stderr } = await runIn(home, ["why"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`Answered by claude-sonnet-4-6 on a2 in 3.4 s, after a1 was limited (429
RATE_LIMIT_EXCEEDED, free again in 34 s).

id        req_switched
arrived   Thu 20 Aug 2026, 13:39:05 (Europe/Berlin)
request   POST /v1/messages, streamed
key       k3
model     sonnet → claude-sonnet-4-6
rule      shipped alias "sonnet" → "claude-sonnet-*"
time      3.4 s in all, first event after 900 ms
tokens    12,000 in (9,000 of them cached, 75 %), 340 out (120 of them thinking)
lost      top_k: this model takes none
          metadata.foo: this field is not known

  0 ms  ·   took a1 (the conversation's own account); not a2 (free, but another
            one fits better), a3 (needs verification by its owner)
  0 ms  ✗   a1 was limited (429 RATE_LIMIT_EXCEEDED, after 210 ms, free again in
            34 s by its RetryInfo); went on to another account
211 ms  ·   took a2 (the best of those that are free); not a1 (limited for 34 s
            more: 429 RATE_LIMIT_EXCEEDED, RetryInfo), a3 (needs verification by
            its owner)
212 ms  ✓   a2 answered (first event after 700 ms, all of it after 3.2 s)
 3.4 s  ✓   the reply was complete (200)
`);
  });

  test("--last is what it does anyway", async () => {
    expect(await runIn(home, ["why", "--last"])).toEqual(await runIn(home, ["why"]));
  });

  test("--last-failed explains the last failure, and says what to do about it", async () => {
    const { code, stdout } = await runIn(home, ["why", "--last-failed"]);
    expect(code).toBe(0);
    expect(stdout).toStartWith(
      "Refused with 429: a1, the only account that could serve it, was limited on\n" +
        "claude-sonnet-4-6; it would be free 2 h later (429 QUOTA_EXHAUSTED,\n" +
        "quotaResetDelay).\n\nag limits shows what is left",
    );
  });

  test("explains the request of an id, with or without its prefix, also one for no model", async () => {
    expect((await runIn(home, ["why", "req_plain"])).stdout).toStartWith(
      "Answered by claude-sonnet-4-6 on a1 in 3.4 s.\n",
    );
    expect((await runIn(home, ["why", "ping"])).stdout).toStartWith("Answered GET /v1/models with 200 in 2 ms.\n");
  });

  test("--json is the record as it is stored, and the sentence", async () => {
    const { code, stdout, stderr } = await runIn(home, ["why", "req_refused", "--json"]);
    const sentence =
      "Refused with 429: a1, the only account that could serve it, was limited on claude-sonnet-4-6; it would be free 2 h later (429 QUOTA_EXHAUSTED, quotaResetDelay).";
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({ ...refused, sentence });
  });

  test("an id of which there is no record exits with 1 and says how long records are kept", async () => {
    const { code, stdout, stderr } = await runIn(home, ["why", "req_gone"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("no record of a request req_gone");
    expect(stderr).toContain("kept for 14 days (records.keepDays)");
  });

  test("without any record exits with 1 and says who writes them", async () => {
    const { code, stdout, stderr } = await runIn(empty, ["why"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("ag serve --demo keeps none on disk");
  });

  test("without any failure --last-failed says that there is none", async () => {
    const { code, stderr } = await runIn(await homeWithRecords(record()), ["why", "--last-failed"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("No request has failed") as string]);
  });

  for (const words of [
    ["req_plain", "--last"],
    ["--last", "--last-failed"],
    ["req_plain", "--last-failed"],
  ]) {
    test(`${words.join(" ")} is wrong usage`, async () => {
      const { code, stderr } = await runIn(home, ["why", ...words]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("not two of them") as string]);
    });
  }
});
