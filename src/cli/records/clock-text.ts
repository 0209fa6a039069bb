/** Times as the clocks of a zone show them, to the second; absent: the machine's zone. */
export interface ClockText {
  /** "13:39:05" on the day of `now`, else "20 Aug 13:39:05". */
  short(time: number, now: number): string;
  /** "Thu 20 Aug 2026, 13:39:05 (Europe/Berlin)" */
  full(time: number): string;
}

export function clockText(timeZone?: string): ClockText {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const read = (time: number) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
    return {
      weekday: part("weekday"),
      date: `${part("day").padStart(2)} ${part("month")}`,
      year: part("year"),
      clock: `${part("hour")}:${part("minute")}:${part("second")}`,
    };
  };
  return {
    short(time, now) {
      const [then, today] = [read(time), read(now)];
      return then.date === today.date && then.year === today.year ? then.clock : `${then.date} ${then.clock}`;
    },
    full(time) {
      const { weekday, date, year, clock } = read(time);
      return `${weekday} ${date.trim()} ${year}, ${clock} (${format.resolvedOptions().timeZone})`;
    },
  };
}
