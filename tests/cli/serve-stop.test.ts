import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { ask, type Told } from "../../scripts/lib/soak-client.ts";
import { type SoakGateway, startSoakGateway } from "../../scripts/lib/soak-process.ts";
import { bytesOf, endingOf, PROTOCOLS, type SoakProtocol } from "../../scripts/lib/soak-requests.ts";
import { type SoakUpstream, startSoakUpstream } from "../../scripts/lib/soak-upstream.ts";
import { CLAUDE, GEMINI_25 } from "../support/cloudcode/samples.ts";
import { until } from "../e2e/support/scene.ts";

const SLOTS = 6;
const LONG_MS = 60_000;

interface Scene extends AsyncDisposable {
  upstream: SoakUpstream;
  gateway: SoakGateway;
  /** Sends one request; resolves when its connection is closed. */
  send(
    kind: string,
    options?: { protocol?: SoakProtocol; stream?: boolean; model?: string; deaf?: true },
  ): Promise<Told>;
  /** Waits until so many requests are being answered. */
  runs(count: number): Promise<void>;
}

async function startScene(config: JsonObject): Promise<Scene> {
  const upstream = await startSoakUpstream({ accounts: 1, events: 3, keepsConnections: true });
  const scheduling = { maxConcurrentPerAccount: SLOTS, maxWaitMs: 3_600_000 };
  const timeouts = { firstEventMs: 3_600_000, drainMs: LONG_MS };
  const gateway = await startSoakGateway(upstream, { scheduling, timeouts, ...config });
  let number = 0;
  return {
    upstream,
    gateway,
    send(kind, { protocol = "chat", stream = true, model = CLAUDE, deaf } = {}) {
      const request = { protocol, stream, model, kind, number: ++number };
      const pieces = [bytesOf(request, gateway.key).join("")];
      return ask({ port: gateway.port, pieces, ...(deaf && { deafMs: LONG_MS }) });
    },
    async runs(count) {
      const end = performance.now() + 15_000;
      for (let running = 0; running < count; running = await gateway.inFlight()) {
        if (performance.now() > end) throw new Error(`${running} of ${count} requests are being answered`);
      }
    },
    async [Symbol.asyncDispose]() {
      if ((await Promise.race([gateway.exited, "alive"])) === "alive") process.kill(gateway.pid, "SIGKILL");
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** Whether nobody listens on the port any more, by what was last seen. */
function refusesConnections(port: number): boolean {
  const state = probes.get(port) ?? { refused: false, isProbing: false };
  probes.set(port, state);
  if (!state.refused && !state.isProbing) {
    state.isProbing = true;
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => socket.destroy());
    socket.on("error", () => (state.refused = true));
    socket.on("close", () => (state.isProbing = false));
  }
  return state.refused;
}

const probes = new Map<number, { refused: boolean; isProbing: boolean }>();

describe.concurrent("a gateway that is asked to stop", () => {
  test("tells everybody whose time is up that it stops: streams, those that wait for a model, a slot or the end of a limit", async () => {
    await using scene = await startScene({ timeouts: { firstEventMs: LONG_MS, drainMs: 300 } });
    const limited = scene.send("429-minute", { model: GEMINI_25, stream: false });
    await until(() => scene.upstream.calls() === 1 && scene.upstream.open() === 0);
    const streams = PROTOCOLS.map((protocol) => scene.send("held", { protocol }));
    const silent = scene.send("stall-head", { stream: false });
    const silentStream = scene.send("stall-head");
    await until(() => scene.upstream.open() === SLOTS);
    const inLine = scene.send("fine", { stream: false });
    await scene.runs(SLOTS + 2);

    process.kill(scene.gateway.pid, "SIGTERM");
    const endings = await Promise.all(streams);
    expect(
      endings.map(({ status, end, body }, index) => [status, end, endingOf(PROTOCOLS[index] ?? "chat", body)]),
    ).toEqual(PROTOCOLS.map(() => [200, "whole", "failure"]));
    const waiting = await Promise.all([silent, silentStream, inLine, limited]);
    expect(waiting.map(({ status, end }) => [status, end])).toEqual(waiting.map(() => [503, "whole"]));
    for (const { body } of [...endings, ...waiting]) expect(body).toContain("being stopped");
    expect(await scene.gateway.exited).toBe(0);
  }, 30_000);

  test("lets streams finish that have the time, and refuses what comes meanwhile", async () => {
    await using scene = await startScene({});
    const streams = PROTOCOLS.map((protocol) => scene.send("held", { protocol }));
    await until(() => scene.upstream.held() === streams.length);
    // A connection that has begun to ask before, and goes on after: its request is new.
    const [head, body] = bytesOf(
      { protocol: "messages", model: CLAUDE, stream: false, kind: "fine", number: 0 },
      scene.gateway.key,
    );
    const socket = connect(scene.gateway.port, "127.0.0.1");
    let late = "";
    let isClosed = false;
    socket.on("data", (data) => (late += data.toString()));
    socket.on("close", () => (isClosed = true));
    await new Promise((resolve) => socket.write(head.slice(0, 40), resolve));
    // What was written before these round trips has been read.
    for (let trip = 0; trip < 3; trip++) await scene.gateway.inFlight();

    process.kill(scene.gateway.pid, "SIGTERM");
    await until(() => refusesConnections(scene.gateway.port));
    socket.write(head.slice(40) + body);
    await until(() => isClosed);
    expect(late).toStartWith("HTTP/1.1 503");
    expect(late).toMatch(/\r\nretry-after: \d+\r\n/i);

    scene.upstream.release();
    const told = await Promise.all(streams);
    expect(told.map(({ body: text }, index) => endingOf(PROTOCOLS[index] ?? "chat", text))).toEqual(
      PROTOCOLS.map(() => "success"),
    );
    expect(await scene.gateway.exited).toBe(0);
  }, 30_000);

  test("a second signal ends all at once, and what was written down is kept", async () => {
    await using scene = await startScene({});
    const stream = scene.send("held", { protocol: "messages" });
    await until(() => scene.upstream.held() === 1);
    // Signals in quick succession are one keypress.
    const insist = setInterval(() => {
      try {
        process.kill(scene.gateway.pid, "SIGTERM");
      } catch {
        // it has ended
      }
    }, 100);
    const exitCode = await scene.gateway.exited;
    clearInterval(insist);
    expect([exitCode, endingOf("messages", (await stream).body)]).toEqual([143, "failure"]);
    const store = await composeStore(loadConfig({ env: { AG_HOME: scene.gateway.home }, oauthClient: undefined }));
    const records = await store.records.list({ limit: 10 });
    await store.close();
    expect(records.map(({ record }) => record.outcome)).toEqual(["busy"]);
  }, 30_000);

  test("does not wait for ever for a client that does not read", async () => {
    await using scene = await startScene({ timeouts: { drainMs: 100 } });
    void scene.send("flood", { deaf: true }); // it does not even notice that it was cut
    await until(() => scene.upstream.open() === 1);
    process.kill(scene.gateway.pid, "SIGTERM");
    expect(await scene.gateway.exited).toBe(0);
  }, 30_000);

  test("by its terminal's end stops as by SIGTERM", async () => {
    await using scene = await startScene({});
    const stream = scene.send("held", { protocol: "messages" });
    await until(() => scene.upstream.held() === 1);
    process.kill(scene.gateway.pid, "SIGHUP");
    await until(() => refusesConnections(scene.gateway.port));
    process.kill(scene.gateway.pid, "SIGHUP"); // the shell tells of it, too
    scene.upstream.release();
    expect(endingOf("messages", (await stream).body)).toBe("success");
    expect(await scene.gateway.exited).toBe(0);
  }, 30_000);
});
