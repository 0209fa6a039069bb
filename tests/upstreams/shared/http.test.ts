import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Fetch } from "../../../src/lib/fetch.ts";
import { readErrorText, readObject, send } from "../../../src/upstreams/shared/http.ts";
import { until } from "../../e2e/support/scene.ts";
import { fakeClock } from "../../support/clock.ts";
import { httpText, type SocketServer, startSocketServer } from "../../support/socket-server.ts";

const MESSAGE = { method: "POST", headers: {}, body: () => "{}" } as const;
const CHUNKED = "HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n";
const never = new AbortController().signal;

let server: SocketServer;
let answer: (socket: Socket, call: number) => void;
beforeAll(async () => {
  server = await startSocketServer(({ socket }) => answer(socket, server.requests.length));
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => void (server.requests.length = 0));

const sendOver = (fetchAnswer: Fetch = fetch, signal = never) => send(fetchAnswer, server.url, MESSAGE, signal);

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** Writes as fast as it is read, until the other end has gone. */
function flood(socket: Socket, piece: string): void {
  const write = () => {
    while (socket.writable) if (!socket.write(piece)) return void socket.once("drain", write);
  };
  write();
}

async function told(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (cause) {
    return cause instanceof GatewayError ? { kind: cause.kind, message: cause.message } : cause;
  }
}

describe("an answer that is no success", () => {
  test("is read to its end, and its connection is free again", async () => {
    answer = (socket) => socket.write(`${CHUNKED}${chunk('{"error":')}${chunk("{}}")}0\r\n\r\n`);
    const clock = fakeClock();
    for (let call = 0; call < 20; call++) {
      expect(await readErrorText(await sendOver(), never, clock)).toBe('{"error":{}}');
    }
    expect(new Set(server.requests.map(({ connection }) => connection)).size).toBe(1);
    expect(clock.sleeping()).toEqual([]);
  });

  test("that never ends is left after ten seconds, with what it has said, and its connection is closed", async () => {
    answer = (socket) => socket.write(`${CHUNKED}${chunk("slow down")}`);
    const clock = fakeClock();
    const texts = Array.from({ length: 20 }, async () => readErrorText(await sendOver(), never, clock));
    await until(() => clock.sleeping().length === 20);
    await clock.advance(10_000);
    expect(new Set(await Promise.all(texts))).toEqual(new Set(["slow down"]));
    await until(() => server.open() === 0);
  });

  test("that is endless is left after a megabyte or so, and its connection is closed", async () => {
    const piece = chunk("x".repeat(60_000));
    answer = (socket) => {
      socket.write(CHUNKED);
      flood(socket, piece);
    };
    const text = await readErrorText(await sendOver(), never, fakeClock());
    expect(text.length).toBeGreaterThan(1_000_000);
    expect(text.length).toBeLessThan(3_000_000);
    await until(() => server.open() === 0);
  });

  test("that breaks off still says what it had said", async () => {
    answer = (socket) => socket.write(`${CHUNKED}${chunk("half")}`, () => setImmediate(() => socket.resetAndDestroy()));
    expect(await readErrorText(await sendOver(), never, fakeClock())).toMatch(/^(half)?$/);
  });

  test("is no longer read once the caller has left", async () => {
    answer = (socket) => socket.write(`${CHUNKED}${chunk("half")}`);
    const leaving = new AbortController();
    const clock = fakeClock();
    const read = sendOver(fetch, leaving.signal).then((response) => readErrorText(response, leaving.signal, clock));
    await until(() => clock.sleeping().length === 1);
    leaving.abort();
    expect(await told(read)).toMatchObject({ kind: "cancelled" });
    await until(() => server.open() === 0);
    expect(clock.sleeping()).toEqual([]);
  });
});

describe("an answer that should be one object", () => {
  test("is refused when it has no end, and its connection is closed", async () => {
    const piece = chunk(`"${"x".repeat(500_000)}",`);
    answer = (socket) => {
      socket.write(`${CHUNKED.replace("429 Too Many Requests", "200 OK")}${chunk("[")}`);
      flood(socket, piece);
    };
    expect(await told(readObject(await sendOver(), never))).toEqual({
      kind: "unavailable",
      message: "Upstream sent an endless answer",
    });
    await until(() => server.open() === 0);
  });

  test("is unavailable when it breaks off", async () => {
    answer = (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", () => setImmediate(() => socket.destroy()));
    };
    expect(await told(sendOver().then((response) => readObject(response, never)))).toEqual({
      kind: "unavailable",
      message: "Upstream broke off its answer",
    });
  });
});

describe("a connection that breaks before the head of an answer", () => {
  const BREAKS: Record<string, (socket: Socket) => void> = {
    "with a reset": (socket) => socket.resetAndDestroy(),
    "with an orderly end": (socket) => socket.end(),
    "in the middle of the head": (socket) => socket.write("HTTP/1.1 200 OK\r\nConte", () => socket.destroy()),
  };
  for (const [how, breakOff] of Object.entries(BREAKS)) {
    test(`${how}: the call is made once more, and not twice`, async () => {
      answer = (socket, call) => (call === 1 ? breakOff(socket) : socket.write(httpText("{}")));
      expect((await sendOver()).status).toBe(200);
      expect(server.requests).toHaveLength(2);
      answer = breakOff;
      expect(await told(sendOver())).toEqual({ kind: "unavailable", message: "Upstream cannot be reached" });
      expect(server.requests).toHaveLength(4);
    });
  }

  for (const [code, calls, message] of [
    ["ECONNRESET", 2, "Upstream cannot be reached"],
    ["EPIPE", 2, "Upstream cannot be reached"],
    ["ECONNREFUSED", 1, "Upstream cannot be reached"],
    ["ENOTFOUND", 1, "Upstream cannot be reached"],
    ["ETIMEDOUT", 1, "Upstream does not take connections"],
  ] as const) {
    test(`${code} is met with ${calls === 1 ? "one call" : "a second call"}`, async () => {
      let made = 0;
      const failing: Fetch = () => {
        made++;
        return Promise.reject(Object.assign(new TypeError("x"), { code }));
      };
      expect(await told(sendOver(failing))).toEqual({ kind: "unavailable", message });
      expect(made).toBe(calls);
    });
  }

  test("is not looked at when the caller has left", async () => {
    let made = 0;
    const leaving = new AbortController();
    const failing: Fetch = () => {
      made++;
      leaving.abort();
      return Promise.reject(Object.assign(new TypeError("x"), { code: "ECONNRESET" }));
    };
    expect(await told(sendOver(failing, leaving.signal))).toMatchObject({ kind: "cancelled" });
    expect(made).toBe(1);
  });
});
