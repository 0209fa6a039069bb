import { describe, expect, test } from "bun:test";
import { demoScenarios } from "../../../src/upstreams/demo/index.ts";
import { collect, fakeClock, frozenClock, START, type TestClient, testClient, userText } from "./client.ts";

const HOUR = 3_600_000;
const CONTENTS = { contents: [userText("count to 30")] };

test("the scenarios are those of the command line, and the calm one", () => {
  expect([...demoScenarios].sort()).toEqual([
    "cut",
    "empty",
    "normal",
    "quota",
    "rate",
    "slow",
    "stall",
    "terms",
    "verify",
  ]);
});

test.each(demoScenarios)("discovery and the account asked last work in scenario %s", async (scenario) => {
  const client = testClient({ scenario });
  await (await client.generate(CONTENTS)).body?.cancel();
  const project = await client.project(2);
  const { status } = await client.call("fetchAvailableModels", { project }, 2);
  const reply = await client.generate(CONTENTS, { account: 2 });
  await reply.body?.cancel();
  expect([status, reply.status]).toEqual([200, 200]);
});

describe("quota", () => {
  test("the first account is exhausted for two hours and says until when; the others are fine", async () => {
    const client = testClient({ scenario: "quota" });
    client.clock.advance(30_500);
    const refused = await client.generate(CONTENTS, { model: "claude-sonnet-4-6" });
    const other = await client.say("count to 2", { account: 1 });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toEqual({
      error: {
        code: 429,
        status: "RESOURCE_EXHAUSTED",
        message: "You have exhausted your capacity on this model. Your quota will reset after 1h59m29.5s.",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "QUOTA_EXHAUSTED",
            domain: "cloudcode-pa.googleapis.com",
            metadata: {
              model: "claude-sonnet-4-6",
              uiMessage: "true",
              quotaResetDelay: "1h59m29.5s",
              quotaResetTimeStamp: new Date(START + 2 * HOUR).toISOString(),
            },
          },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7169.5s" },
        ],
      },
    });
    expect(other.text).toBe("1, 2");
  });

  test("the catalogue shows nothing left as upstream does: a reset time and no fraction", async () => {
    const client = testClient({ scenario: "quota" });
    const { body } = await client.call("fetchAvailableModels", { project: await client.project() });
    expect(body).toMatchObject({
      models: { "gemini-3-flash": { quotaInfo: { resetTime: new Date(START + 2 * HOUR).toISOString() } } },
    });
    expect(JSON.stringify(body)).not.toContain("remainingFraction");
  });

  test("after five answers the others have nothing left either, and the catalogue shows it", async () => {
    const client = testClient({ scenario: "quota" });
    for (const account of [1, 2, 1, 2, 1]) await client.say("count to 2", { account });
    for (const account of [0, 1, 2]) {
      const refused = await client.generate(CONTENTS, { account });
      expect(await refused.json()).toMatchObject({
        error: { code: 429, details: [{ reason: "QUOTA_EXHAUSTED" }, {}] },
      });
    }
    const { body } = await client.call("fetchAvailableModels", { project: await client.project(1) }, 1);
    expect(JSON.stringify(body)).not.toContain("remainingFraction");
  });

  test("after the reset every account answers again", async () => {
    const client = testClient({ scenario: "quota" });
    for (const account of [1, 2, 1, 2, 1]) await client.say("count to 2", { account });
    client.clock.advance(2 * HOUR);
    for (const account of [0, 1, 2]) expect((await client.say("count to 2", { account })).text).toBe("1, 2");
  });
});

describe("rate", () => {
  const statusOf = async (client: TestClient, account: number) => {
    const reply = await client.generate(CONTENTS, { account });
    await reply.body?.cancel();
    return reply.status;
  };

  test("the first account begins with a limit of 15 seconds and says how much is left of it", async () => {
    const client = testClient({ scenario: "rate" });
    await client.generate(CONTENTS);
    client.clock.advance(4000);
    const refused = await client.generate(CONTENTS);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      error: {
        status: "RESOURCE_EXHAUSTED",
        details: [
          { reason: "RATE_LIMIT_EXCEEDED", metadata: { quotaResetDelay: "11s" } },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "11s" },
        ],
      },
    });
  });

  test("every account is limited again after two answers, until all are", async () => {
    const client = testClient({ scenario: "rate" });
    const round = async () => [await statusOf(client, 0), await statusOf(client, 1), await statusOf(client, 2)];
    expect([await round(), await round(), await round()]).toEqual([
      [429, 200, 200],
      [429, 200, 200],
      [429, 429, 429],
    ]);
    client.clock.advance(15_000);
    expect([await round(), await round(), await round()]).toEqual([
      [200, 200, 200],
      [200, 200, 200],
      [429, 429, 429],
    ]);
  });
});

test.each(["verify", "terms"] as const)(
  "%s: it is the account that is asked first which is refused",
  async (scenario) => {
    const client = testClient({ scenario });
    const statuses: number[] = [];
    for (const account of [1, 1, 0, 2]) statuses.push((await client.generate(CONTENTS, { account })).status);
    expect(statuses).toEqual([403, 403, 200, 200]);
  },
);

test("verify: the first account must be verified at a link of Google's, every time", async () => {
  const client = testClient({ scenario: "verify" });
  await client.generate(CONTENTS);
  const refused = await client.generate(CONTENTS);
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({
    error: {
      status: "PERMISSION_DENIED",
      details: [
        {
          reason: "VALIDATION_REQUIRED",
          metadata: { validation_url: expect.stringMatching(/^https:\/\/accounts\.google\.com\//) },
        },
        {
          links: [{ url: expect.stringMatching(/^https:\/\/accounts\.google\.com\//) }, { description: "Learn more" }],
        },
      ],
    },
  });
  expect((await client.say("count to 2", { account: 1 })).text).toBe("1, 2");
});

test("terms: the first account is disabled, every time", async () => {
  const client = testClient({ scenario: "terms" });
  await client.generate(CONTENTS);
  const refused = await client.generate(CONTENTS);
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({
    error: {
      status: "PERMISSION_DENIED",
      message: expect.stringContaining("Terms of Service"),
      details: [{ reason: "ACCOUNT_DISABLED" }],
    },
  });
});

test("stall: the headers come, then nothing for an hour, and an abort ends it", async () => {
  const clock = frozenClock();
  const stop = new AbortController();
  const response = await testClient({ scenario: "stall", clock }).generate(CONTENTS, { signal: stop.signal });
  const read = response.body!.getReader().read();
  stop.abort(new Error("deadline"));
  expect(response.status).toBe(200);
  await expect(read).rejects.toThrow("deadline");
  expect(clock.slept).toEqual([HOUR]);
});

test("cut: the body breaks in the middle, after whole events and without a finish reason", async () => {
  const whole = await testClient().ask(CONTENTS);
  const response = await testClient({ scenario: "cut" }).generate(CONTENTS);
  let received = "";
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body!) received += decoder.decode(bytes, { stream: true });
  };
  await expect(read()).rejects.toMatchObject({ code: "ECONNRESET" });
  const { text, finishReasons } = collect(received);
  expect(text).not.toBe("");
  expect(whole.text).toStartWith(text);
  expect(whole.text).not.toBe(text);
  expect(finishReasons).toEqual([]);
});

test("empty: the first attempt at each request is answered with nothing, the next one properly", async () => {
  const client = testClient({ scenario: "empty" });
  const texts: string[] = [];
  for (const prompt of ["count to 2", "count to 2", "count to 3", "count to 3"])
    texts.push((await client.say(prompt)).text);
  expect(texts).toEqual(["", "1, 2", "", "1, 2, 3"]);
});

test("empty: the answer with nothing has no candidate, and a retry on another account is the second attempt", async () => {
  const client = testClient({ scenario: "empty" });
  const first = await client.ask({ ...CONTENTS, sessionId: "-1" });
  const second = await client.ask({ ...CONTENTS, sessionId: "-2" }, { account: 1 });
  expect(first.documents.map(({ response }) => response.candidates)).toEqual([[]]);
  expect(second.text).toStartWith("1, 2, 3");
});

test("slow: every event takes 200 ms", async () => {
  const clock = fakeClock();
  const { documents } = await testClient({ scenario: "slow", clock, pace: "default" }).ask(CONTENTS);
  expect(clock.slept).toEqual(documents.map(() => 200));
});
