import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { type CloudCodeOptions, failure, gate, pause, startCloudCode, text, turn } from "./index.ts";
import type { CloudCodeServer } from "./server.ts";
import { documentsOf, jsonOf, signIn } from "./client.ts";
import { asking, CLAUDE, envelope, GEMINI_3, model, says, user } from "./samples.ts";
import { textTokens } from "./tokens.ts";

const OWNER = { email: "owner@example.test", refreshToken: "1//test-refresh-token", project: "sample-project-a1b2c" };
const SECOND = { email: "second@example.test", refreshToken: "1//test-second", project: "second-project-z9y8x" };

const servers: CloudCodeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(options: CloudCodeOptions = {}) {
  const server = await startCloudCode({ accounts: [OWNER, SECOND], ...options });
  servers.push(server);
  return server;
}

function ownerOf(server: CloudCodeServer) {
  const [owner] = server.world.accounts;
  if (!owner) throw new Error("the world has an account");
  return owner;
}

describe("quota that changes while the server runs", () => {
  test("shows in the catalogue of its account at once", async () => {
    const server = await start();
    const client = await signIn(server);
    const left = async () => {
      const body = await jsonOf(await client.post("fetchAvailableModels", { project: OWNER.project }));
      return Object(body["models"])[GEMINI_3]["quotaInfo"] as unknown;
    };
    expect(await left()).toMatchObject({ remainingFraction: 1 });
    ownerOf(server).quota = { [GEMINI_3]: { resetTime: "2026-08-20T15:00:00Z" } };
    expect(await left()).toEqual({ resetTime: "2026-08-20T15:00:00Z" });
  });

  test("shows in the summary, window by window, and only with the project", async () => {
    const server = await start();
    const client = await signIn(server);
    ownerOf(server).buckets = { "gemini-weekly": { resetTime: "2026-08-25T00:00:00Z" } };
    const summary = async (body: JsonObject) => jsonOf(await client.post("retrieveUserQuotaSummary", body));
    const full = { remainingFraction: 1 };
    expect(await summary({ project: OWNER.project })).toMatchObject({
      groups: [
        {
          buckets: [
            { bucketId: "gemini-5h", window: "5h", ...full },
            { bucketId: "gemini-weekly", window: "weekly", resetTime: "2026-08-25T00:00:00Z" },
          ],
        },
        { buckets: [full, full] },
      ],
    });
    expect(JSON.stringify(await summary({ project: OWNER.project })).match(/remainingFraction/g)).toHaveLength(3);
    expect(JSON.stringify(await summary({})).match(/remainingFraction/g)).toHaveLength(4);
  });

  test("a host without the summary answers 404, which is no refusal", async () => {
    const server = await start({ quotaSummary: "missing" });
    const client = await signIn(server);
    expect((await client.post("retrieveUserQuotaSummary", { project: OWNER.project })).status).toBe(404);
    expect(server.refusals()).toEqual([]);
  });
});

describe("calls under way", () => {
  const held = () => {
    const door = gate();
    return { door, answer: turn([text("one"), pause(door), text("two")]) };
  };

  test("are counted per account until their answer has ended", async () => {
    const server = await start();
    const [first, second] = [await signIn(server), await signIn(server, SECOND.refreshToken)];
    const { door, answer } = held();
    server.always(answer);
    const other = { ...asking(GEMINI_3), project: SECOND.project };
    const open = [await first.ask(asking(GEMINI_3)), await first.ask(asking(GEMINI_3)), await second.ask(other)];
    expect([server.maxInFlight(OWNER.email), server.maxInFlight(SECOND.email)]).toEqual([2, 1]);
    door.open();
    for (const response of open) await response.text();
    await Promise.all(server.calls().map(({ ended }) => ended));
    await (await first.ask(asking(GEMINI_3))).text();
    expect(server.maxInFlight(OWNER.email)).toBe(2);
    expect(server.world.traffic.open(SECOND.email)).toBe(0);
    expect([server.calls(OWNER.email).length, server.calls(SECOND.email).length]).toEqual([3, 1]);
  });

  test("end when the client goes away", async () => {
    const server = await start();
    const client = await signIn(server);
    server.always(held().answer);
    const controller = new AbortController();
    await client.ask(asking(GEMINI_3), { signal: controller.signal });
    controller.abort();
    await server.calls()[0]?.ended;
    expect(server.world.traffic.open(OWNER.email)).toBe(0);
  });

  test("beyond the account's limit are refused as a rate limit, and counted", async () => {
    const server = await start();
    const client = await signIn(server);
    ownerOf(server).concurrency = 1;
    const { door, answer } = held();
    server.next(answer);
    const open = await client.ask(asking(GEMINI_3));
    const refused = await client.ask(asking(GEMINI_3));
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { details: [{ reason: "RATE_LIMIT_EXCEEDED" }] } });
    expect(server.maxInFlight(OWNER.email)).toBe(2);
    door.open();
    await open.text();
    expect((await client.ask(asking(GEMINI_3))).status).toBe(200);
  });
});

describe("the prompt cache", () => {
  const SYSTEM = { parts: [{ text: "Answer tersely." }] };
  const first = [user(says("List three primes."))];
  const grown = [...first, model(says("2, 3, 5")), user(says("And now?"))];

  async function cached(client: Awaited<ReturnType<typeof signIn>>, body: JsonObject): Promise<unknown> {
    const documents = documentsOf(await (await client.ask(body)).text());
    return Object(documents.at(-1)?.["response"])["usageMetadata"]["cachedContentTokenCount"] as unknown;
  }

  test("serves what the session's turn before has sent", async () => {
    const client = await signIn(await start());
    expect(await cached(client, envelope(GEMINI_3, { contents: first, systemInstruction: SYSTEM }))).toBeUndefined();
    expect(await cached(client, envelope(GEMINI_3, { contents: grown, systemInstruction: SYSTEM }))).toBe(
      textTokens("List three primes."),
    );
  });

  const COLD: [what: string, second: () => JsonObject][] = [
    ["another session", () => envelope(GEMINI_3, { contents: grown, sessionId: "-7" })],
    ["another model", () => envelope(CLAUDE, { contents: grown })],
    ["another beginning", () => envelope(GEMINI_3, { contents: [user(says("Hello")), ...grown.slice(1)] })],
    ["another system text", () => envelope(GEMINI_3, { contents: grown, systemInstruction: SYSTEM })],
    ["the same prompt once more", () => envelope(GEMINI_3, { contents: first })],
  ];
  for (const [what, second] of COLD) {
    test(`is cold for ${what}`, async () => {
      const client = await signIn(await start());
      await cached(client, envelope(GEMINI_3, { contents: first }));
      expect(await cached(client, second())).toBeUndefined();
    });
  }

  test("is cold for another account", async () => {
    const server = await start();
    await cached(await signIn(server), envelope(GEMINI_3, { contents: first }));
    const other = await signIn(server, SECOND.refreshToken);
    expect(
      await cached(other, { ...envelope(GEMINI_3, { contents: grown }), project: SECOND.project }),
    ).toBeUndefined();
  });

  test("does not hold what was never answered, and keeps what was", async () => {
    const server = await start();
    const client = await signIn(server);
    await cached(client, envelope(GEMINI_3, { contents: first }));
    server.next(failure("rate-limit-short"));
    await client.ask(envelope(GEMINI_3, { contents: grown }));
    expect(await cached(client, envelope(GEMINI_3, { contents: grown }))).toBeNumber();
  });
});
