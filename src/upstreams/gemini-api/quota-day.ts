const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let format: Intl.DateTimeFormat | undefined;

/** Days of the API's quotas are those of California, daylight saving included. Made when needed: it takes 8 ms. */
function localTime(): Intl.DateTimeFormat {
  return (format ??= new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    hourCycle: "h23",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }));
}

/** Time from `now` (Unix ms) to the next midnight in California: when daily quotas begin anew. In (0, 25 h]. */
export function dayEndsInMs(now: number): number {
  const guess = now + DAY_MS - clockMs(now);
  // On the two days of the year that are longer or shorter than others the guess is an hour off.
  const off = clockMs(guess);
  return (off < DAY_MS / 2 ? guess - off : guess + DAY_MS - off) - now;
}

/** What a clock on the wall shows there, as ms since 0:00. */
function clockMs(time: number): number {
  const shown = Object.fromEntries(
    localTime()
      .formatToParts(time)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { hour = 0, minute = 0, second = 0 } = shown;
  const withinSecond = ((time % 1_000) + 1_000) % 1_000;
  return (hour * 60 + minute) * MINUTE_MS + second * 1_000 + withinSecond;
}
