import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { echo, failure, FAILURE_NAMES, httpAnswer, startCloudCode, turn, text, type FailureName } from "./index.ts";
import { documentsOf, partsOf, refresh, signIn } from "./client.ts";
import { asking, CLAUDE, envelope, GEMINI_3, model, says, user } from "./samples.ts";

const server = await startCloudCode({
  accounts: [
    { email: "owner@example.test", refreshToken: "1//test-refresh-token", project: "sample-project-a1b2c" },
    { email: "second@example.test", refreshToken: "1//test-second", project: "second-project-z9y8x" },
  ],
});
const client = await signIn(server);
const second = await signIn(server, "1//test-second");
afterAll(() => server.stop());
beforeEach(() => server.reset());

const spoken = async (response: Response): Promise<string> =>
  documentsOf(await response.text())
    .flatMap(partsOf)
    .filter((part) => part["thought"] !== true)
    .map((part) => String(part["text"]))
    .join("");

describe("answers", () => {
  test("without a script echo the last user text", async () => {
    expect(await spoken(await client.ask(asking(GEMINI_3)))).toBe("pong: List three primes.");
    expect(server.refusals()).toEqual([]);
  });

  test("of the echo think when thoughts are asked for, signed for Claude", async () => {
    const generationConfig = { maxOutputTokens: 9000, thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } };
    const parts = documentsOf(await (await client.ask(asking(CLAUDE, { generationConfig }))).text()).flatMap(partsOf);
    const thought = parts.filter((part) => part["thought"] === true);
    const signature = thought.at(-1)?.["thoughtSignature"];
    const said = thought.map((part) => part["text"]).join("");
    const history = (text: string): JsonObject =>
      envelope(CLAUDE, {
        contents: [
          user(says("hi")),
          model({ thought: true, text, thoughtSignature: String(signature) }, says("ok")),
          user(says("go on")),
        ],
        generationConfig,
      });
    expect((await client.ask(history(said))).status).toBe(200);
    const refused = await client.ask(history(`${said}.`));
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("Invalid `signature` in `thinking` block");
    expect(server.refusals().map(({ rule }) => rule)).toEqual(["claude-signature"]);
  });

  test("are taken in order, by model and by account", async () => {
    server.next("for the second account", { account: "second@example.test" });
    server.next("for Claude", { model: CLAUDE });
    server.script(["one", "two"]);
    const other = (): JsonObject => ({ ...asking(GEMINI_3), project: "second-project-z9y8x" });
    expect(await spoken(await client.ask(asking(GEMINI_3)))).toBe("one");
    expect(await spoken(await client.ask(asking(CLAUDE)))).toBe("for Claude");
    expect(await spoken(await second.ask(other()))).toBe("for the second account");
    expect(await spoken(await second.ask(other()))).toBe("two");
    expect(server.unused()).toBe(0);
  });

  test("may stand, below the queue, and fit by any condition", async () => {
    server.always(failure("rate-limit-long"), { where: ({ body }) => body.project === "sample-project-a1b2c" });
    server.next("once");
    expect((await client.ask(asking(GEMINI_3))).status).toBe(200);
    expect((await client.ask(asking(GEMINI_3))).status).toBe(429);
    expect((await client.ask(asking(GEMINI_3))).status).toBe(429);
  });

  test("are not used up by a refused call", async () => {
    server.next("kept");
    expect((await client.ask({ ...asking(GEMINI_3), project: "" })).status).toBe(400);
    expect(server.unused()).toBe(1);
    expect(await spoken(await client.ask(asking(GEMINI_3)))).toBe("kept");
  });

  test("may be any function of the call", async () => {
    server.next((context) => (context.model.family === "claude" ? turn(text("C"))(context) : echo(context)));
    expect(await spoken(await client.ask(asking(CLAUDE)))).toBe("C");
  });
});

describe("failures", () => {
  test.each(FAILURE_NAMES)("%s answers an error status", async (name) => {
    server.next(failure(name as FailureName));
    const response = await client.ask(asking(CLAUDE));
    expect(response.status).toBeGreaterThanOrEqual(400);
    await response.text();
    expect(server.refusals()).toEqual([]);
  });

  test("quota-exhausted has the canonical shape", async () => {
    server.next(failure("quota-exhausted"));
    expect(await (await client.ask(asking(CLAUDE))).json()).toMatchObject({
      error: {
        code: 429,
        status: "RESOURCE_EXHAUSTED",
        details: [
          { reason: "QUOTA_EXHAUSTED", metadata: { model: CLAUDE, quotaResetDelay: "2h21m25.831s" } },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "8485.831s" },
        ],
      },
    });
  });

  test("take another delay and other headers", async () => {
    server.next(failure("rate-limit-short", { retryDelay: "900ms", headers: { "retry-after": "1" } }));
    const response = await client.ask(asking(CLAUDE));
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.text()).toContain('"retryDelay":"900ms"');
  });

  test("may be anything", async () => {
    server.next(httpAnswer(418, "short", { "content-type": "text/plain" }));
    const response = await client.ask(asking(CLAUDE));
    expect([response.status, await response.text()]).toEqual([418, "short"]);
  });
});

describe("refusals", () => {
  test("are answered, logged and listed", async () => {
    const response = await client.ask({ ...asking(GEMINI_3), stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 400, status: "INVALID_ARGUMENT" } });
    expect(server.refusals()).toEqual([
      {
        rule: "unknown-name",
        method: "streamGenerateContent",
        message: 'Invalid JSON payload received. Unknown name "stream": Cannot find field.',
      },
    ]);
  });

  test("hit a reused request id even after a failure", async () => {
    server.next(failure("unavailable"));
    const body = { ...asking(GEMINI_3), requestId: "agent-same" };
    expect((await client.post("streamGenerateContent?alt=sse", body)).status).toBe(503);
    expect((await client.post("streamGenerateContent?alt=sse", body)).status).toBe(400);
    expect(server.refusals().map(({ rule }) => rule)).toEqual(["request-id-reused"]);
  });

  test.each([
    ["a stream without alt=sse", "query", "streamGenerateContent"],
    ["a query on the one-shot method", "query", "generateContent?alt=sse"],
    ["a key in the query", "query", "streamGenerateContent?alt=sse&key=x"],
    ["an unknown method", "unknown-method", "embedContent"],
  ])("hit %s", async (_name, rule, method) => {
    await client.post(method, asking(GEMINI_3));
    expect(server.refusals().map((refusal) => refusal.rule)).toEqual([rule]);
  });

  test("hit what is not JSON, another HTTP method and a chunked body", async () => {
    const path = "streamGenerateContent?alt=sse";
    const chunked = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(JSON.stringify(asking(GEMINI_3))));
        controller.close();
      },
    });
    expect((await client.post(path, undefined, { body: "{" })).status).toBe(400);
    expect((await client.post(path, undefined, { method: "PUT", body: "{}" })).status).toBe(405);
    expect((await client.post(path, undefined, { body: chunked })).status).toBe(411);
    expect(server.refusals().map(({ rule }) => rule)).toEqual(["not-json", "http-method", "content-length"]);
  });
});

test("the log tells who called with what, and how it ended", async () => {
  await (await second.ask({ ...asking(GEMINI_3), project: "second-project-z9y8x" })).text();
  const [entry] = server.calls();
  await entry?.ended;
  expect(entry).toMatchObject({
    method: "streamGenerateContent",
    httpMethod: "POST",
    path: "/v1internal:streamGenerateContent?alt=sse",
    headers: { "content-type": "application/json" },
    body: { model: GEMINI_3 },
    account: "second@example.test",
    status: 200,
    outcome: "sent",
    closedByClient: false,
  });
  expect(entry?.refusal).toBeUndefined();
});

test("countTokens counts, and can be scripted", async () => {
  const body = { request: { contents: [user(says("hello"))] } };
  server.next(httpAnswer(200, { response: { totalTokens: 31 } }), { method: "countTokens" });
  expect(await (await client.post("countTokens", body)).json()).toEqual({ response: { totalTokens: 31 } });
  expect(await (await client.post("countTokens", body)).json()).toEqual({ totalTokens: expect.any(Number) });
  expect((await client.post("countTokens", { ...body, project: "x" })).status).toBe(400);
});

test("two hosts share one world", async () => {
  const host = await startCloudCode({ world: server.world });
  const body = { ...asking(GEMINI_3), requestId: "agent-on-both" };
  const ask = (url: string): Promise<Response> =>
    fetch(`${url}/v1internal:streamGenerateContent?alt=sse`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${client.token}`,
        "content-type": "application/json",
        "user-agent": "antigravity/2.9.1 linux/amd64",
      },
      body: JSON.stringify(body),
    });
  expect((await ask(server.url)).status).toBe(200);
  expect((await ask(host.url)).status).toBe(400);
  expect(host.refusals().map(({ rule }) => rule)).toEqual(["request-id-reused"]);
  await host.stop();
});

test("fast mode streams ready-made events without a check", async () => {
  const fast = await startCloudCode({ fast: { events: 200 } });
  for (const delivery of ["event-each", "at-once", "paced"] as const) {
    const other = await startCloudCode({ fast: { events: 200, delivery, everyMs: 1 } });
    const response = await fetch(`${other.url}/v1internal:streamGenerateContent?alt=sse`, {
      method: "POST",
      body: "{}",
    });
    expect(documentsOf(await response.text())).toHaveLength(201);
    expect(other.log).toEqual([]);
    await other.stop();
  }
  expect((await refresh(fast, "1//test-refresh-token")).status).toBe(200);
  await fast.stop();
});
