import { createInterface } from "node:readline";

/** The lines of an input while it is listened to. */
export interface PastedLines extends Disposable {
  lines: AsyncIterable<string>;
}

/** Listens to what is pasted, on a terminal or through a pipe. Disposing leaves the input open for others. */
export function pastedLines(input: NodeJS.ReadStream): PastedLines {
  // The terminal's own line editing: raw mode would swallow Ctrl-C.
  const reader = createInterface({ input, terminal: false, crlfDelay: Infinity });
  return {
    lines: reader,
    [Symbol.dispose]() {
      reader.close();
      input.pause();
    },
  };
}
