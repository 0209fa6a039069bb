import { expect, test } from "bun:test";
import type { LimitRecord } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, login, temporaryPath } from "./support.ts";

test("what was saved last about an account on a model comes back, also after a restart", async () => {
  using place = temporaryPath();
  const first = openStore(place.path);
  const { id: accountId } = await addOne(first, login("1//test-1"));
  const cooldown = { kind: "quota-exhausted", until: 9, since: 3, evidence: "429 QUOTA_EXHAUSTED" } as const;
  const limited: LimitRecord = { accountId, model: "a", cooldown, unnamedFailures: 0, liftedByReading: true };
  const failing: LimitRecord = { accountId, model: "b", unnamedFailures: 3, liftedByReading: false };
  await first.limits.save({ ...failing, cooldown });
  for (const record of [limited, failing]) await first.limits.save(record);
  await first.close();
  const second = openStore(place.path);
  expect(await second.limits.load()).toEqual([limited, failing]);
  await second.close();
});

test("a limit of an account that is gone is not kept", async () => {
  const { limits } = openStore(":memory:");
  await limits.save({ accountId: "gone", model: "a", unnamedFailures: 1, liftedByReading: false });
  expect(await limits.load()).toEqual([]);
});
