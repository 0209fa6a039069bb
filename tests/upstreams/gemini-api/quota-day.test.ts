import { expect, test } from "bun:test";
import fc from "fast-check";
import { dayEndsInMs } from "../../../src/upstreams/gemini-api/quota-day.ts";

const HOUR = 3_600_000;

test.each([
  ["in summer", "2026-08-20T13:00:00Z", 18 * HOUR],
  ["in winter", "2026-01-20T13:00:00Z", 19 * HOUR],
  ["a moment before midnight", "2026-08-21T06:59:59.999Z", 1],
  ["at midnight the next one counts", "2026-08-21T07:00:00Z", 24 * HOUR],
  ["on the day that has 23 hours", "2026-03-08T08:00:00Z", 23 * HOUR],
  ["on the day that has 25 hours", "2026-11-01T07:00:00Z", 25 * HOUR],
  ["in the hour that comes twice", "2026-11-01T09:30:00Z", 22.5 * HOUR],
])("%s", (_what, now, expected) => {
  expect(dayEndsInMs(Date.parse(now))).toBe(expected);
});

test("there and back it is midnight in California, at any time", () => {
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    timeStyle: "medium",
    hourCycle: "h23",
  });
  const times = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) });
  fc.assert(
    fc.property(times, (now) => {
      const left = dayEndsInMs(now);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(25 * HOUR);
      expect(clock.format(now + left)).toBe("00:00:00");
    }),
  );
});
