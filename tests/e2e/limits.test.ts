import { describe, expect, test } from "bun:test";
import { chatClient, messagesClient } from "../support/clients.ts";
import { failure, gate, httpAnswer, pause, text, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { EVERY_CLIENT, pathOf } from "../support/every-client.ts";
import { startScene, until } from "./support/scene.ts";

const CLIENTS = [messagesClient, chatClient];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function owners(count: number, concurrency?: number) {
  return Array.from({ length: count }, (_, index) => ({
    email: `owner${index + 1}@example.test`,
    refreshToken: `1//test-owner-${index + 1}`,
    project: `project-number-${index + 1}`,
    ...(concurrency !== undefined && { concurrency }),
  }));
}

const email = (number: number) => `owner${number}@example.test`;

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("one refused request takes nobody else down", () => {
  test("a 429 without detail for one prompt: two upstream calls, no account cooled, ten others served at once", async () => {
    await using scene = await startScene({ accounts: owners(3) });
    const bad = "the prompt that upstream does not like";
    scene.upstream.always(httpAnswer(429, { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "No." } }), {
      where: ({ body }) => JSON.stringify(body).includes(bad),
    });
    const isBad = (call: { body: unknown }) => JSON.stringify(call.body).includes(bad);
    const refused = scene.ask(messagesClient, {
      session: "bad",
      fields: { messages: [{ role: "user", content: bad }] },
    });
    const good = await Promise.all(numbers(10).map((n) => scene.ask(messagesClient, { session: `good-${n}` })));
    expect(good.map(({ status, attempts, waitedMs }) => ({ status, attempts, waitedMs }))).toEqual(
      numbers(10).map(() => ({ status: 200, attempts: 1, waitedMs: 0 })),
    );
    expect(await refused).toMatchObject({ status: 429 });
    expect(scene.upstream.calls().filter(isBad)).toHaveLength(2);
    const limits = (await (await fetch(`${scene.url()}/account-limits`)).json()) as { accounts: unknown[] };
    expect(JSON.stringify(limits)).not.toMatch(/"until"|RESOURCE_EXHAUSTED/);
  });

  test("with one account alone the second opinion is asked of the same one", async () => {
    await using scene = await startScene();
    scene.upstream.always(failure("exhausted-generic"));
    const refused = scene.ask(messagesClient, { session: "s" });
    await scene.upstream.call(1);
    await scene.waitsFor(1_000);
    await scene.clock.advance(1_500);
    expect(await refused).toMatchObject({ status: 429, attempts: 2 });
    scene.upstream.reset();
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 200, waitedMs: 0, attempts: 1 });
  });
});

describe("a stated reset is kept", () => {
  test("108 hours for one model, by any of its names, over a restart, until a quota reading shows room", async () => {
    const [first, second] = owners(2);
    if (!first || !second) throw new Error("two accounts are wanted");
    const quota = { [CLAUDE]: { remainingFraction: 0, resetTime: new Date(Date.UTC(2026, 0, 5, 12)).toISOString() } };
    await using scene = await startScene({
      accounts: [
        { ...first, quota },
        { ...second, quota: {} },
      ],
    });
    const world = scene.upstream.world.accounts;
    const { upstream, clock } = scene;
    // The reading at the start does not know of the limit yet.
    if (world[0]) world[0].quota = {};
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ account: "a1" });
    upstream.next(
      httpAnswer(429, {
        error: {
          code: 429,
          status: "RESOURCE_EXHAUSTED",
          message: "Quota exhausted.",
          details: [
            {
              "@type": "type.googleapis.com/google.rpc.ErrorInfo",
              reason: "QUOTA_EXHAUSTED",
              metadata: { quotaResetDelay: "108h0m0s" },
            },
          ],
        },
      }),
      { account: email(1) },
    );
    if (world[0]) world[0].quota = quota;
    const callsOnFirst = () => upstream.calls().filter(({ account }) => account === email(1)).length;
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 200, account: "a2" });
    const before = callsOnFirst();
    for (const advance of [60_000, 30_000, 6 * HOUR]) {
      await clock.advance(advance);
      for (const model of [CLAUDE, "claude-opus-4-6", "claude-opus-4-6-20260205", `${CLAUDE}[1m]`]) {
        for (const session of ["s", `new-${advance}-${model}`]) {
          expect(await scene.ask(messagesClient, { session, model })).toMatchObject({ status: 200, account: "a2" });
        }
      }
      await scene.restart();
    }
    expect(callsOnFirst()).toBe(before);
    // The limit is the model's, not the account's.
    const others = await Promise.all(
      numbers(4).map((n) => scene.ask(messagesClient, { session: `y-${n}`, model: GEMINI_3 })),
    );
    expect(others.map(({ account }) => account)).toContain("a1");
    // The quota comes back early.
    if (world[0]) world[0].quota = { [CLAUDE]: { remainingFraction: 1 } };
    await clock.advance(5 * MINUTE);
    await scene.ask(messagesClient, { session: "s", model: GEMINI_3 }); // a list older than that is read anew
    await until(
      () => upstream.log.filter(({ method }) => method === "fetchAvailableModels").at(-1)?.outcome === "sent",
    );
    const after = await Promise.all(numbers(4).map((n) => scene.ask(messagesClient, { session: `back-${n}` })));
    expect(after.map(({ account }) => account)).toContain("a1");
    expect(upstream.refusals()).toEqual([]);
  });
});

describe("a short limit of the only account", () => {
  for (const client of CLIENTS) {
    test(`${client.path}: one wait of 30 to 33 s, one more call, then the answer`, async () => {
      await using scene = await startScene();
      scene.upstream.next(failure("rate-limit-long", { retryDelay: "30s" }));
      const reply = scene.ask(client, { session: "s" });
      await scene.upstream.call(1);
      await scene.waitsFor(30_000);
      expect(scene.upstream.calls()).toHaveLength(1);
      await scene.clock.advance(33_000);
      const told = await reply;
      expect(told).toMatchObject({ status: 200, attempts: 2 });
      expect(told.waitedMs).toBeGreaterThanOrEqual(30_000);
      expect(told.waitedMs).toBeLessThanOrEqual(33_000);
      expect(scene.upstream.calls()).toHaveLength(2);
    });

    test(`${client.path}: limited again after the wait, the client is told so`, async () => {
      await using scene = await startScene();
      scene.upstream.script([30, 30].map((seconds) => failure("rate-limit-long", { retryDelay: `${seconds}s` })));
      const reply = scene.ask(client, { session: "s" });
      await scene.upstream.call(1);
      await scene.waitsFor(30_000);
      await scene.clock.advance(33_000);
      expect(await reply).toMatchObject({ status: 429, retryAfter: 30, attempts: 2 });
    });
  }

  test("nothing stays open: past the deadline every waiting request has its answer", async () => {
    await using scene = await startScene();
    scene.upstream.always(failure("rate-limit-long", { retryDelay: "100s" }));
    const replies = numbers(20).map((n) => scene.ask(messagesClient, { session: `s-${n}` }));
    await scene.waitsFor(100_000);
    await scene.clock.advance(121_000);
    await until(() => scene.clock.sleeping().every((ms) => ms !== 120_000));
    for (const { status } of await Promise.all(replies)) expect([429, 504]).toContain(status);
  });
});

describe("when every account is limited", () => {
  for (const client of CLIENTS) {
    test(`${client.path}: 50 requests reach upstream not once, and each is told the soonest reset`, async () => {
      await using scene = await startScene({ accounts: owners(3) });
      scene.upstream.always(failure("quota-exhausted", { retryDelay: "600s" }));
      expect(await scene.ask(client, { session: "first" })).toMatchObject({ status: 429 });
      const before = scene.upstream.calls().length;
      const replies = await Promise.all(
        numbers(50).map((n) => scene.ask(client, { session: `s-${n}`, stream: n % 2 === 0 })),
      );
      expect(scene.upstream.calls()).toHaveLength(before);
      for (const reply of replies) {
        expect(reply).toMatchObject({ status: 429, attempts: 0 });
        expect(reply.retryAfter).toBeGreaterThan(595);
        expect(reply.retryAfter).toBeLessThanOrEqual(600);
        client.checkError(JSON.parse(reply.text));
      }
    });
  }
});

describe("many at once", () => {
  test("40 requests, 4 at a time per account: upstream, which limits above 6, never sees more than 4", async () => {
    const held = gate();
    await using scene = await startScene({
      accounts: owners(3, 6),
      config: { scheduling: { maxConcurrentPerAccount: 4 } },
    });
    scene.upstream.always(turn([pause(held.opened), text("done")]));
    const replies = numbers(40).map((n) => scene.ask(messagesClient, { session: `s-${n % 10}` }));
    await until(() => scene.upstream.calls().length === 12);
    held.open();
    for (const { status, attempts } of await Promise.all(replies))
      expect({ status, attempts }).toEqual({ status: 200, attempts: 1 });
    for (const number of [1, 2, 3]) expect(scene.upstream.maxInFlight(email(number))).toBeLessThanOrEqual(4);
  });

  test("a full queue refuses at once", async () => {
    const held = gate();
    await using scene = await startScene({ config: { scheduling: { maxConcurrentPerAccount: 1, maxQueued: 2 } } });
    scene.upstream.always(turn([pause(held.opened), text("done")]));
    const replies = numbers(5).map((n) => scene.ask(messagesClient, { session: `s-${n}` }));
    const refused = await Promise.all(
      [...replies.keys()].slice(0, 2).map(async () => {
        const { status, retryAfter } = await Promise.race(replies.map((reply) => reply));
        return { status, told: retryAfter !== undefined };
      }),
    );
    expect(refused).toEqual(refused.map(() => ({ status: 429, told: true })));
    held.open();
    expect((await Promise.all(replies)).map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 429, 429]);
  });

  test("a full gateway refuses at once, in every protocol, and says when to come again", async () => {
    const held = gate();
    await using scene = await startScene({ config: { server: { maxConcurrent: 1 } } });
    scene.upstream.next(turn([pause(held), text("done")]));
    const running = scene.ask(messagesClient);
    await scene.upstream.call(1);
    for (const [client, stream] of EVERY_CLIENT.flatMap((one) => [[one, true] as const, [one, false] as const])) {
      const body = JSON.stringify(client.request("hidden", { stream }));
      const refused = await fetch(scene.url() + pathOf(client, stream), { method: "POST", body });
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
      client.checkError(await refused.json());
    }
    expect((await fetch(`${scene.url()}/healthz`)).status).toBe(200);
    held.open();
    expect((await running).status).toBe(200);
    expect((await scene.ask(messagesClient)).status).toBe(200);
    expect(scene.upstream.calls()).toHaveLength(2);
  });

  test("a client that hangs up while it waits leaves the queue", async () => {
    const held = gate();
    await using scene = await startScene({ config: { scheduling: { maxConcurrentPerAccount: 1, maxQueued: 1 } } });
    scene.upstream.always(turn([pause(held.opened), text("done")]));
    const running = scene.ask(messagesClient, { session: "running" });
    await scene.upstream.call(1);
    const leaving = new AbortController();
    const gone = scene.ask(messagesClient, { session: "gone", signal: leaving.signal });
    await until(() => scene.clock.sleeping().filter((ms) => ms === 120_000).length === 2);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    await until(() => scene.clock.sleeping().filter((ms) => ms === 120_000).length === 1);
    const next = scene.ask(messagesClient, { session: "next" });
    held.open();
    expect((await Promise.all([running, next])).map(({ status }) => status)).toEqual([200, 200]);
    expect(scene.upstream.calls()).toHaveLength(2);
  });

  test("100 requests at token expiry: one refresh", async () => {
    await using scene = await startScene({ config: { scheduling: { maxConcurrentPerAccount: 100 } } });
    await scene.ask(messagesClient, { session: "s" });
    const refreshes = () => scene.upstream.log.filter(({ method }) => method === "token").length;
    expect(refreshes()).toBe(1);
    await scene.clock.advance(HOUR);
    const replies = await Promise.all(numbers(100).map((n) => scene.ask(messagesClient, { session: `s-${n}` })));
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    expect(refreshes()).toBe(2);
  });
});

describe("a conversation stays where its cache is", () => {
  test("ten turns on one account with one upstream session, cached from the second on; two at once keep one each", async () => {
    await using scene = await startScene({ accounts: owners(3) });
    const histories = ["left", "right"].map((name) => [{ role: "user", content: `${name}: let us begin` }]);
    for (const round of numbers(10)) {
      const replies = await Promise.all(
        histories.map((messages, index) => scene.ask(messagesClient, { session: `s-${index}`, fields: { messages } })),
      );
      expect(replies.map(({ status }) => status)).toEqual([200, 200]);
      histories.forEach((messages, index) => {
        const reply = replies[index];
        if (!reply) return;
        const answer = JSON.parse(reply.text) as { content: unknown; usage: { cache_read_input_tokens: number } };
        if (round > 0) expect(answer.usage.cache_read_input_tokens).toBeGreaterThan(0);
        messages.push(
          { role: "assistant", content: answer.content as string },
          { role: "user", content: `go on ${round}` },
        );
      });
    }
    const used = scene.upstream.calls().map(({ account, body }) => {
      const { request } = body as { request: { sessionId: string } };
      return `${account} ${request.sessionId}`;
    });
    expect(new Set(used).size).toBe(2);
    expect(new Set(scene.upstream.calls().map(({ account }) => account)).size).toBe(2);
  });

  test("a restart does not move it; an hour without a word sets it free", async () => {
    await using scene = await startScene({ accounts: owners(2) });
    await scene.ask(messagesClient, { session: "other" });
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ account: "a2" });
    await scene.restart();
    for (const _ of numbers(3))
      expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ account: "a2" });
    await scene.clock.advance(61 * MINUTE);
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ account: "a1" });
  });
});

describe("a fallback", () => {
  const config = { fallback: { [CLAUDE]: ["claude-sonnet-4-6"] } };

  test("is off unless configured: the limit is told", async () => {
    await using scene = await startScene();
    scene.upstream.always(failure("quota-exhausted"), { model: CLAUDE });
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 429, model: CLAUDE });
  });

  test("FALLBACK=false turns configured ones off", async () => {
    await using scene = await startScene({ config, env: { FALLBACK: "false" } });
    scene.upstream.always(failure("quota-exhausted"), { model: CLAUDE });
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 429, model: CLAUDE });
  });

  for (const client of CLIENTS) {
    for (const stream of [false, true]) {
      test(`${client.path}, ${stream ? "streamed" : "whole"}: names the model that served`, async () => {
        await using scene = await startScene({ config, env: { FALLBACK: "true" } });
        scene.upstream.always(failure("quota-exhausted"), { model: CLAUDE });
        const reply = await scene.ask(client, { session: "s", stream });
        expect(reply).toMatchObject({ status: 200, model: "claude-sonnet-4-6" });
        expect(reply.text).toContain('"claude-sonnet-4-6"');
        expect(reply.text).not.toContain(`"${CLAUDE}"`);
      });
    }
  }

  test("to another family only where the rule says so", async () => {
    for (const [entry, status] of [
      [GEMINI_3, 429],
      [{ model: GEMINI_3, crossFamily: true }, 200],
    ] as const) {
      await using scene = await startScene({ config: { fallback: { [CLAUDE]: [entry] } } });
      scene.upstream.always(failure("quota-exhausted"), { model: CLAUDE });
      expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status });
    }
  });
});
