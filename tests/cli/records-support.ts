import { join } from "node:path";
import type { RequestRecord } from "../../src/core/record.ts";
import type { Store } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { temporaryHome } from "../support/temporary.ts";
import { type Outcome, runAg } from "./support.ts";

/** A data directory as a server leaves it behind. */
export async function homeWith(fill: (store: Store) => void | Promise<void>): Promise<string> {
  const home = temporaryHome();
  await fillHome(home, fill);
  return home;
}

export async function fillHome(home: string, fill: (store: Store) => void | Promise<void>): Promise<void> {
  const store = openStore(join(home, "ag.db"));
  await fill(store);
  await store.close();
}

export function homeWithRecords(...records: RequestRecord[]): Promise<string> {
  return homeWith((store) => records.forEach((record) => store.records.append(record)));
}

/** A request that asks no model. */
export function modelsListed(at: number): RequestRecord {
  return {
    id: "req_ping",
    at,
    route: "GET /v1/models",
    choices: [],
    waits: [],
    attempts: [],
    losses: [],
    waitedMs: 0,
    totalMs: 2,
    status: 200,
    outcome: "ok",
  };
}

/** On a machine in Berlin. */
export function runIn(home: string, words: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runAg(home, words, { env: { AG_HOME: home, TZ: "Europe/Berlin", ...env } });
}
