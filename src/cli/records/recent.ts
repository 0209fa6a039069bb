import { isFailed, type RequestRecord } from "../../core/record.ts";
import type { RecordStore, StoredRecord } from "../../core/store.ts";

const FIRST_LOOK = 100;
const GROWTH = 8;
/** Beyond these, a request between nothing but pings is not looked for. */
const LAST_LOOK = 400_000;

export interface RecentOptions {
  count: number;
  failedOnly?: boolean;
  /** Requests for no model too, such as those for the list of models. */
  all?: boolean;
}

export interface Recent {
  /** The oldest first. */
  records: RequestRecord[];
  /** Behind this place is what will be written from now on. */
  place: number;
}

/** The newest records that are worth showing: those of requests for models, and failures of whatever kind. */
export async function recentRecords(
  store: Pick<RecordStore, "list">,
  { count, failedOnly = false, all = false }: RecentOptions,
): Promise<Recent> {
  // The store knows failures apart, but not requests for models: of those it is asked for more until there are enough.
  const isExact = failedOnly || all;
  // At least one is read: it tells the place.
  for (let limit = isExact ? Math.max(1, count) : count + FIRST_LOOK; ; limit *= GROWTH) {
    const stored = await store.list({ limit, failedOnly });
    const shown = (isExact ? stored : stored.filter(isWorthShowing)).slice(0, count);
    if (!isExact && shown.length < count && stored.length === limit && limit < LAST_LOOK) continue;
    return { records: shown.toReversed().map(({ record }) => record), place: stored[0]?.place ?? 0 };
  }
}

export function isWorthShowing({ record }: Pick<StoredRecord, "record">): boolean {
  return record.protocol !== undefined || isFailed(record);
}
