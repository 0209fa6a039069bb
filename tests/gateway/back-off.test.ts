import { expect, test } from "bun:test";
import { createBackOff } from "../../src/gateway/back-off.ts";
import { fakeClock } from "../support/clock.ts";

test("a model rests for as long as was noted, and no other does", async () => {
  const clock = fakeClock();
  const backOff = createBackOff(clock);
  expect(backOff.restMs("m")).toBe(0);
  backOff.note("m", 4000);
  await clock.advance(1000);
  expect([backOff.restMs("m"), backOff.restMs("other")]).toEqual([3000, 0]);
  await clock.advance(5000);
  expect(backOff.restMs("m")).toBe(0);
});

test("a longer rest is not shortened by a request that backs off for the first time", () => {
  const backOff = createBackOff(fakeClock());
  backOff.note("m", 4000);
  backOff.note("m", 1000);
  expect(backOff.restMs("m")).toBe(4000);
});
