import { expect, test } from "bun:test";
import type { Lease } from "../../src/core/accounts.ts";
import { asGatewayError } from "../../src/core/errors.ts";
import { settle } from "../support/clock.ts";
import { exhausted, HOUR, MODEL, NO_ABORT, poolWorld, type PoolWorldOptions, SECOND } from "./support.ts";

/** A pool whose requests write down what they are told of, as "take: a1 best, a2 less-fit". */
async function setup(size: number, options: PoolWorldOptions = {}) {
  const world = await poolWorld(size, { maxConcurrentPerAccount: 1, ...options });
  const told: string[] = [];
  const acquire = (conversation: string, exclude: readonly string[] = [], signal = NO_ABORT) =>
    world.pool.acquire(
      {
        ...world.queryOf(conversation, MODEL, exclude),
        onChoice(result, accounts) {
          told.push(`${result}: ${accounts.map(({ handle, reason }) => `${handle} ${reason}`).join(", ")}`);
        },
      },
      signal,
    );
  const lease = async (conversation: string): Promise<Lease> => {
    const offer = await acquire(conversation);
    if (offer.type !== "lease") throw new Error("limited");
    return offer.lease;
  };
  return { ...world, acquire, lease, told };
}

test("an account that is taken at once is told once", async () => {
  const { lease, told } = await setup(2);
  using _held = await lease("A");
  expect(told).toEqual(["take: a1 best, a2 less-fit"]);
});

test("who stands in line is told so once, and once more when the wait is over", async () => {
  const { lease, acquire, told, clock } = await setup(1);
  const first = await lease("A");
  const second = acquire("B");
  await clock.advance(25 * SECOND); // in which the line is looked at more than once
  expect(told.slice(1)).toEqual(["wait: a1 full"]);
  first[Symbol.dispose]();
  await second;
  expect(told.slice(1)).toEqual(["wait: a1 full", "take: a1 best"]);
});

test("a wait that ends in a limit, or with nobody left, says so", async () => {
  const { lease, acquire, told, store, idOf } = await setup(1);
  const first = await lease("A");
  const second = acquire("B");
  await settle();
  first.fail(exhausted(HOUR));
  first[Symbol.dispose]();
  expect(await second).toMatchObject({ type: "limited" });
  expect(told.slice(1)).toEqual(["wait: a1 full", "limited: a1 resting"]);
  await store.accounts.update(idOf("a1"), { enabled: false });
  expect(await acquire("C").catch((error: unknown) => asGatewayError(error).kind)).toBe("no-account");
  expect(told.slice(3)).toEqual(["refused: a1 disabled"]);
});

test("with no room in the line nobody is said to wait", async () => {
  const { lease, acquire, told } = await setup(1, { maxQueued: 0 });
  using _held = await lease("A");
  expect(await acquire("B").catch((error: unknown) => asGatewayError(error).kind)).toBe("rate-limited");
  expect(told.slice(1)).toEqual(["limited: a1 full"]);
});

test("accounts that the request has given up are told as such", async () => {
  const { acquire, told } = await setup(2);
  await acquire("A", ["a1"]);
  expect(told).toEqual(["take: a1 given-up, a2 best"]);
});

test("what was changed by another process counts, not what was known before", async () => {
  const { acquire, told, store, idOf } = await setup(1);
  await store.accounts.update(idOf("a1"), { enabled: false });
  await acquire("A").catch(() => {}); // another test is about what it throws
  await store.accounts.update(idOf("a1"), { enabled: true });
  await acquire("A");
  expect(told.at(-1)).toBe("take: a1 best");
});

test("how many wait is known", async () => {
  const { lease, acquire, pool } = await setup(1);
  const first = await lease("A");
  const second = acquire("B");
  await settle();
  expect(pool.queued()).toBe(1);
  first[Symbol.dispose]();
  await second;
  expect(pool.queued()).toBe(0);
});
