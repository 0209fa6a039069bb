import { describe, expect, test } from "bun:test";
import { createLogWriter, type LogStream, terminalStream } from "../../src/cli/serve/log-writer.ts";

/** A stream that takes what it is given, and tells that it is written when it is told to. */
function slowStream() {
  const taken: string[] = [];
  const waiting: ((error?: Error | null) => void)[] = [];
  let listeners = 0;
  const stream: LogStream = {
    write(text, done) {
      taken.push(text);
      waiting.push(done);
    },
    on: () => listeners++,
  };
  const settle = (error?: Error) => {
    for (const done of waiting.splice(0)) done(error);
  };
  return { stream, taken, settle, listeners: () => listeners };
}

const LINE = `${"x".repeat(999_999)}\n`;

test("a reader that does not read costs a bounded amount of memory, and is told what it has missed", () => {
  const { stream, taken, settle } = slowStream();
  const lost: number[] = [];
  const write = createLogWriter(stream, (lines) => {
    lost.push(lines);
    write(`${lines} were dropped\n`);
  });
  for (let index = 0; index < 10; index++) write(LINE);
  expect(taken).toHaveLength(4);
  expect(lost).toEqual([]);
  settle();
  expect(lost).toEqual([6]);
  write("next\n");
  settle();
  settle();
  expect(taken.slice(4)).toEqual(["6 were dropped\n", "next\n"]);
  expect(lost).toEqual([6]);
});

test("once its reader has gone, nothing more is written; no write throws", () => {
  for (const code of ["EPIPE", "ECONNRESET"]) {
    const { stream, taken, settle, listeners } = slowStream();
    const write = createLogWriter(stream, () => {});
    expect(listeners()).toBe(1);
    write("first\n");
    settle(Object.assign(new Error("broken"), { code }));
    write("second\n");
    expect(taken).toEqual(["first\n"]);
  }
  const write = createLogWriter(
    {
      on: () => {},
      write() {
        throw new Error("closed");
      },
    },
    () => {},
  );
  expect(() => {
    write("first\n");
    write("second\n");
  }).not.toThrow();
});

test("a disk that is full may have room again", () => {
  const { stream, taken, settle } = slowStream();
  const write = createLogWriter(stream, () => {});
  write("first\n");
  settle(Object.assign(new Error("no space"), { code: "ENOSPC" }));
  write("second\n");
  expect(taken).toEqual(["first\n", "second\n"]);
});

describe("a terminal", () => {
  /** Takes at most so many bytes at a time, when it is told to. */
  function terminal(mostBytes: number) {
    let shown = "";
    let held: (() => void) | undefined;
    const stream = terminalStream((bytes, done) => {
      expect(held).toBeUndefined();
      held = () => {
        held = undefined;
        const taken = bytes.subarray(0, mostBytes);
        shown += Buffer.from(taken).toString("latin1");
        done(null, taken.length);
      };
    });
    return { stream, take: () => held?.(), shown: () => shown };
  }

  test("that is paused holds nobody up, and is given all lines in order and in full when it goes on", () => {
    const { stream, take, shown } = terminal(4);
    const done: string[] = [];
    for (const line of ["first\n", "second\n", "third\n"]) stream.write(line, () => void done.push(line));
    expect([shown(), done]).toEqual(["", []]);
    take();
    expect([shown(), done]).toEqual(["firs", []]);
    take();
    expect([shown(), done]).toEqual(["first\n", ["first\n"]]);
    for (let count = 0; count < 4; count++) take();
    expect([shown(), done.length]).toEqual(["first\nsecond\nthird\n", 3]);
    stream.write("later\n", () => {});
    take();
    take();
    expect(shown()).toEndWith("third\nlater\n");
  });

  test("that cannot be written to is told of, line by line", () => {
    const failure = new Error("EIO");
    const told: unknown[] = [];
    const stream = terminalStream((_, done) => done(failure, 0));
    stream.write("first\n", (error) => void told.push(error));
    stream.write("second\n", (error) => void told.push(error));
    expect(told).toEqual([failure, failure]);
  });
});
