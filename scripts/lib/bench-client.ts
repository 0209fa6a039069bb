/**
 * A bare HTTP/1.1 client for measuring: ready-made request bytes, one request at a time on each connection, and no more of
 * an answer looked at than its framing. It costs a fraction of `fetch`, so that it is not what is measured.
 */
import type { Socket } from "bun";

export interface Timing {
  /** From the request's last byte handed over to the first byte of the answer's body. */
  firstByteMs: number;
  totalMs: number;
  /** `performance.now()` at its end. */
  endedAt: number;
}

export interface Connection {
  /** Sends one request and reads its answer to the end. Rejects when that is not a 200. */
  ask(request: Uint8Array): Promise<Timing>;
  close(): void;
}

/** The bytes of a POST. `path` begins with "/". */
export function requestBytes(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Uint8Array {
  const all = {
    host: "127.0.0.1",
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    ...headers,
  };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Uint8Array(Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join("")}\r\n${body}`));
}

/** `url`: "http://127.0.0.1:40123". What the server has closed while it was idle is opened anew. */
export async function connect(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  let pending: Exchange | undefined;
  let unsent: Uint8Array = new Uint8Array();
  let isOpen = false;
  const flush = (socket: Socket) => {
    if (unsent.length > 0) unsent = unsent.subarray(socket.write(unsent));
  };
  const open = () =>
    Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open() {
          isOpen = true;
        },
        data(_, chunk) {
          if (pending?.take(chunk)) pending = undefined;
        },
        drain: flush,
        close() {
          isOpen = false;
          pending?.fail("the connection was closed in the middle of an answer");
        },
        error(_, cause) {
          pending?.fail(cause.message);
        },
      },
    });
  let socket = await open();
  return {
    async ask(request) {
      if (!isOpen) socket = await open();
      const { promise, resolve, reject } = Promise.withResolvers<Timing>();
      pending = exchange(resolve, (message) => reject(new Error(message)));
      unsent = request;
      flush(socket);
      return promise;
    },
    close: () => void socket.end(),
  };
}

interface Exchange {
  /** Whether the answer is complete. */
  take(chunk: Uint8Array): boolean;
  fail(message: string): void;
}

const END_OF_CHUNKS = "0\r\n\r\n";

function exchange(resolve: (timing: Timing) => void, fail: (message: string) => void): Exchange {
  const startedAt = performance.now();
  let firstByteAt = 0;
  let head: string | undefined = "";
  /** Of the body; `undefined`: it is chunked, and ends with an empty chunk. */
  let bytesLeft: number | undefined;
  let tail = "";

  const takeBody = (bytes: Uint8Array): boolean => {
    if (firstByteAt === 0 && bytes.length > 0) firstByteAt = performance.now();
    if (bytesLeft === undefined) {
      const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", bytes.length - 5);
      // What is cut in two by the network is put together; inside our own answers nothing else looks like the end.
      tail = bytes.length >= 5 ? end : (tail + end).slice(-5);
      if (tail !== END_OF_CHUNKS) return false;
    } else {
      bytesLeft -= bytes.length;
      if (bytesLeft > 0) return false;
    }
    const endedAt = performance.now();
    resolve({ firstByteMs: (firstByteAt || endedAt) - startedAt, totalMs: endedAt - startedAt, endedAt });
    return true;
  };

  return {
    fail,
    take(chunk) {
      if (head === undefined) return takeBody(chunk);
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
      head += text;
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return false;
      const body = head.length - end - 4;
      if (!head.startsWith("HTTP/1.1 200")) {
        fail(`not a 200: ${head.slice(0, 600)}`);
        return true;
      }
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      bytesLeft = length === undefined ? undefined : Number(length);
      head = undefined;
      return body > 0 || bytesLeft === 0 ? takeBody(chunk.subarray(chunk.length - body)) : false;
    },
  };
}

/** `count` requests over the connections, each of which asks again as soon as it has its answer. */
export async function drive(connections: readonly Connection[], request: Uint8Array, count: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  let left = count;
  const work = async (connection: Connection) => {
    while (left-- > 0) timings.push(await connection.ask(request));
  };
  await Promise.all(connections.map(work));
  return timings;
}

export async function connectAll(url: string, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => connect(url)));
}
