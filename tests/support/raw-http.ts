import { connect, type Socket } from "node:net";

export interface RawRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** Written after the head, as it stands: framing is the caller's. */
  body?: Iterable<string | Uint8Array>;
  /** The client is gone as soon as all is written. */
  leaves?: boolean;
}

export interface RawReply {
  status: number;
  /** Head and body, as they came. */
  text: string;
  body: string;
}

/**
 * One request over a TCP connection of its own, byte for byte as given. Resolves when the answer is complete or the
 * connection closed; what the server did not want to read by then is not written. Status 0: it gave no answer.
 */
export function rawRequest(url: string, request: RawRequest): Promise<RawReply> {
  const { method = "POST", path, headers = {}, body = [], leaves = false } = request;
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<RawReply>();
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
    if (isComplete(text)) socket.destroy();
  });
  socket.on("error", () => {}); // a server that has answered may reset what it will not read
  socket.on("close", () => {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
    resolve({ status, text, body: text.slice(headLength(text)) });
  });
  const lines = Object.entries({ host: `${hostname}:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`);
  socket.write([`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  const pieces = body[Symbol.iterator]();
  const write = () => {
    for (let piece = pieces.next(); !piece.done && socket.writable; piece = pieces.next()) {
      if (!socket.write(piece.value)) return void socket.once("drain", write);
    }
    if (leaves) socket.end();
  };
  write();
  return promise;
}

/** What comes back for these bytes over a connection of their own, until the server has closed it: the request should ask for that. */
export function rawBytes(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (data) => void (text += data.toString("latin1")));
  socket.on("error", () => {}); // it is over all the same
  socket.on("close", () => resolve(text));
  socket.write(bytes);
  return promise;
}

export interface RawClient {
  /** To be ended, reset or paused as the test likes. */
  socket: Socket;
  /** What has come so far. */
  text(): string;
}

/** A POST over a TCP connection of its own, left open. `sentBytes`: only so much of the body is sent. */
export function openRequest(url: string, path: string, body: string, sentBytes = Infinity): RawClient {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  let text = "";
  socket.on("data", (data) => void (text += data.toString("latin1")));
  socket.on("error", () => socket.destroy()); // how it ends is the test's matter
  const bytes = Buffer.from(body);
  socket.write(`POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes.subarray(0, sentBytes));
  return { socket, text: () => text };
}

function isComplete(text: string): boolean {
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
  return length !== undefined && text.length >= headLength(text) + Number(length) && text.includes("\r\n\r\n");
}

function headLength(text: string): number {
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? text.length : end + 4;
}
