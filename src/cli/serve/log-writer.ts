import { write } from "node:fs";

/** The part of process.stderr that a log needs. */
export interface LogStream {
  /** `done` is told once the text is written, or that it cannot be. */
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** What may wait for a reader that does not read: some thousand lines. */
const MOST_WAITING_CHARACTERS = 4_000_000;

/**
 * Writes lines without ever waiting for whoever reads them, and without harm when nobody does: streams keep what a full pipe
 * does not take in memory, without end, and one whose reader has gone throws at each write. Lines for which there is no room are
 * dropped and counted; `lost` is told how many once there is room again.
 */
export function createLogWriter(stream: LogStream, lost: (lines: number) => void): (line: string) => void {
  let waiting = 0;
  let dropped = 0;
  let isGone = false;
  // Told of each failed write beside the write itself; without a listener it would end the process.
  stream.on("error", () => {});

  function tellLost(): void {
    const lines = dropped;
    dropped = 0;
    lost(lines);
  }

  return function write(line) {
    if (isGone) return;
    if (waiting + line.length > MOST_WAITING_CHARACTERS) {
      dropped++;
      return;
    }
    waiting += line.length;
    try {
      stream.write(line, (error) => {
        waiting -= line.length;
        // Whoever held the other end is gone for good; a disk that is full may have room again.
        if (isBroken(error)) isGone = true;
        else if (dropped > 0 && waiting === 0) tellLost();
      });
    } catch {
      isGone = true; // closed: there is nowhere left to say so
    }
  };
}

function isBroken(error: Error | null | undefined): boolean {
  return error != null && "code" in error && (error.code === "EPIPE" || error.code === "ECONNRESET");
}

type WriteBytes = (bytes: Uint8Array, done: (error: Error | null, written: number) => void) => void;

/**
 * A terminal as a stream that never holds up the event loop: `process.stderr` waits for a terminal that is paused (Ctrl-S), and
 * everybody who is being answered with it. This one writes on another thread, one piece after the other.
 */
export function terminalStream(writeBytes: WriteBytes = (bytes, done) => write(2, bytes, done)): LogStream {
  const queue: { bytes: Uint8Array; done: (error?: Error | null) => void }[] = [];
  let isWriting = false;

  function next(): void {
    const [piece] = queue;
    if (!piece) return;
    isWriting = true;
    writeBytes(piece.bytes, (error, written) => {
      isWriting = false;
      if (error === null && written < piece.bytes.length) piece.bytes = piece.bytes.subarray(written);
      else {
        queue.shift();
        piece.done(error);
      }
      if (!isWriting) next();
    });
  }

  return {
    write(text, done) {
      queue.push({ bytes: Buffer.from(text), done });
      if (!isWriting) next();
    },
    on: () => {}, // what goes wrong is told to `done` alone
  };
}
