import type { RequestRecord } from "../../core/record.ts";
import type { RecordStore } from "../../core/store.ts";
import type { Clock } from "../../lib/clock.ts";
import { isWorthShowing } from "./recent.ts";

export interface FollowDeps {
  /** May throw, as when the data file is locked or was replaced; then it is opened anew at the next look. */
  open(): Promise<{ records: Pick<RecordStore, "list">; close(): Promise<void> }>;
  /** Resolves to false when nobody reads any more. */
  show(record: RequestRecord): Promise<boolean>;
  /** Told of the first of several failures in a row. */
  onFailure(cause: unknown): Promise<void>;
  clock: Clock;
}

export interface FollowOptions {
  /** Only what is written behind it is shown. */
  place: number;
  failedOnly: boolean;
  all: boolean;
}

const LOOK_EVERY_MS = 500;
const PAGE = 200;

/**
 * Shows what is written from a place on, in order, each record once, until the signal aborts or nobody reads any more. Servers
 * may come and go meanwhile, and so may the data file.
 */
export async function follow(deps: FollowDeps, options: FollowOptions, stop: AbortSignal): Promise<void> {
  const { open, show, onFailure, clock } = deps;
  const { failedOnly, all } = options;
  let { place } = options;
  let source: Awaited<ReturnType<FollowDeps["open"]>> | undefined;
  let isFailing = false;
  try {
    while (!stop.aborted) {
      try {
        source ??= await open();
        const page = await source.records.list({ limit: PAGE, after: place, failedOnly });
        isFailing = false;
        for (const stored of page) {
          place = stored.place;
          if (stop.aborted) return;
          if ((all || isWorthShowing(stored)) && !(await show(stored.record))) return;
        }
        if (page.length === PAGE) continue;
      } catch (cause) {
        if (!isFailing) await onFailure(cause);
        isFailing = true;
        await source?.close().catch(() => {}); // it is opened anew in any case
        source = undefined;
      }
      await clock.sleep(LOOK_EVERY_MS, stop).catch(() => {}); // aborted: the loop ends
    }
  } finally {
    await source?.close();
  }
}
