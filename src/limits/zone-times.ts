export interface ZoneTimes {
  /** The zone's name: "Europe/Berlin". */
  readonly zone: string;
  /** "Thu 20 Aug 2026, 13:39" */
  full(time: number): string;
  /** As short as it is clear, seen from `now`: "16:00" today, "Tue 00:00" within a week, else "25 Aug 00:00". */
  short(time: number, now: number): string;
}

const WEEK_MS = 7 * 86_400_000;

/** Times as clocks in a zone show them; absent: the machine's. Throws RangeError for an unknown zone. */
export function zoneTimes(timeZone?: string): ZoneTimes {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    year: "numeric",
    month: "short",
    day: "numeric",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const read = (time: number) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
    const date = `${part("day")} ${part("month")}`;
    return { date, weekday: part("weekday"), year: part("year"), clock: `${part("hour")}:${part("minute")}` };
  };
  return {
    zone: format.resolvedOptions().timeZone,
    full(time) {
      const { weekday, date, year, clock } = read(time);
      return `${weekday} ${date} ${year}, ${clock}`;
    },
    short(time, now) {
      const [then, today] = [read(time), read(now)];
      if (then.date === today.date && then.year === today.year) return then.clock;
      const isClear = time - now < WEEK_MS && then.weekday !== today.weekday;
      return `${isClear ? then.weekday : then.date} ${then.clock}`;
    },
  };
}
