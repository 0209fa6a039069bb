import { expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { Protocol, ReplyEncoder } from "../../src/core/protocol.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import type { InferenceDeps } from "../../src/http/inference.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { stubProtocol } from "../support/stub-protocol.ts";
import { askRoute } from "./support.ts";

const usage = { input: 1, cachedInput: 0, output: 1, thinking: 0 };
const start: TurnEvent[] = [
  { type: "turn-start", usage },
  { type: "block-start", index: 0, head: { kind: "text" } },
];
const end: TurnEvent[] = [
  { type: "block-end", index: 0 },
  { type: "turn-end", reason: "end", usage, meta: {} },
];

function depsOf(run: InferenceDeps["run"], over: Partial<InferenceDeps> = {}): InferenceDeps {
  return {
    run,
    clock: fakeClock(),
    newId: () => "id",
    strict: false,
    maxBodyBytes: 1024,
    keepAliveMs: 60_000,
    onFailure: () => {},
    ...over,
  };
}

function setup(run: InferenceDeps["run"], over: Partial<InferenceDeps> = {}, protocol = stubProtocol) {
  const finished: RequestRecord[] = [];
  const deps = depsOf(run, over);
  const ask = (body: string | ReadableStream<Uint8Array>, init: RequestInit = {}) =>
    askRoute(new Request("http://localhost/v1/x", { method: "POST", body, ...init }), { protocol }, deps, finished);
  return { ask, finished };
}

const good: InferenceDeps["run"] = async function* (_call, _strict, trace) {
  trace.servedModel = "upstream-model";
  trace.accountHandle = "a1";
  trace.attempts.push({ accountHandle: "a2", outcome: "account-unusable", unsent: true });
  trace.attempts.push({ accountHandle: "a1", outcome: "ok" });
  yield start;
  yield end;
};

const failing = (error: GatewayError, after: TurnEvent[][] = []): InferenceDeps["run"] =>
  async function* () {
    yield* after;
    throw error;
  };

test("a whole reply echoes the client's model and names what served it in headers", async () => {
  const { ask, finished } = setup(good);
  const response = await ask(JSON.stringify({ model: "mine" }));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ model: "mine", reason: "end", blocks: 1 });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "x-ag-request-id": "req_id",
    "request-id": "req_id",
    "x-request-id": "req_id",
    "x-ag-model": "upstream-model",
    "x-ag-account": "a1",
    "x-ag-attempts": "1",
    "x-ag-waited-ms": "0",
  });
  expect(finished).toMatchObject([{ outcome: "ok", status: 200 }]);
});

const fellBack: InferenceDeps["run"] = async function* (_call, _strict, trace) {
  trace.servedModel = "fallback-model";
  trace.fellBack = true;
  yield start;
  yield end;
};

test("a whole reply of a fallback names the model that served, not the one asked for", async () => {
  const response = await setup(fellBack).ask(JSON.stringify({ model: "mine" }));
  expect(await response.json()).toMatchObject({ model: "fallback-model" });
  expect(response.headers.get("x-ag-model")).toBe("fallback-model");
});

test("a stream of a fallback names the model that served before its first event is written", async () => {
  let named = "";
  const watching: Protocol = {
    ...stubProtocol,
    parse(call) {
      const parsed = stubProtocol.parse(call);
      const stream: ReplyEncoder["stream"] = (context) => ({
        ...parsed.reply.stream(context),
        push: (events) => {
          named ||= context.model;
          return events.map(({ type }) => `${type}\n`).join("");
        },
      });
      return { ...parsed, reply: { ...parsed.reply, stream } };
    },
  };
  for (const [run, expected] of [
    [fellBack, "fallback-model"],
    [good, "mine"],
  ] as const) {
    named = "";
    const { ask } = setup(run, {}, watching);
    const response = await ask(JSON.stringify({ model: "mine", stream: true }));
    await response.text();
    expect(named).toBe(expected);
  }
});

test("a stream carries every batch's frames and is event-stream typed", async () => {
  const response = await setup(good).ask(JSON.stringify({ stream: true }));
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(await response.text()).toBe("turn-start\nblock-start\nblock-end\nturn-end\n");
});

test("a failure before the first batch keeps its true status, streamed or not", async () => {
  for (const stream of [true, false]) {
    const error = new GatewayError("rate-limited", "limited", { retryAfterMs: 1500 });
    const response = await setup(failing(error)).ask(JSON.stringify({ stream }));
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await response.json()).toEqual({ kind: "rate-limited", message: "limited", requestId: "req_id" });
  }
});

for (const [kind, advice] of [
  ["account-unusable", "false"],
  ["no-account", "false"],
  ["unavailable", null],
] as const) {
  test(`a client that resends on its own is ${advice === null ? "left to it" : "told not to"} after ${kind}`, async () => {
    const response = await setup(failing(new GatewayError(kind, "x"))).ask("{}");
    expect(response.headers.get("x-should-retry")).toBe(advice);
  });
}

test("a client that is told when to come back is not told to stay away", async () => {
  const error = new GatewayError("no-account", "x", { retryAfterMs: 60_000 });
  const { headers } = await setup(failing(error)).ask("{}");
  expect([headers.get("retry-after"), headers.get("x-should-retry")]).toEqual(["60", null]);
});

test("a failure after the first batch ends the stream with the protocol's error frame", async () => {
  const { ask, finished } = setup(failing(new GatewayError("unavailable", "cut"), [start]));
  expect(await (await ask(JSON.stringify({ stream: true }))).text()).toBe(
    "turn-start\nblock-start\nfailed unavailable\n",
  );
  expect(finished).toMatchObject([{ outcome: "unavailable", status: 200, stream: true, reason: "cut" }]);
});

test("a silent start opens the stream with a sign of life, and further silence brings more", async () => {
  const clock = fakeClock();
  const gate = Promise.withResolvers<void>();
  const slow: InferenceDeps["run"] = async function* () {
    await gate.promise;
    yield start;
    yield end;
  };
  const opening = setup(slow, { clock, keepAliveMs: 10_000 }).ask(JSON.stringify({ stream: true }));
  await clock.advance(10_000);
  const text = (await opening).text();
  await clock.advance(20_000);
  gate.resolve();
  expect(await text).toBe("alive\nalive\nalive\nturn-start\nblock-start\nblock-end\nturn-end\n");
  expect(clock.sleeping()).toEqual([]);
});

test("events that this client is not shown do not count as signs of life", async () => {
  const clock = fakeClock();
  const hidden: InferenceDeps["run"] = async function* () {
    for (let second = 0; second < 25; second++) {
      await clock.sleep(1000);
      yield [];
    }
    yield [...start, ...end];
  };
  const opening = setup(hidden, { clock, keepAliveMs: 10_000 }).ask(JSON.stringify({ stream: true }));
  await clock.advance(10_000);
  const text = (await opening).text();
  await clock.advance(20_000);
  expect(await text).toStartWith("alive\nalive\nturn-start");
});

test("an unexpected exception becomes an internal error that shows nothing of its cause", async () => {
  const response = await setup(async function* () {
    throw new TypeError("secret internals");
  }).ask("{}");
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("secret");
});

for (const [name, body, status] of [
  ["malformed JSON", '{"messages": [ "my private prompt"', 400],
  ["an empty body", "", 400],
  ["a body of blanks", "  \n", 400],
  ["what the protocol refuses", '{"bad":true}', 400],
  ["a body over the limit", JSON.stringify({ text: "x".repeat(2000) }), 413],
] as const) {
  test(`${name} is refused with ${status} and nothing of it is repeated`, async () => {
    const response = await setup(good).ask(body);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("private");
  });
}

test("a chunked body over the limit is refused without a declared length", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(256).fill(32));
    },
  });
  expect((await setup(good).ask(body)).status).toBe(413);
  expect(pulled).toBeLessThan(20);
});

test("a lost field is named in a header that is plain ASCII", async () => {
  const header = (await setup(good).ask('{"lossy":true}')).headers.get("x-ag-loss");
  expect(header).toBeNull(); // the run fills the trace: a stub that does not, reports nothing
  const reporting: InferenceDeps["run"] = async function* (call, strict, trace, abort) {
    trace.losses.push(...call.losses);
    yield* good(call, strict, trace, abort);
  };
  expect((await setup(reporting).ask('{"lossy":true}')).headers.get("x-ag-loss")).toBe(
    "lossy (dropped ? nobody knows it)",
  );
});

test("strict mode is asked for by configuration or by header", async () => {
  const seen: boolean[] = [];
  const spy: InferenceDeps["run"] = async function* (call, options, trace, abort) {
    seen.push(options.strict);
    yield* good(call, options, trace, abort);
  };
  await setup(spy).ask("{}");
  await setup(spy).ask("{}", { headers: { "x-ag-strict": "1" } });
  await setup(spy, { strict: true }).ask("{}");
  expect(seen).toEqual([false, true, true]);
});

test("a body that comes to no end is not taken for bad JSON, and its record does not claim to know why", async () => {
  const leaving = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"model":')),
    pull() {
      leaving.abort();
      throw new Error("the connection is closed");
    },
  });
  const { ask, finished } = setup(good);
  await ask(body, { signal: leaving.signal });
  expect(finished).toMatchObject([
    { outcome: "client-closed", status: 0, reason: expect.stringContaining("left, or stopped sending") },
  ]);
});

test("a client that leaves mid-stream aborts the run and is recorded once as cancelled", async () => {
  let aborted = false;
  const endless: InferenceDeps["run"] = async function* (_call, _strict, _trace, abort) {
    abort.signal.addEventListener("abort", () => {
      aborted = true;
    });
    yield start;
    await new Promise((_resolve, reject) => abort.signal.addEventListener("abort", () => reject(abort.signal.reason)));
  };
  const { ask, finished } = setup(endless);
  const reader = (await ask(JSON.stringify({ stream: true }))).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  expect(aborted).toBe(true);
  await settle();
  expect(finished).toMatchObject([{ outcome: "client-closed", status: 200 }]);
});

test("a client that has stopped reading gives all back when its time is up, and still finds the error at the end", async () => {
  let isLetGo = false;
  const endless: InferenceDeps["run"] = async function* (_call, _strict, _trace, abort) {
    try {
      yield start;
      for (;;) {
        yield [{ type: "keep-alive" } as never];
        if (abort.signal.aborted) throw abort.signal.reason;
      }
    } finally {
      isLetGo = true;
    }
  };
  let stop = () => {};
  const run: InferenceDeps["run"] = (call, options, trace, abort) => {
    stop = () => abort.abort(new GatewayError("deadline", "The client did not read"));
    return endless(call, options, trace, abort);
  };
  const { ask, finished } = setup(run);
  const response = await ask(JSON.stringify({ stream: true }));
  await settle();
  expect(finished).toEqual([]);
  stop();
  await settle();
  expect(isLetGo).toBe(true);
  expect(finished).toMatchObject([{ outcome: "deadline", status: 200, stream: true }]);
  expect(await response.text()).toEndWith("failed deadline\n");
  expect(finished).toHaveLength(1);
});

for (const [name, breakOff] of [
  ["a client that leaves while the answer waits to be read", async (response: Response) => response.body?.cancel()],
  ["a stream that is read to its end", async (response: Response) => void (await response.text())],
] as const) {
  test(`${name} leaves nothing running behind it`, async () => {
    const clock = fakeClock();
    const closed = Promise.withResolvers<void>();
    const run: InferenceDeps["run"] = async function* () {
      try {
        yield start;
        yield end;
      } finally {
        closed.resolve();
      }
    };
    const response = await setup(run, { clock }).ask(JSON.stringify({ stream: true }));
    await settle(); // the first text is in the stream's queue; nobody has read it
    await breakOff(response);
    await closed.promise;
    await settle();
    expect(clock.sleeping()).toEqual([]);
  });
}

test("a stream that ends without a word of the answer is a failure, not an empty success", async () => {
  const silent: ReplyEncoder = {
    whole: () => ({}),
    stream: () => ({ push: () => "", fail: ({ kind }) => `failed ${kind}\n`, keepAlive: () => "alive\n" }),
  };
  const mute: Protocol = { ...stubProtocol, parse: (call) => ({ ...stubProtocol.parse(call), reply: silent }) };
  const { ask, finished } = setup(good, {}, mute);
  const response = await ask(JSON.stringify({ stream: true }));
  expect([response.status, await response.json()]).toEqual([
    500,
    expect.objectContaining({ kind: "malformed-answer" }),
  ]);
  expect(finished[0]?.outcome).toBe("malformed-answer");
});

test("an answer that clients may refer to is kept before they are told that it is complete", async () => {
  for (const stream of [false, true]) {
    const order: string[] = [];
    const saved = Promise.withResolvers<void>();
    const history = {
      expand: async (body: unknown) => ({ body, losses: [] }),
      async keep() {
        await saved.promise;
        order.push("kept");
      },
    };
    const reply: ReplyEncoder = {
      stream: ({ onReply }) => ({
        push(events) {
          if (events.some(({ type }) => type === "turn-end")) onReply?.({});
          return "frame\n";
        },
        fail: () => "",
        keepAlive: () => "",
      }),
      whole: () => ({}),
    };
    const protocol: Protocol = { ...stubProtocol, parse: (call) => ({ ...stubProtocol.parse(call), reply }) };
    const request = new Request("http://localhost/v1/x", { method: "POST", body: JSON.stringify({ stream }) });
    const listen = async () => {
      const response = await askRoute(request, { protocol, history }, depsOf(good));
      await response.text();
      order.push("told");
    };
    const told = listen();
    await settle();
    saved.resolve();
    await told;
    expect({ stream, order }).toEqual({ stream, order: ["kept", "told"] });
  }
});
