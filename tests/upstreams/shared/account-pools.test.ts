import { describe, expect, test } from "bun:test";
import type { FetchOptions } from "../../../src/lib/fetch.ts";
import { createAccountPools } from "../../../src/upstreams/shared/account-pools.ts";
import { fakeClock } from "../../support/clock.ts";

type Outcome = "ok" | "broken" | (() => Promise<Response>);

function setup({ most = 10 }: { most?: number } = {}) {
  const clock = fakeClock();
  const opened: { kept: boolean; calls: number; closed: number }[] = [];
  let outcome: Outcome = "ok";
  let asleepMs = 0;
  const pools = createAccountPools({
    open(kept) {
      const one = { kept, calls: 0, closed: 0 };
      opened.push(one);
      return {
        async fetch() {
          one.calls++;
          if (outcome === "broken") throw Object.assign(new Error("broken"), { code: "ECONNRESET" });
          return outcome === "ok" ? new Response("ok") : outcome();
        },
        close: () => void one.closed++,
      };
    },
    clock,
    uptimeMs: () => clock.now() - asleepMs,
    most,
  });
  const ask = (pool?: string, signal = new AbortController().signal) => {
    const options: FetchOptions = { method: "POST", headers: {}, signal, redirect: "manual", timeout: false };
    return pools.fetch("http://upstream.test/", pool === undefined ? options : { ...options, pool });
  };
  return {
    clock,
    pools,
    ask,
    answer: (next: Outcome) => void (outcome = next),
    sleepMachine: (ms: number) => clock.advance(ms).then(() => void (asleepMs += ms)),
    seen: () => opened.map(({ calls, closed }) => [calls, closed]),
    opened,
  };
}

describe("connections of accounts", () => {
  test("each account has its own, which later calls use again", async () => {
    const { ask, opened } = setup();
    for (const pool of ["a", "b", "a"]) await ask(pool);
    expect(opened.map(({ kept, calls }) => ({ kept, calls }))).toEqual([
      { kept: false, calls: 0 },
      { kept: true, calls: 2 },
      { kept: true, calls: 1 },
    ]);
  });

  test("what belongs to no account is not kept", async () => {
    const { ask, opened } = setup();
    await ask();
    await ask();
    expect(opened).toEqual([{ kept: false, calls: 2, closed: 0 }]);
  });

  test("the least recently used are closed beyond the most that are kept", async () => {
    const { ask, seen } = setup({ most: 2 });
    for (const pool of ["a", "b", "a", "c", "a", "b"]) await ask(pool);
    // none, a, b (closed for c), c (closed for the second b), b again
    expect(seen()).toEqual([
      [0, 0],
      [3, 0],
      [1, 1],
      [1, 1],
      [1, 0],
    ]);
  });

  test("a broken connection closes the idle ones of its account and of no other", async () => {
    const { ask, answer, seen } = setup();
    await ask("a");
    await ask("b");
    answer("broken");
    expect(await ask("a").catch((cause: Error) => cause.message)).toBe("broken");
    expect(seen()).toEqual([
      [0, 0],
      [2, 1],
      [1, 0],
    ]);
  });

  for (const [silentMs, closed] of [
    [9_999, 0],
    [10_000, 1],
  ] as const) {
    test(`a call that is ended after ${silentMs} ms of silence ${closed ? "closes" : "leaves"} them`, async () => {
      const { ask, answer, clock, seen } = setup();
      const leaving = new AbortController();
      answer(
        () => new Promise((_, reject) => leaving.signal.addEventListener("abort", () => reject(new Error("left")))),
      );
      const asked = ask("a", leaving.signal).catch(() => "left");
      await clock.advance(silentMs);
      leaving.abort();
      expect(await asked).toBe("left");
      expect(seen()[1]).toEqual([1, closed]);
    });
  }

  test("they do not outlive the machine's sleep, however short their own silence was", async () => {
    const { ask, clock, sleepMachine, seen } = setup();
    await ask("a");
    await clock.advance(3_600_000);
    await ask("a");
    expect(seen()[1]).toEqual([2, 0]);
    await sleepMachine(60_000);
    await ask("b");
    expect(seen().slice(1)).toEqual([
      [2, 1],
      [1, 0],
    ]);
  });

  test("all are closed at the end", async () => {
    const { ask, pools, seen } = setup();
    await ask("a");
    await ask("b");
    pools.close();
    expect(seen().map(([, closed]) => closed)).toEqual([0, 1, 1]);
  });
});
