import { describe, expect, test } from "bun:test";
import { abortError, untilAborted, within } from "../../src/core/abort.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { fakeClock } from "../support/clock.ts";

const never = () => new Promise<never>(() => {});

describe("abortError", () => {
  test("is the gateway's own error where that was the reason, else the client's hang-up", () => {
    const deadline = new GatewayError("deadline", "Too late");
    expect(abortError(AbortSignal.abort(deadline))).toBe(deadline);
    expect(abortError(AbortSignal.abort()).kind).toBe("cancelled");
  });
});

describe("untilAborted", () => {
  test("gives the work's result, or its error", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
    await expect(untilAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
  });

  test("ends with the signal, before or during the work", async () => {
    const controller = new AbortController();
    const waiting = untilAborted(never(), controller.signal).catch((error: unknown) => error);
    controller.abort();
    expect(await waiting).toMatchObject({ kind: "cancelled" });
    await expect(untilAborted(Promise.resolve(7), controller.signal)).rejects.toMatchObject({ kind: "cancelled" });
  });
});

describe("within", () => {
  test("fails work that takes too long, and tells it so", async () => {
    const clock = fakeClock();
    let signal: AbortSignal | undefined;
    const waiting = within(2_000, "Thinking", clock, (own) => {
      signal = own;
      return never();
    }).catch((error: unknown) => error);
    await clock.advance(1_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(await waiting).toMatchObject({ kind: "unavailable", message: "Thinking took longer than 2 s" });
  });

  test("leaves no timer behind when the work ends in time", async () => {
    const clock = fakeClock();
    expect(await within(2_000, "Thinking", clock, async () => 7)).toBe(7);
    await expect(within(2_000, "Thinking", clock, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(clock.sleeping()).toEqual([]);
  });
});
