import { describe, expect, test } from "bun:test";
import type { FetchOptions } from "../../../src/lib/fetch.ts";
import { createConnectWatch } from "../../../src/upstreams/shared/connect-watch.ts";
import { fakeClock, settle } from "../../support/clock.ts";

const URL = "https://upstream.test/v1internal:streamGenerateContent?alt=sse";

/** Calls that are answered, and probes that end, when the test says so. */
function setup(connectMs = 15_000) {
  const clock = fakeClock();
  const probes: { url: string; limitMs: number; end(silent: boolean): void }[] = [];
  const calls: { answer(): void; signal: AbortSignal }[] = [];
  const watched = createConnectWatch({
    connectMs,
    clock,
    isSilent: (url, limitMs) => new Promise((end) => void probes.push({ url, limitMs, end })),
  })(
    (_, { signal }) =>
      new Promise((resolve, reject) => {
        calls.push({ answer: () => resolve(new Response("ok")), signal });
        signal.addEventListener("abort", () => reject(signal.reason));
        if (signal.aborted) reject(signal.reason);
      }),
  );
  /** "ok", or the code or message of what it failed with; "open" while it has not ended. */
  const ask = (url = URL, signal = new AbortController().signal) => {
    const options: FetchOptions = { method: "POST", headers: {}, signal, redirect: "manual", timeout: false };
    const asked = { outcome: "open" };
    watched(url, options).then(
      () => (asked.outcome = "ok"),
      (cause: Error & { code?: string }) => (asked.outcome = cause.code ?? cause.message),
    );
    return asked;
  };
  return { clock, probes, calls, ask };
}

describe("a call without an answer", () => {
  test("is not looked after before it is due, and not at all once it is answered", async () => {
    const { clock, probes, calls, ask } = setup();
    const slow = ask();
    await clock.advance(9_999);
    expect(probes).toHaveLength(0);
    calls[0]?.answer();
    await settle();
    expect(slow.outcome).toBe("ok");
    await clock.advance(60_000);
    expect(probes).toHaveLength(0);
    expect(clock.sleeping()).toEqual([]);
  });

  test("is given up at the limit when nothing answers there", async () => {
    const { clock, probes, ask } = setup();
    const asked = ask();
    await clock.advance(10_000);
    expect(probes).toMatchObject([{ url: URL, limitMs: 5_000 }]);
    probes[0]?.end(true);
    await settle();
    expect(asked.outcome).toBe("ETIMEDOUT");
  });

  test("is waited for as long as it takes when its host takes connections: models think for minutes", async () => {
    const { clock, probes, calls, ask } = setup();
    const asked = ask();
    await clock.advance(10_000);
    probes[0]?.end(false);
    await clock.advance(600_000);
    expect([asked.outcome, probes.length]).toEqual(["open", 1]);
    calls[0]?.answer();
    await settle();
    expect(asked.outcome).toBe("ok");
  });

  test("is not looked after when its host has answered another one meanwhile", async () => {
    const { clock, probes, calls, ask } = setup();
    ask();
    await clock.advance(1);
    ask();
    calls[1]?.answer();
    await clock.advance(60_000);
    expect(probes).toHaveLength(0);
  });

  test("is not given up when its host has answered another one while it was tried", async () => {
    const { clock, probes, calls, ask } = setup();
    const asked = ask();
    ask();
    await clock.advance(10_000);
    calls[1]?.answer();
    await clock.advance(1);
    probes[0]?.end(true);
    await settle();
    expect(asked.outcome).toBe("open");
    ask();
    expect(probes).toHaveLength(1);
  });

  test("is looked after although its host had answered before it began", async () => {
    const { clock, probes, calls, ask } = setup();
    ask();
    calls[0]?.answer();
    await clock.advance(1);
    ask();
    await clock.advance(10_000);
    expect(probes).toHaveLength(1);
  });

  test("shares its probe with all that wait for the same host, and with no other", async () => {
    const { clock, probes, ask } = setup();
    const here = [ask(), ask(), ask()];
    const there = ask("https://other.test/x");
    await clock.advance(10_000);
    expect(probes.map(({ url }) => url)).toEqual([URL, "https://other.test/x"]);
    probes[0]?.end(true);
    probes[1]?.end(false);
    await settle();
    expect(here.map(({ outcome }) => outcome)).toEqual(["ETIMEDOUT", "ETIMEDOUT", "ETIMEDOUT"]);
    expect(there.outcome).toBe("open");
  });

  test("is looked after at once where nothing answered the last time, until something does", async () => {
    const { clock, probes, ask } = setup();
    ask();
    await clock.advance(10_000);
    probes[0]?.end(true);
    await settle();
    const second = ask();
    expect(probes).toHaveLength(2);
    probes[1]?.end(false);
    await settle();
    expect(second.outcome).toBe("open");
    ask();
    await clock.advance(9_999);
    expect(probes).toHaveLength(2);
  });

  test("has half of a short limit for its probe", async () => {
    const { clock, probes, ask } = setup(400);
    ask();
    await clock.advance(200);
    expect(probes).toMatchObject([{ limitMs: 200 }]);
  });

  test("fails with the signal's reason when it is ended", async () => {
    const { clock, calls, ask } = setup();
    const leaving = new AbortController();
    const asked = ask(URL, leaving.signal);
    leaving.abort(new Error("left"));
    await settle();
    expect([asked.outcome, calls[0]?.signal.aborted, clock.sleeping()]).toEqual(["left", true, [10_000]]);
    const gone = ask(URL, AbortSignal.abort(new Error("gone before")));
    await settle();
    expect(gone.outcome).toBe("gone before");
  });

  test("once answered, is ended by its own signal only", async () => {
    const { clock, calls, ask, probes } = setup();
    const leaving = new AbortController();
    ask(URL, leaving.signal);
    calls[0]?.answer();
    await clock.advance(3_600_000);
    expect([calls[0]?.signal.aborted, probes.length]).toEqual([false, 0]);
    leaving.abort();
    expect(calls[0]?.signal.aborted).toBe(true);
  });
});
