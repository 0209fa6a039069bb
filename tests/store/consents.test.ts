import { expect, test } from "bun:test";
import { openStore } from "../../src/store/open-store.ts";
import { temporaryPath } from "./support.ts";

test("an agreement is to one version of one text, holds from its first time on, and outlives a restart", async () => {
  using place = temporaryPath();
  const first = openStore(place.path);
  expect(await first.consents.givenAt("terms", 1)).toBeUndefined();
  await first.consents.give("terms", 1, 100);
  await first.consents.give("terms", 1, 200);
  await first.close();
  const second = openStore(place.path);
  expect(await second.consents.givenAt("terms", 1)).toBe(100);
  expect(await second.consents.givenAt("terms", 2)).toBeUndefined();
  expect(await second.consents.givenAt("other", 1)).toBeUndefined();
  await second.close();
});
