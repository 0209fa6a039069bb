import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { drain } from "../../src/compose/draining.ts";
import { createExchanges, type Exchange } from "../../src/http/exchange.ts";
import { type FakeClock, fakeClock } from "../support/clock.ts";
import { everybody } from "../http/support.ts";

const DRAIN_MS = 50_000;

/** A server whose requests end when the test says so, or when they are told to. */
function startServer() {
  const clock = fakeClock();
  const exchanges = createExchanges({ clock, newRequestId: () => "req_1", maxConcurrent: 10, onFinished() {} });
  const running: { exchange: Exchange; end(text: string): void }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request) {
      const exchange = exchanges.open(request, "GET /");
      try {
        exchange.occupy(everybody);
      } catch {
        return new Response("stopping", { status: 503 });
      }
      if (request.url.endsWith("/flood")) return new Response(endless(exchange));
      const { promise, resolve } = Promise.withResolvers<string>();
      exchange.abort.signal.addEventListener("abort", () => resolve("ended by the gateway"));
      running.push({ exchange, end: resolve });
      return promise.then((text) => {
        exchange.finish(200);
        return new Response(text);
      });
    },
  });
  return {
    clock,
    exchanges,
    running,
    server,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** For a client that does not read. It does not care for being told to end, either. */
function endless(exchange: Exchange): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
    cancel: () => exchange.finish(200),
  });
}

/** Bytes of a request as they stand; `text` is what has come back. */
function client(port: number | undefined, bytes: string) {
  const socket: Socket = connect(port ?? 0, "127.0.0.1");
  const state = { socket, text: "", isClosed: false, connected: false };
  socket.on("connect", () => (state.connected = true));
  socket.on("data", (data) => (state.text += data.toString()));
  socket.on("error", () => {}); // the server may cut it
  socket.on("close", () => (state.isClosed = true));
  socket.write(bytes);
  return state;
}

const request = (path = "/") => `GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`;

/** Lets everything run until the condition has held for this many turns. Sockets need real time; how much is not asserted. */
async function until(condition: () => boolean, turns = 1): Promise<void> {
  for (let held = 0; held < turns; held = condition() ? held + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function isOver(work: Promise<unknown>): Promise<boolean> {
  let over = false;
  void work.then(() => (over = true));
  await until(() => true, 20);
  return over;
}

async function asleep(clock: FakeClock, ms: number): Promise<void> {
  await until(() => clock.sleeping().includes(ms));
}

describe("a gateway that is stopped", () => {
  test("lets running requests finish", async () => {
    await using scene = startServer();
    const asking = client(scene.server.port, request());
    await until(() => scene.running.length === 1);
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
    await asleep(scene.clock, DRAIN_MS);
    await scene.clock.advance(DRAIN_MS - 1);
    expect(await isOver(drained)).toBe(false);
    scene.running[0]?.end("finished");
    await drained;
    await until(() => asking.isClosed);
    expect(asking.text).toEndWith("finished");
  });

  test("ends those that take longer, and lets them say so", async () => {
    await using scene = startServer();
    const asking = client(scene.server.port, request());
    await until(() => scene.running.length === 1);
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
    await asleep(scene.clock, DRAIN_MS);
    await scene.clock.advance(DRAIN_MS);
    await drained;
    await until(() => asking.isClosed);
    expect(asking.text).toEndWith("ended by the gateway");
  });

  test("ends all at once when its owner does not want to wait", async () => {
    await using scene = startServer();
    const asking = client(scene.server.port, request());
    await until(() => scene.running.length === 1);
    const hurry = new AbortController();
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock, hurry.signal);
    await asleep(scene.clock, DRAIN_MS);
    hurry.abort();
    await drained;
    await until(() => asking.isClosed);
    expect(asking.text).toEndWith("ended by the gateway");
  });

  test("cuts a client that does not read", async () => {
    await using scene = startServer();
    const deaf = client(scene.server.port, request("/flood"));
    deaf.socket.pause();
    await until(() => scene.exchanges.running === 1);
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
    await asleep(scene.clock, DRAIN_MS);
    await scene.clock.advance(DRAIN_MS);
    await asleep(scene.clock, 2_000);
    await scene.clock.advance(2_000);
    await drained;
    expect(scene.exchanges.running).toBe(0);
  });

  test("waits for a client that is still reading a reply that is complete", async () => {
    await using scene = startServer();
    const slow = client(scene.server.port, request());
    await until(() => scene.running.length === 1);
    slow.socket.pause();
    const size = 30_000_000;
    scene.running[0]?.end("x".repeat(size));
    await until(() => scene.exchanges.running === 0);
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
    await asleep(scene.clock, DRAIN_MS);
    expect(await isOver(drained)).toBe(false);
    slow.socket.resume();
    await drained;
    await until(() => slow.isClosed);
    expect(slow.text).toEndWith("x".repeat(size));
  });

  const BYSTANDERS: Record<string, string> = {
    "has sent half a head": "GET / HTTP/1.1\r\nhost",
    "is idle": request("/unknown"),
  };
  for (const [what, bytes] of Object.entries(BYSTANDERS)) {
    test(`does not wait for a connection that ${what}`, async () => {
      await using scene = startServer();
      const bystander = client(scene.server.port, bytes);
      await until(() => bystander.connected && scene.running.length === (what === "is idle" ? 1 : 0), 20);
      scene.running[0]?.end("finished");
      await until(() => scene.server.pendingRequests === 0, 20);
      await drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
      await until(() => bystander.isClosed);
    });
  }

  test("refuses a request whose head was completed meanwhile", async () => {
    await using scene = startServer();
    const late = client(scene.server.port, "GET / HTTP/1.1\r\nho");
    const running = client(scene.server.port, request());
    await until(() => late.connected && scene.running.length === 1);
    const drained = drain(scene.server, scene.exchanges, DRAIN_MS, scene.clock);
    late.socket.write("st: test\r\n\r\n");
    await until(() => late.isClosed);
    expect(late.text).toStartWith("HTTP/1.1 503");
    scene.running[0]?.end("finished");
    await drained;
    await until(() => running.isClosed);
    expect(running.text).toEndWith("finished");
  });
});
