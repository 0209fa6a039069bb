import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { chatClient } from "../support/clients.ts";
import { type Answer, type CloudCodeServer, failure, startCloudCode } from "../support/cloudcode/index.ts";
import { BINARY, startGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { TWO_ACCOUNTS } from "./support/bench.ts";
import { ask, startScene, type Told, until } from "./support/scene.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Front {
  url: string;
  port: number;
  /** Of each call, who made it and from which port, which is the connection. */
  calls: { bearer: string; port: number }[];
  stop(): Promise<void>;
}

/** Stands before the strict server and sees connections. */
function startFront(upstream: CloudCodeServer, port = 0): Front {
  const calls: Front["calls"] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    async fetch(request, self) {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      calls.push({ bearer: headers.get("authorization") ?? "", port: self.requestIP(request)?.port ?? 0 });
      return fetch(upstream.url + pathname + search, { method, headers, body: await request.text() });
    },
  });
  const stop = () => server.stop(true);
  cleanUps.push(stop);
  return { url: `http://127.0.0.1:${server.port}`, port: server.port ?? 0, calls, stop };
}

async function start(upstream: CloudCodeServer, options: TestGatewayOptions = {}): Promise<string> {
  const gateway = await startGateway(upstream, options);
  cleanUps.push(() => gateway.stop());
  return gateway.url;
}

async function startUpstream(options?: Parameters<typeof startCloudCode>[0]): Promise<CloudCodeServer> {
  const upstream = await startCloudCode(options);
  cleanUps.push(() => upstream.stop());
  return upstream;
}

test("no two accounts are ever seen on one connection, and each keeps using its own", async () => {
  const upstream = await startUpstream({ accounts: TWO_ACCOUNTS });
  const front = startFront(upstream);
  const env = { AG_CLOUDCODE_URLS: front.url };
  const url = await start(upstream, { env, config: { scheduling: { strategy: "round-robin" } } });
  for (let round = 1; round <= 10; round++) {
    await Promise.all([1, 2, 3].map((number) => ask(url, chatClient, { session: `${round} ${number}` })));
  }
  const ports = Map.groupBy(front.calls, ({ port }) => port);
  for (const calls of ports.values()) expect(new Set(calls.map(({ bearer }) => bearer)).size).toBe(1);
  expect(new Set(front.calls.map(({ bearer }) => bearer)).size).toBe(2);
  expect(ports.size).toBeLessThan(front.calls.length / 2);
});

test("an upstream that was started anew is asked on new connections, which no client sees", async () => {
  const upstream = await startUpstream();
  const first = startFront(upstream);
  const url = await start(upstream, { env: { AG_CLOUDCODE_URLS: first.url } });
  await Promise.all([1, 2, 3].map(() => ask(url, chatClient)));
  await first.stop();
  const second = startFront(upstream, first.port);
  for (let request = 1; request <= 3; request++) {
    expect(await ask(url, chatClient)).toMatchObject({ status: 200, attempts: 1 });
  }
  expect(second.calls).toHaveLength(3);
});

describe("a host that takes no connections", () => {
  /** A port where connections are taken, and no handshake is ever made. */
  async function startMute(): Promise<string> {
    const server = createServer((socket) => socket.on("error", () => {})); // whoever asks here gives up
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUps.push(() => server.close());
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return `https://127.0.0.1:${address.port}`;
  }

  test("is passed over for the next one", async () => {
    const upstream = await startUpstream();
    const env = { AG_CLOUDCODE_URLS: `${await startMute()},${upstream.url}` };
    const url = await start(upstream, { env, config: { timeouts: { connectMs: 200 } } });
    for (const stream of [false, true]) {
      expect(await ask(url, chatClient, { stream })).toMatchObject({ status: 200, attempts: 1 });
    }
  });

  test("and is the only one is a 502 that says so", async () => {
    const upstream = await startUpstream();
    const env = { AG_CLOUDCODE_URLS: upstream.url };
    const config = { timeouts: { connectMs: 200 }, cloudcode: {} };
    const home = await startGateway(upstream, { env, config });
    await ask(home.url, chatClient); // the project is known from now on
    await home.stop();
    const url = await start(upstream, { home: home.home, config, env: { AG_CLOUDCODE_URLS: await startMute() } });
    const told = await ask(url, chatClient);
    expect(told.status).toBe(502);
    expect(told.text).toContain("Upstream does not take connections");
  });
});

test.skipIf(BINARY !== undefined)(
  "an error whose page never ends is left after ten seconds, with its connection, and the request goes on",
  async () => {
    await using scene = await startScene();
    const unending: Answer = (context) => {
      const reply = failure("internal")(context);
      return { ...reply, pieces: [...reply.pieces, "hang"] };
    };
    scene.upstream.script([unending, "fine"]);
    const told: Told[] = [];
    const asked = scene.ask(chatClient).then((answer) => told.push(answer));
    await scene.upstream.call(1);
    const isLeft = () => scene.upstream.log.some(({ closedByClient }) => closedByClient);
    let secondsUntilLeft = 0;
    // What is still to come sets its timers when it likes, so time goes on until the end.
    for (let seconds = 0; told.length === 0 && seconds < 60; seconds++) {
      if (!isLeft()) secondsUntilLeft++;
      await scene.clock.advance(1_000);
      await until(() => true, 5);
    }
    expect(secondsUntilLeft).toBeGreaterThanOrEqual(10);
    await asked;
    expect(told).toMatchObject([{ status: 200, attempts: 2, text: expect.stringContaining("fine") }]);
  },
);
