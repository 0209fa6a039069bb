/** One thing that happens to the connection: bytes go out, the server waits, the socket breaks, or nothing ever happens. */
export type Piece = Uint8Array | { wait: Promise<unknown> } | "cut" | "hang";

export interface Reply {
  status: number;
  headers: Record<string, string>;
  pieces: readonly Piece[];
}

export interface Gate {
  /** Resolves when the gate opens. */
  opened: Promise<void>;
  open(): void;
}

/** Holds a scripted answer until the test opens it, so that no test depends on time. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export function plainReply(status: number, body: string, headers: Record<string, string>): Reply {
  return { status, headers, pieces: body === "" ? [] : [bytesOf(body)] };
}

/**
 * Cuts each unbroken run of bytes anew: a number is the size of every piece, a list is used in turn and then from its
 * start again. Splits fall inside multi-byte characters and line ends without mercy.
 */
export function resplit(pieces: readonly Piece[], sizes: number | readonly number[]): Piece[] {
  const cycle = typeof sizes === "number" ? [sizes] : sizes;
  const out: Piece[] = [];
  let run: Uint8Array[] = [];
  let turn = 0;
  const flush = (): void => {
    const whole = Buffer.concat(run);
    run = [];
    for (let offset = 0; offset < whole.length;) {
      const size = Math.max(1, cycle[turn++ % cycle.length] ?? whole.length);
      out.push(new Uint8Array(whole.subarray(offset, offset + size)));
      offset += size;
    }
  };
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      run.push(piece);
      continue;
    }
    flush();
    out.push(piece);
  }
  flush();
  return out;
}

/** Lets `count` bytes through and then destroys the socket. */
export function cutAfter(pieces: readonly Piece[], count: number): Piece[] {
  const out: Piece[] = [];
  let left = count;
  for (const piece of pieces) {
    if (left <= 0) break;
    if (!(piece instanceof Uint8Array)) {
      out.push(piece);
      continue;
    }
    out.push(piece.subarray(0, left));
    left -= piece.length;
  }
  return [...out, "cut"];
}

export interface Delivery {
  /** Ends `hang` pieces, so that a stopped server leaves nothing behind. */
  stopped: Promise<void>;
  /** The request's own signal: aborted when the client goes away. */
  signal: AbortSignal;
  onEnd(how: "sent" | "cut" | "closed-by-client"): void;
}

/** Plays a reply to the network, one piece per chunk as far as the socket allows. */
export function respond(reply: Reply, delivery: Delivery): Response {
  const pieces = [...reply.pieces];
  let position = 0;
  if (!pieces.some((piece) => !(piece instanceof Uint8Array)) && pieces.length <= 1) {
    delivery.onEnd("sent");
    return new Response(pieces[0] instanceof Uint8Array ? new Uint8Array(pieces[0]) : null, reply);
  }
  const clientLeft = new Promise<void>((resolve) => {
    if (delivery.signal.aborted) resolve();
    delivery.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  void clientLeft.then(() => delivery.onEnd("closed-by-client"));
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          if (delivery.signal.aborted) return controller.close();
          const piece = pieces[position++];
          if (piece === undefined) {
            delivery.onEnd("sent");
            return controller.close();
          }
          if (piece instanceof Uint8Array) {
            if (piece.length === 0) continue;
            await flushed();
            return controller.enqueue(piece);
          }
          if (typeof piece === "object") {
            await Promise.race([piece.wait, delivery.stopped, clientLeft]);
            continue;
          }
          if (piece === "hang") await Promise.race([delivery.stopped, clientLeft]);
          else await flushed();
          delivery.onEnd(delivery.signal.aborted ? "closed-by-client" : "cut");
          return controller.error(); // Bun destroys the socket and, without a reason, prints nothing
        }
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, reply);
}

/** Bun joins chunks that are enqueued within a few turns of its event loop; after these most leave one by one. */
async function flushed(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    await Bun.sleep(0);
    await message();
  }
}

/**
 * A turn by message, not by setImmediate: bun:test runs the loop from inside `expect(…).rejects`, and there an
 * immediate sleeps for a second.
 */
function message(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
