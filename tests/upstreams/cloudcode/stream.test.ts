import { describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { GatewayError, type Repair } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { Loss } from "../../../src/core/losses.ts";
import type { Content, GenerateRequest, ThinkingRequest } from "../../../src/core/request.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { Upstream, UpstreamCall } from "../../../src/core/upstream.ts";
import type { Fetch } from "../../../src/lib/fetch.ts";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { createCloudCode } from "../../../src/upstreams/cloudcode/index.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import { errorBody, errorInfo } from "../../support/google-error.ts";
import { scriptedServer, sse } from "../../support/scripted-server.ts";
import { assertWellFormed, collectTurn } from "../../support/turn.ts";

const MODEL: ModelProfile = {
  id: "gemini-3-flash",
  displayName: "Gemini 3 Flash",
  family: "gemini",
  generation: "gemini-3",
  image: false,
  contextTokens: 1_048_576,
  maxOutputTokens: 65_536,
  mimeTypes: ["image/png"],
};

const REQUEST: GenerateRequest = {
  model: "gemini-3-flash",
  system: [],
  contents: [{ role: "user", parts: [{ text: "List three primes — ünïcode €." }] }],
  tools: [],
  sampling: {},
};

const CREDENTIAL = {
  kind: "antigravity",
  accountId: "account-1",
  accessToken: "ya29.test-token",
  projectId: "sample-project-a1b2c",
} as const;

const HELLO = { response: { candidates: [{ content: { parts: [{ text: "Hello" }] }, finishReason: "STOP" }] } };

function upstream(...urls: string[]) {
  return upstreamWith((url, options) => fetch(url, options), ...urls);
}

function upstreamWith(fetchAnswer: Fetch, ...urls: string[]) {
  let uuids = 0;
  let calls = 0;
  const hosts = urls.length > 0 ? urls : ["http://upstream.test"];
  const log: string[] = [];
  const cloudcode = createCloudCode({
    fetch: fetchAnswer,
    hosts: { generate: hosts, load: hosts },
    userAgent: "antigravity/2.9.1 linux/amd64",
    clock: eagerClock(undefined, PAUSE_LIMIT_MS),
    newUuid: () => `uuid-${++uuids}`,
    newCallId: () => `call_${++calls}`,
    log: (message) => log.push(message),
  });
  return { cloudcode, log };
}

function call(overrides: Partial<UpstreamCall> = {}): UpstreamCall {
  return {
    request: REQUEST,
    model: MODEL,
    conversationKey: "conversation-1",
    repairs: new Set(),
    onLoss: () => {},
    ...overrides,
  };
}

interface Outcome {
  batches: (readonly TurnEvent[])[];
  error?: GatewayError;
}

async function run(
  urls: string | string[],
  overrides: Partial<UpstreamCall> = {},
  signal = new AbortController().signal,
) {
  const { cloudcode } = upstream(...[urls].flat());
  const outcome: Outcome = { batches: [] };
  try {
    for await (const batch of cloudcode.stream(call(overrides), CREDENTIAL, signal)) outcome.batches.push(batch);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    outcome.error = error;
  }
  return outcome;
}

/** Of an upstream whose network is made up. */
async function firstBatch(cloudcode: Upstream<"antigravity">, signal = new AbortController().signal) {
  for await (const batch of cloudcode.stream(call(), CREDENTIAL, signal)) return batch;
  return undefined;
}

const jsonError = (status: number, body: string) => new Response(body, { status });

function envelopeOf(body: string): JsonObject {
  const parsed: unknown = JSON.parse(body);
  if (!isJsonObject(parsed)) throw new Error("no envelope");
  return parsed;
}

describe("one attempt", () => {
  test("tells with which status it was taken, and nothing of one that was refused", async () => {
    await using server = scriptedServer(sse(HELLO), jsonError(503, "{}"));
    const told: unknown[] = [];
    const onAnswer = (status: number) => void told.push(status);
    await run(server.url, { onAnswer });
    expect((await run(server.url, { onAnswer })).error?.kind).toBe("overloaded");
    expect(told).toEqual([200]);
  });

  test("posts the envelope with a known length and only our headers, and yields the turn", async () => {
    await using server = scriptedServer(sse(HELLO));
    const { batches, error } = await run(server.url);
    expect(error).toBeUndefined();
    expect(collectTurn(batches.flat())).toMatchObject({ blocks: [{ kind: "text", text: "Hello" }], reason: "end" });

    const [received] = server.calls;
    expect(received?.path).toBe("/v1internal:streamGenerateContent?alt=sse");
    const names = [...(received?.headers.keys() ?? [])].sort();
    expect(names).toEqual([
      "accept",
      "accept-encoding",
      "authorization",
      "connection",
      "content-length",
      "content-type",
      "host",
      "user-agent",
    ]);
    expect(received?.headers.get("authorization")).toBe("Bearer ya29.test-token");
    expect(received?.headers.get("accept")).toBe("text/event-stream");
    expect(received?.headers.get("user-agent")).toBe("antigravity/2.9.1 linux/amd64");
    const sent = envelopeOf(received?.body ?? "");
    expect(sent).toMatchObject({
      project: "sample-project-a1b2c",
      model: "gemini-3-flash",
      userAgent: "antigravity",
      requestType: "agent",
      requestId: "agent-uuid-1",
      request: { sessionId: expect.stringMatching(/^-\d+$/) },
    });
    expect(Object.keys(sent).sort()).toEqual(["model", "project", "request", "requestId", "requestType", "userAgent"]);
    expect(JSON.stringify(sent)).toContain("ünïcode €");
  });

  test("the same conversation keeps its session id over turns, and another account has its own", async () => {
    await using server = scriptedServer(sse(HELLO), sse(HELLO), sse(HELLO));
    const { cloudcode } = upstream(server.url);
    const signal = new AbortController().signal;
    const credentials = [CREDENTIAL, CREDENTIAL, { ...CREDENTIAL, accountId: "account-2" }];
    for (const credential of credentials) for await (const _ of cloudcode.stream(call(), credential, signal));
    const [first, second, third] = server.calls.map(({ body }) => {
      const request = envelopeOf(body)["request"];
      return isJsonObject(request) ? request["sessionId"] : undefined;
    });
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test("losses of lowering are told before the first batch", async () => {
    await using server = scriptedServer(sse(HELLO));
    const { cloudcode } = upstream(server.url);
    const order: string[] = [];
    const losses: Loss[] = [];
    const lossy = call({
      request: { ...REQUEST, sampling: { seed: 7 } },
      model: { ...MODEL, id: "claude-sonnet-4-6", family: "claude", generation: "claude" },
      onLoss: (loss) => {
        losses.push(loss);
        order.push("loss");
      },
    });
    for await (const _ of cloudcode.stream(lossy, CREDENTIAL, new AbortController().signal)) order.push("batch");
    expect(losses.length).toBeGreaterThan(0);
    expect(order[0]).toBe("loss");
  });

  test("a chunk of the network is a batch; text arrives before the stream ends", async () => {
    const gate = Promise.withResolvers<void>();
    await using server = scriptedServer(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              const encode = (text: string) => new TextEncoder().encode(text);
              controller.enqueue(encode('data: {"candidates":[{"content":{"parts":[{"text":"A"}]}}]}\r\n\r\n'));
              await gate.promise;
              controller.enqueue(encode('data: {"candidates":[{"finishReason":"STOP"}]}'));
              controller.close();
            },
          }),
        ),
    );
    const { cloudcode } = upstream(server.url);
    const turn = cloudcode.stream(call(), CREDENTIAL, new AbortController().signal)[Symbol.asyncIterator]();
    const first = await turn.next();
    expect(first.value?.map(({ type }: TurnEvent) => type)).toEqual(["turn-start", "block-start", "block-delta"]);
    gate.resolve();
    const rest = await turn.next();
    expect(rest.value?.at(-1)?.type).toBe("turn-end");
    expect((await turn.next()).done).toBe(true);
  });
});

describe("hosts", () => {
  const capacity = errorBody(429, "RESOURCE_EXHAUSTED", "x", errorInfo("MODEL_CAPACITY_EXHAUSTED"));
  const bare429 = errorBody(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).");
  const MOVES_ON: [string, number, string][] = [
    ["404", 404, errorBody(404, "NOT_FOUND", "Requested entity was not found.")],
    ["404 without structure", 404, "<html>"],
    ["408", 408, ""],
    ["500", 500, errorBody(500, "INTERNAL", "x")],
    ["502", 502, ""],
    ["503", 503, ""],
    ["a plain 403", 403, errorBody(403, "PERMISSION_DENIED", "The caller does not have permission")],
    ["429 for lack of capacity", 429, capacity],
    ["a redirect", 302, ""],
  ];
  for (const [what, status, body] of MOVES_ON) {
    test(`after ${what} the next host is tried, with a request id of its own`, async () => {
      await using first = scriptedServer(jsonError(status, body));
      await using second = scriptedServer(sse(HELLO));
      const { batches } = await run([first.url, second.url]);
      expect(collectTurn(batches.flat()).reason).toBe("end");
      const ids = [first, second].map(({ calls }) => envelopeOf(calls[0]?.body ?? "")["requestId"]);
      expect(ids).toEqual(["agent-uuid-1", "agent-uuid-2"]);
    });
  }

  const STAYS: [string, number, string][] = [
    ["400", 400, errorBody(400, "INVALID_ARGUMENT", "x")],
    [
      "400 of the version gate",
      400,
      errorBody(400, "FAILED_PRECONDITION", "This version of Antigravity is no longer supported."),
    ],
    ["401", 401, errorBody(401, "UNAUTHENTICATED", "x")],
    ["403 that asks for verification", 403, errorBody(403, "PERMISSION_DENIED", "x", errorInfo("VALIDATION_REQUIRED"))],
    ["403 of the terms", 403, errorBody(403, "PERMISSION_DENIED", "x", errorInfo("ACCOUNT_DISABLED"))],
    ["404 of the project", 404, errorBody(404, "NOT_FOUND", "Resource projects/x could not be found.")],
    ["429 without details", 429, bare429],
    ["429 of a used-up quota", 429, errorBody(429, "RESOURCE_EXHAUSTED", "x", errorInfo("QUOTA_EXHAUSTED"))],
    [
      "429 of a rate limit",
      429,
      errorBody(429, "RESOURCE_EXHAUSTED", "x", errorInfo("RATE_LIMIT_EXCEEDED", { quotaResetDelay: "40s" })),
    ],
  ];
  for (const [what, status, body] of STAYS) {
    test(`after ${what} no other host is asked`, async () => {
      await using first = scriptedServer(jsonError(status, body));
      await using second = scriptedServer(sse(HELLO));
      const { error } = await run([first.url, second.url]);
      expect(error?.detail.upstreamStatus).toBe(status);
      expect(second.calls).toHaveLength(0);
    });
  }

  test("a host that cannot be reached is passed over", async () => {
    await using second = scriptedServer(sse(HELLO));
    const { cloudcode, log } = upstream("http://127.0.0.1:1", second.url);
    for await (const _ of cloudcode.stream(call(), CREDENTIAL, new AbortController().signal));
    expect(second.calls).toHaveLength(1);
    expect(log).toEqual(["http://127.0.0.1:1: Upstream cannot be reached"]);
  });

  test("a limit found on the way is the outcome, whatever the hosts before it said", async () => {
    await using first = scriptedServer(jsonError(503, ""));
    await using second = scriptedServer(jsonError(429, bare429));
    await using third = scriptedServer(sse(HELLO));
    const { error } = await run([first.url, second.url, third.url]);
    expect(error?.kind).toBe("rate-limited");
    expect(third.calls).toHaveLength(0);
  });

  test("when all hosts fail, a lack of capacity is told before trouble, and trouble before an absence", async () => {
    const cases: [number, string, number, string, string][] = [
      [429, capacity, 404, errorBody(404, "NOT_FOUND", "x"), "overloaded"],
      [404, errorBody(404, "NOT_FOUND", "x"), 500, "", "unavailable"],
      [404, errorBody(404, "NOT_FOUND", "x"), 404, errorBody(404, "NOT_FOUND", "x"), "model-missing"],
      [503, "", 500, "", "overloaded"],
    ];
    for (const [firstStatus, firstBody, secondStatus, secondBody, kind] of cases) {
      await using first = scriptedServer(jsonError(firstStatus, firstBody));
      await using second = scriptedServer(jsonError(secondStatus, secondBody));
      const { error } = await run([first.url, second.url]);
      expect(error?.kind as string).toBe(kind);
    }
  });

  test("with nothing but unreachable hosts the failure is upstream's, told without addresses", async () => {
    const { error } = await run(["http://127.0.0.1:1", "http://127.0.0.1:1"]);
    expect(error?.kind).toBe("unavailable");
    expect(error?.message).toBe("Upstream cannot be reached");
  });
});

describe("a connection that upstream had closed", () => {
  /** Speaks just enough HTTP to hang up where a test wants it: `answers` in the order of requests, `undefined` resets. */
  async function rawServer(answers: (string | undefined)[]) {
    const bodies: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      let received = "";
      socket.on("error", () => {}); // resets are what these tests are about
      socket.on("data", (data) => {
        received += data.toString("utf8");
        const headEnd = received.indexOf("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
        if (headEnd < 0 || Buffer.byteLength(received.slice(headEnd + 4)) < length) return;
        bodies.push(received.slice(headEnd + 4));
        received = "";
        const answer = answers[bodies.length - 1];
        if (answer === undefined) socket.resetAndDestroy();
        else socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      bodies,
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  const event = `data: ${JSON.stringify(HELLO)}\n\n`;
  const ok = `HTTP/1.1 200 OK\r\nContent-Length: ${event.length}\r\n\r\n${event}`;

  test("is replaced once, on the same host, with a new request id", async () => {
    await using server = await rawServer([undefined, ok]);
    const { batches } = await run([server.url]);
    expect(collectTurn(batches.flat()).reason).toBe("end");
    expect(server.bodies.map((body) => envelopeOf(body)["requestId"])).toEqual(["agent-uuid-1", "agent-uuid-2"]);
  });

  test("is not replaced twice", async () => {
    await using server = await rawServer([undefined, undefined, ok]);
    const { error } = await run([server.url]);
    expect(error?.kind).toBe("unavailable");
    expect(server.bodies).toHaveLength(2);
  });

  test("in mid-answer it ends the attempt as an error, after what was said", async () => {
    const piece = `data: {"candidates":[{"content":{"parts":[{"text":"Half"}]}}]}\n\n`;
    await using server = await rawServer([`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${piece}`]);
    const { cloudcode } = upstream(server.url);
    const events: TurnEvent[] = [];
    let error: unknown;
    try {
      for await (const batch of cloudcode.stream(call(), CREDENTIAL, new AbortController().signal)) {
        events.push(...batch);
        await server[Symbol.asyncDispose]();
      }
    } catch (cause) {
      error = cause;
    }
    assertWellFormed(events, { complete: false });
    expect(events).toHaveLength(3);
    expect(error).toMatchObject({
      kind: "unavailable",
      message: "Upstream closed the stream before the answer was complete",
    });
  });
});

describe("ending early", () => {
  /** Answers with one event, then silence; resolves `closed` when the client has gone. */
  function silentAnswer() {
    const closed = Promise.withResolvers<void>();
    const answer = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(
              new TextEncoder().encode('data: {"candidates":[{"content":{"parts":[{"text":"A"}]}}]}\r\n\r\n'),
            );
          },
          cancel: () => closed.resolve(),
        }),
      );
    return { answer, closed: closed.promise };
  }

  test("an abort while upstream is silent closes the connection and is told as the client's", async () => {
    const { answer, closed } = silentAnswer();
    await using server = scriptedServer(answer);
    const { cloudcode } = upstream(server.url);
    const controller = new AbortController();
    const turn = cloudcode.stream(call(), CREDENTIAL, controller.signal)[Symbol.asyncIterator]();
    await turn.next();
    const next = turn.next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ kind: "cancelled" });
    await closed;
  });

  test("leaving the loop closes the connection", async () => {
    const { answer, closed } = silentAnswer();
    await using server = scriptedServer(answer);
    const { cloudcode } = upstream(server.url);
    for await (const _ of cloudcode.stream(call(), CREDENTIAL, new AbortController().signal)) break;
    await closed;
  });

  test("an abort before the headers is told with the signal's own error", async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    await using server = scriptedServer(async ({ signal }) => {
      signal.addEventListener("abort", () => gone.resolve());
      arrived.resolve();
      await gone.promise;
      return new Response();
    });
    const controller = new AbortController();
    const outcome = run([server.url], {}, controller.signal);
    await arrived.promise;
    const deadline = new GatewayError("deadline", "The request's time ran out");
    controller.abort(deadline);
    expect((await outcome).error).toBe(deadline);
    await gone.promise;
  });
});

describe("failures", () => {
  test("an error inside a 200 answer is classified, with nothing given out before it", async () => {
    await using server = scriptedServer(sse({}, { error: { code: 503, status: "UNAVAILABLE", message: "x" } }));
    const { batches, error } = await run(server.url);
    expect(batches).toEqual([]);
    expect(error?.kind).toBe("overloaded");
  });

  test("a 200 answer without content is an error, not an empty turn", async () => {
    await using server = scriptedServer(sse({ response: { usageMetadata: { promptTokenCount: 3 } } }));
    expect((await run(server.url)).error?.message).toBe("Upstream sent an empty answer");
  });

  test("an answer in a JSON array, without SSE, is read too", async () => {
    await using server = scriptedServer(Response.json([HELLO]));
    expect(collectTurn((await run(server.url)).batches.flat()).reason).toBe("end");
  });

  test("an empty answer ends the turn after results of tools, and no other", async () => {
    const silence = () =>
      sse({ response: { candidates: [{ content: { parts: [{ text: "" }] }, finishReason: "STOP" }] } });
    await using server = scriptedServer(silence, silence);
    expect((await run(server.url)).error).toMatchObject({
      kind: "unavailable",
      message: "Upstream sent an empty answer",
    });
    const contents: Content[] = [
      { role: "user", parts: [{ text: "Look." }] },
      { role: "model", parts: [{ functionCall: { id: "c", name: "look", args: {} } }] },
      { role: "user", parts: [{ functionResponse: { id: "c", name: "look", response: { result: "r" } } }] },
    ];
    const { batches } = await run(server.url, { request: { ...REQUEST, contents } });
    expect(collectTurn(batches.flat())).toMatchObject({ blocks: [], reason: "end" });
  });

  describe("the repair it names", () => {
    const thinking: ThinkingRequest = { type: "effort", effort: "high" };
    const thinks = { ...MODEL, thinking: { min: 128, max: 32_768, zeroAllowed: false, default: 8192 } };
    const asked = { request: { ...REQUEST, thinking }, model: thinks };

    async function repairAfter(message: string, overrides: Partial<UpstreamCall>, ...tried: Repair[]) {
      await using server = scriptedServer(jsonError(400, errorBody(400, "INVALID_ARGUMENT", message)));
      return (await run(server.url, { ...overrides, repairs: new Set(tried) })).error?.detail.repair;
    }

    const refused = "The thinking budget is not supported for this model.";

    test("is one that this request has not tried", async () => {
      expect(await repairAfter(refused, asked)).toBe("thinking-other-form");
      expect(await repairAfter(refused, asked, "thinking-other-form")).toBe("thinking-config-off");
      expect(await repairAfter(refused, asked, "thinking-other-form", "thinking-config-off")).toBeUndefined();
    });

    test("is to leave thinking out at once where the model's id takes no level", async () => {
      const tiered = { ...asked, model: { ...thinks, id: "gemini-9-flash-low" } };
      expect(await repairAfter(refused, tiered)).toBe("thinking-config-off");
    });

    test("is none when it would send the same again", async () => {
      const plain = { request: REQUEST, model: thinks };
      expect(await repairAfter(refused, plain)).toBeUndefined();
      expect(await repairAfter("Corrupted thought signature.", plain)).toBeUndefined();
    });

    test("is to drop thinking when there is some to drop", async () => {
      const contents: Content[] = [
        { role: "user", parts: [{ text: "q" }] },
        { role: "model", parts: [{ text: "a", thoughtSignature: "c2ln" }] },
        { role: "user", parts: [{ text: "r" }] },
      ];
      const signed = { request: { ...REQUEST, contents }, model: thinks };
      expect(await repairAfter("Corrupted thought signature.", signed)).toBe("drop-thinking");
    });
  });

  test("an error page beyond all size is read no further than it takes to classify it", async () => {
    const closed = Promise.withResolvers<void>();
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("x".repeat(200_000))),
      cancel: () => closed.resolve(),
    });
    await using server = scriptedServer(new Response(endless, { status: 500 }));
    expect((await run(server.url)).error?.detail.upstreamStatus).toBe(500);
    await closed.promise;
  });

  test("an error page that breaks off still says what went wrong", async () => {
    const { promise: read, resolve: isRead } = Promise.withResolvers<void>();
    const half = errorBody(429, "RESOURCE_EXHAUSTED", "x").slice(0, 20);
    const broken = new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new TextEncoder().encode(half));
          await read;
          controller.error(new Error("broken"));
        },
      }),
      { status: 429 },
    );
    const { cloudcode } = upstreamWith(async () => {
      isRead();
      return broken;
    });
    await expect(firstBatch(cloudcode)).rejects.toMatchObject({ kind: "rate-limited" });
  });

  test("an abort while an error page arrives is told as the client's", async () => {
    const controller = new AbortController();
    const broken = new Response(
      new ReadableStream({
        pull(stream) {
          controller.abort();
          stream.error(controller.signal.reason);
        },
      }),
      { status: 500 },
    );
    const { cloudcode } = upstreamWith(async () => broken);
    await expect(firstBatch(cloudcode, controller.signal)).rejects.toMatchObject({ kind: "cancelled" });
  });

  test("neither the token nor the account's project is in any message", async () => {
    for (const status of [400, 401, 403, 404, 429, 500]) {
      const body = errorBody(status, "X", "Bearer ya29.test-token for projects/sample-project-a1b2c");
      await using server = scriptedServer(jsonError(status, body), jsonError(status, body));
      const message = (await run(server.url)).error?.message ?? "";
      expect(message).not.toContain("ya29");
      expect(message).not.toContain("sample-project");
    }
  });
});
