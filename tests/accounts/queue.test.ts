import { describe, expect, test } from "bun:test";
import { type Attempt, createQueue } from "../../src/accounts/queue.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { fakeClock, settle } from "../support/clock.ts";

const NO_ABORT = new AbortController().signal;

/** A queue for places that the test hands out. */
function world(maxQueued = 100) {
  const clock = fakeClock();
  let places = 0;
  const served: string[] = [];
  const queue = createQueue<string>({ clock, maxQueued, onTime: () => queue.review() });
  const attempt = (name: string) => (): Attempt<string> => {
    if (places === 0) return { type: "wait" };
    places--;
    served.push(name);
    return { type: "done", result: name };
  };
  /** "A1" is the first request of conversation A. */
  const wait = (name: string, signal = NO_ABORT) => {
    const outcome = queue.wait(name.slice(0, 1), attempt(name), {}, signal);
    outcome.catch(() => {}); // looked at by the tests that expect it
    return outcome;
  };
  const free = (count: number) => {
    places += count;
    queue.review(() => places === 0);
  };
  return { clock, queue, wait, free, served };
}

describe("the line", () => {
  test("is served in the order of arrival", async () => {
    const { wait, free, served } = world();
    for (const name of ["A1", "B1", "C1"]) void wait(name);
    free(2);
    free(1);
    expect(served).toEqual(["A1", "B1", "C1"]);
  });

  test("takes turns between conversations, however many requests each has", () => {
    const { wait, free, served } = world();
    for (const name of ["A1", "A2", "A3", "A4", "B1", "B2", "C1"]) void wait(name);
    free(7);
    expect(served).toEqual(["A1", "B1", "C1", "A2", "B2", "A3", "A4"]);
  });

  test("lets newcomers overtake nobody who waits for his turn", () => {
    const { wait, free, served } = world();
    for (const name of ["A1", "A2", "B1"]) void wait(name);
    free(1);
    void wait("C1");
    void wait("D1");
    free(4);
    expect(served).toEqual(["A1", "B1", "A2", "C1", "D1"]);
  });

  test("passes over who cannot use what is free, and serves him when he can", () => {
    const { wait, free, served, queue } = world();
    let mayTake = false;
    void queue.wait(
      "P",
      () => {
        if (mayTake) served.push("P1");
        return mayTake ? { type: "done", result: "P1" } : { type: "wait" };
      },
      {},
      NO_ABORT,
    );
    for (const name of ["P2", "A1", "A2"]) void wait(name);
    free(2);
    mayTake = true;
    free(1);
    expect(served).toEqual(["P2", "A1", "P1", "A2"]);
  });

  test("refuses at once when it is full, and blames nobody", async () => {
    const { wait } = world(2);
    void wait("A1");
    void wait("B1");
    await expect(wait("C1")).rejects.toMatchObject({
      kind: "rate-limited",
      message: "Every usable account is busy and the queue is full (scheduling.maxQueued: 2): try again in a moment",
      detail: { retryAfterMs: 2_000 },
    });
  });

  test("may be closed altogether", async () => {
    const { wait } = world(0);
    await expect(wait("A1")).rejects.toMatchObject({
      kind: "rate-limited",
      message: expect.stringContaining("not queued"),
    });
  });

  test("forgets who has gone away", async () => {
    const { wait, free, served, queue, clock } = world();
    const leaving = new AbortController();
    const gone = wait("A1", leaving.signal);
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ kind: "cancelled" });
    expect([queue.size, clock.sleeping()]).toEqual([0, []]);
    void wait("B1");
    free(1);
    expect(served).toEqual(["B1"]);
    await expect(wait("C1", AbortSignal.abort())).rejects.toMatchObject({ kind: "cancelled" });
  });

  test("tells who waits that it has become impossible, and goes on with the next", async () => {
    const { wait, free, queue } = world();
    let isPossible = true;
    const refused = queue.wait(
      "X",
      () => {
        if (!isPossible) throw new GatewayError("no-account", "gone");
        return { type: "wait" };
      },
      {},
      NO_ABORT,
    );
    const other = wait("A1");
    isPossible = false;
    free(1);
    await expect(refused).rejects.toMatchObject({ kind: "no-account" });
    expect(await other).toBe("A1");
  });
});

describe("the timer", () => {
  test("looks again at the moment that somebody has named", async () => {
    const { clock, queue } = world();
    const waits: number[] = [];
    const start = clock.now();
    const outcome = queue.wait(
      "A",
      (waitedMs) => {
        waits.push(waitedMs);
        return waitedMs < 7_000 ? { type: "wait", recheckAt: start + 7_000 } : { type: "done", result: "A1" };
      },
      { recheckAt: start + 5_000 },
      NO_ABORT,
    );
    await clock.advance(7_000);
    expect([await outcome, waits]).toEqual(["A1", [5_000, 7_000]]);
  });

  test("looks every ten seconds in any case, and is not set while nobody waits", async () => {
    const { clock, wait, free, queue } = world();
    expect(clock.sleeping()).toEqual([]);
    const outcome = wait("A1");
    void wait("B1");
    expect(clock.sleeping()).toEqual([10_000]);
    await clock.advance(25_000);
    expect(queue.size).toBe(2);
    expect(clock.sleeping()).toEqual([10_000]);
    free(2);
    await outcome;
    await settle();
    expect(clock.sleeping()).toEqual([]);
  });
});
