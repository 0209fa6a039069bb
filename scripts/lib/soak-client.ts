/** One HTTP request over a connection of its own, by a client that may be slow, rude, or leave at any moment. */

/** How a client goes: it says so and closes, it resets the connection, or it closes its sending side and stays. */
export const WAYS_TO_LEAVE = ["fin", "rst", "half"] as const;
export type WayToLeave = (typeof WAYS_TO_LEAVE)[number];

export interface Ask {
  port: number;
  /** Bytes as they are sent; from the second on, each after a pause of some milliseconds. */
  pieces: readonly (string | Uint8Array)[];
  /** Leaves so long after the last piece was sent, or once this much of the reply is there, whichever comes first. */
  leave?: { how: WayToLeave; afterMs: number; afterBytes: number };
  /** Does not read for so long once the reply begins. */
  deafMs?: number;
  /** The first bytes of the reply's body are there. */
  onBegun?(): void;
}

export interface Told {
  /** 0: not a byte of a reply came. */
  status: number;
  /** The reply's body, as far as it came. */
  body: string;
  /**
   * `whole`: the reply came to the end that HTTP gives it. `broken`: it did not. `left`: the client had gone before, as it was
   * told to. `stuck`: the connection stayed open, and nothing more came.
   */
  end: "whole" | "broken" | "left" | "stuck";
}

const PIECE_PAUSE_MS = 5;
/** Nothing that a gateway is made to do here takes this long. */
const STUCK_MS = 60_000;

/** Resolves when the connection is closed, by whomever. Never rejects. */
export function ask({ port, pieces, leave, deafMs, onBegun }: Ask): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>();
  const reply = readReply();
  let end: Told["end"] = "broken";
  let timers: ReturnType<typeof setTimeout>[] = [];
  const later = (work: () => void, ms: number) => void timers.push(setTimeout(work, ms));
  const close = () => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
    resolve({ status: reply.status(), body: reply.body(), end });
  };

  const go = (socket: Bun.Socket, how: WayToLeave) => {
    if (end !== "broken") return;
    end = "left";
    if (how === "rst") socket.terminate();
    else if (how === "fin") socket.end();
    else socket.shutdown();
  };

  const start = async (socket: Bun.Socket) => {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await Bun.sleep(PIECE_PAUSE_MS);
      await writeAll(socket, piece);
    }
    if (leave) later(() => go(socket, leave.how), leave.afterMs);
  };

  void Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        later(() => {
          end = "stuck";
          socket.terminate();
        }, STUCK_MS);
        void start(socket);
      },
      drain: (socket) => drained.get(socket)?.(),
      data(socket, bytes) {
        if (reply.length() === 0 && deafMs !== undefined) {
          socket.pause();
          later(() => socket.resume(), deafMs);
        }
        const hadBegun = reply.hasBody();
        reply.push(bytes);
        if (!hadBegun && reply.hasBody()) onBegun?.();
        if (leave && reply.length() >= leave.afterBytes) go(socket, leave.how);
        if (end === "broken" && reply.isWhole()) {
          end = "whole";
          socket.end();
        }
      },
      end: (socket) => void socket.end(),
      close,
      error() {}, // a reset; `close` follows
      connectError: close,
    },
  }).catch(close);
  return promise;
}

const drained = new WeakMap<Bun.Socket, () => void>();

/** Until all is in the kernel's hands, or the connection is gone. */
async function writeAll(socket: Bun.Socket, piece: string | Uint8Array): Promise<void> {
  let left = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
  while (left.length > 0 && socket.readyState > 0) {
    const written = socket.write(left);
    if (written < 0) return;
    left = left.subarray(written);
    if (left.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      drained.set(socket, resolve);
      // A connection that is closed meanwhile drains no more.
      await Promise.race([promise, Bun.sleep(100)]);
    }
  }
}

/** A reply as it comes: its head is read once, and of a long body only the end is looked at. */
function readReply() {
  let head = "";
  let isHeadRead = false;
  let length: number | undefined;
  const body: Uint8Array[] = [];
  let bodyBytes = 0;

  const push = (bytes: Uint8Array): void => {
    if (isHeadRead) {
      // The runtime may use its buffer again.
      body.push(bytes.slice());
      bodyBytes += bytes.length;
      return;
    }
    head += Buffer.from(bytes).toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const rest = head.slice(end + 4);
    head = head.slice(0, end + 4);
    isHeadRead = true;
    const written = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
    if (written !== undefined) length = Number(written);
    if (rest !== "") push(Buffer.from(rest, "latin1"));
  };

  return {
    push,
    length: () => head.length + bodyBytes,
    hasBody: () => bodyBytes > 0,
    status: () => Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    body: () => (length === undefined ? withoutChunks(Buffer.concat(body)) : Buffer.concat(body)).toString(),
    isWhole() {
      if (!isHeadRead) return false;
      if (length !== undefined) return bodyBytes >= length;
      return Buffer.concat(body.slice(-LAST_CHUNK.length)).toString("latin1").endsWith(LAST_CHUNK);
    },
  };
}

const LAST_CHUNK = "\r\n0\r\n\r\n";

/** What chunks hold, as far as they came. */
function withoutChunks(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!(size > 0)) break;
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(chunks);
}
