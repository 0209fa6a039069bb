import type { RequestRecord } from "../core/record.ts";
import { createFamilies, type Families, type MetricSources } from "./families.ts";
import { createLoopLag, type LagTimers, systemTimers } from "./loop-lag.ts";

export type { ProcessUsage } from "./process-usage.ts";

export interface MetricsDeps extends Omit<MetricSources, "loopLag"> {
  /** For the lag of the event loop. Absent: the system's. */
  timers?: LagTimers;
}

export interface Metrics {
  /** Counts a request that has ended. Its record must not change any more, and should be whole, with no list cut short. */
  observe(record: RequestRecord): void;
  /** What Prometheus scrapes. */
  render(): Promise<{ contentType: string; text: string }>;
  /** Begins to watch the event loop. */
  start(): void;
  stop(): void;
}

/** So many records are counted together: it costs a third of counting each by itself. */
const HELD_RECORDS = 256;
/** What may come in while it is being loaded; more only if it cannot be. */
const MOST_HELD_RECORDS = 100 * HELD_RECORDS;

/**
 * Metrics of one gateway. prom-client costs memory and start-up time that most gateways, which nobody scrapes, need not spend:
 * it is loaded with the first scrape, or once a few hundred requests wait to be counted. None is lost.
 */
export function createMetrics({ timers = systemTimers, ...sources }: MetricsDeps): Metrics {
  const loopLag = createLoopLag(timers);
  const held: RequestRecord[] = [];
  let loading: Promise<Families> | undefined;

  const load = () =>
    (loading ??= import("prom-client").then((client) => createFamilies(client, { ...sources, loopLag })));

  /** All that have ended are counted when it resolves. */
  const count = async (): Promise<Families> => {
    const families = await load();
    families.observe(held.splice(0));
    return families;
  };

  return {
    observe(record) {
      if (held.length < MOST_HELD_RECORDS) held.push(record);
      if (held.length % HELD_RECORDS === 0) count().catch(() => {}); // whoever asks for the metrics is told
    },
    async render() {
      const { registry } = await count();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    start: () => loopLag.start(),
    stop: () => loopLag.stop(),
  };
}
