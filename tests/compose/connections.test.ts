import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { composeConnections, isSilent } from "../../src/compose/connections.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Connections } from "../../src/upstreams/shared/account-pools.ts";
import { fakeClock } from "../support/clock.ts";
import { httpText, startSocketServer } from "../support/socket-server.ts";
import { until } from "../e2e/support/scene.ts";

function ask(connections: Connections, url: string, pool?: string, signal = new AbortController().signal) {
  return connections.fetch(url, {
    method: "POST",
    headers: {},
    body: "{}",
    signal,
    redirect: "manual",
    timeout: false,
    ...(pool !== undefined && { pool }),
  });
}

/** Takes connections and then says nothing: no TLS, no HTTP. */
async function startMute() {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // whoever asks here gives up
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PROXIES = ["http_proxy", "https_proxy"] as const;
const proxiesBefore = PROXIES.map((name) => process.env[name]);
afterEach(() => {
  for (const [index, name] of PROXIES.entries()) {
    const value = proxiesBefore[index];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

describe("real connections", () => {
  test("two accounts never share one, and each uses its own again", async () => {
    await using server = await startSocketServer(({ socket }) => socket.write(httpText("ok")));
    const connections = composeConnections(15_000, systemClock);
    const asked = ["a", "b", "a", "b", "b", "a"];
    for (const pool of asked) await (await ask(connections, server.url, pool)).text();
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 2, 1, 2, 2, 1]);
    connections.close();
    await until(() => server.open() === 0);
  });

  test("what belongs to no account has one of its own, which is closed after its answer", async () => {
    await using server = await startSocketServer(({ socket }) => socket.write(httpText("ok")));
    const connections = composeConnections(15_000, systemClock);
    for (const pool of ["a", undefined, undefined, "a"]) await (await ask(connections, server.url, pool)).text();
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 2, 3, 1]);
    await until(() => server.open() === 1);
    connections.close();
  });

  test("go to the proxy that the environment names, apart from each other there too", async () => {
    await using proxy = await startSocketServer(({ socket }) => socket.write(httpText("ok")));
    process.env["http_proxy"] = proxy.url;
    const connections = composeConnections(15_000, systemClock);
    for (const pool of ["a", "b", "a"]) await (await ask(connections, "http://upstream.test/x", pool)).text();
    expect(proxy.requests.map(({ connection, head }) => [connection, head.split("\r\n", 1)[0]])).toEqual(
      [1, 2, 1].map((connection) => [connection, "POST http://upstream.test/x HTTP/1.1"]),
    );
    connections.close();
  });

  test("after one of an account breaks, none of those that were idle beside it is used again", async () => {
    const together = Promise.withResolvers<void>();
    await using server = await startSocketServer(({ socket, body }) => {
      if (body === "break") return void socket.resetAndDestroy();
      void together.promise.then(() => socket.write(httpText("ok")));
    });
    const connections = composeConnections(15_000, systemClock);
    const three = [1, 2, 3].map(async () => (await ask(connections, server.url, "a")).text());
    await until(() => server.requests.length === 3);
    together.resolve();
    await Promise.all(three);
    const options = { method: "POST", headers: {}, redirect: "manual", timeout: false, pool: "a" } as const;
    const { signal } = new AbortController();
    const broken = await connections
      .fetch(server.url, { ...options, signal, body: "break" })
      .catch((cause: Error & { code?: string }) => cause.code);
    expect(broken).toBe("ECONNRESET");
    await (await ask(connections, server.url, "a")).text();
    expect(server.requests.at(-1)?.connection).toBe(4);
    connections.close();
  });

  test("a call that runs while its account's idle ones are closed goes on", async () => {
    const answered = Promise.withResolvers<void>();
    await using server = await startSocketServer(
      ({ socket }) => void answered.promise.then(() => socket.write(httpText("ok"))),
    );
    const connections = composeConnections(15_000, systemClock);
    const running = ask(connections, server.url, "a");
    await until(() => server.requests.length === 1);
    connections.close();
    answered.resolve();
    expect(await (await running).text()).toBe("ok");
    connections.close();
  });

  test("a host that takes no connections is given up, and one that is only slow is not", async () => {
    await using mute = await startMute();
    const clock = fakeClock();
    const connections = composeConnections(200, clock);
    const leaving = new AbortController();
    const refused = ask(connections, `https://127.0.0.1:${mute.port}/`, "a", leaving.signal);
    const slow = ask(connections, `http://127.0.0.1:${mute.port}/`, "a", leaving.signal);
    let slowEnded = false;
    slow.catch(() => {}).finally(() => (slowEnded = true));
    await clock.advance(100);
    expect(await refused.catch((cause: Error & { code?: string }) => cause.code)).toBe("ETIMEDOUT");
    expect(slowEnded).toBe(false);
    leaving.abort();
    await slow.catch(() => {}); // it was broken off
    connections.close();
  });
});

describe("whether nothing answers", () => {
  test("a host without a handshake is silent, one that refuses or takes a connection is not", async () => {
    await using mute = await startMute();
    await using server = await startSocketServer(() => {});
    expect(await isSilent(`https://127.0.0.1:${mute.port}/x`, 50)).toBe(true);
    expect(await isSilent(`${server.url}/x`, 10_000)).toBe(false);
    expect(await isSilent("http://127.0.0.1:1/x", 10_000)).toBe(false);
    expect(await isSilent("https://127.0.0.1:1/x", 10_000)).toBe(false);
    expect(await isSilent("https://no-such-host.invalid/x", 10_000)).toBe(false);
  });

  test("it is the proxy that must take a connection, where one is in use", async () => {
    await using mute = await startMute();
    process.env["https_proxy"] = `http://127.0.0.1:${mute.port}`;
    expect(await isSilent("https://no-such-host.invalid/x", 10_000)).toBe(false);
    process.env["https_proxy"] = `https://127.0.0.1:${mute.port}`;
    expect(await isSilent("https://no-such-host.invalid/x", 50)).toBe(true);
  });
});
