import { defineCommand } from "citty";
import { loadConfig } from "../../config/load.ts";
import type { RequestRecord } from "../../core/record.ts";
import type { Store } from "../../core/store.ts";
import { systemClock } from "../../lib/clock.ts";
import { describeFailure, UsageError } from "../failure.ts";
import { appendingScreen, interruption } from "../limits/watch.ts";
import { clockText } from "../records/clock-text.ts";
import { follow } from "../records/follow.ts";
import { noRecordsHint } from "../records/hints.ts";
import { type LogTable, logTable } from "../records/log-table.ts";
import { withRecords } from "../records/with-records.ts";
import { type Recent, recentRecords } from "../records/recent.ts";
import { outputWidth, print, printError, printJson, stdoutPaint } from "../terminal.ts";

const USUAL_COUNT = 20;
const LARGEST_COUNT = 100_000;

export default defineCommand({
  meta: {
    name: "logs",
    description: `Show the latest requests, one a row, the newest last

A row has what there is room for: a wider terminal shows more, and so does COLUMNS=200 in a pipe. "left" is a client that went away, "cut" an answer that
broke off after it had begun. ag why ID explains one request.

Examples:
  ag logs -f                                   until Ctrl-C, as they come
  ag logs --failed -n 5
  ag logs --json -n 1000 | jq '.[] | select(.waitedMs > 1000)'`,
  },
  args: {
    follow: { type: "boolean", alias: "f", description: "go on with new ones as they end, until Ctrl-C" },
    failed: { type: "boolean", description: "only those that failed" },
    number: { type: "string", alias: "n", valueHint: "N", description: `how many (default ${USUAL_COUNT})` },
    all: { type: "boolean", description: "requests for no model too, such as GET /v1/models" },
    json: { type: "boolean", description: "one JSON document; with --follow one a line" },
  },
  async run({ args }) {
    const count = countOf(args.number, args.follow === true ? 0 : 1);
    const selection = { failedOnly: args.failed === true, all: args.all === true };
    const recent = await withRecords(({ records }) => recentRecords(records, { count, ...selection }));
    if (args.follow) return followLogs(recent, selection, args.json === true);
    if (args.json) return printJson(recent.records);
    if (recent.records.length === 0) return printError(nothingText(selection.failedOnly));
    const table = tableFor(recent.records, false);
    await print([table.head, ...recent.records.map(table.line)].join("\n"));
  },
});

/** With --follow, none is a wish too: only what comes. */
function countOf(written: string | undefined, least: 0 | 1): number {
  if (written === undefined) return USUAL_COUNT;
  const count = /^\d{1,6}$/.test(written) ? Number(written) : -1;
  if (count < least || count > LARGEST_COUNT) {
    throw new UsageError(`--number must be a whole number from ${least} to ${LARGEST_COUNT}`, "See ag logs --help");
  }
  return count;
}

function nothingText(failedOnly: boolean): string {
  return failedOnly ? "No request has failed, as far as records go back." : `No requests yet. ${noRecordsHint()}.`;
}

async function followLogs(
  { records, place }: Recent,
  selection: { failedOnly: boolean; all: boolean },
  json: boolean,
): Promise<number> {
  const stop = interruption();
  const screen = appendingScreen((text) => Bun.write(Bun.stdout, text));
  const table = tableFor(records, true);
  const show = (record: RequestRecord) => screen.show(json ? JSON.stringify(record) : table.line(record));
  let isRead = json || (await screen.show(table.head));
  for (const record of records) isRead &&= await show(record);
  if (!isRead) return 0;
  const deps = { open: openStore, show, onFailure: tellFailure, clock: systemClock };
  await follow(deps, { place, ...selection }, stop.signal);
  return stop.exitCode();
}

async function openStore(): Promise<Store> {
  const { composeStore } = await import("../../compose.ts");
  return composeStore(loadConfig());
}

function tellFailure(cause: unknown): Promise<void> {
  return printError(`ag: ${describeFailure(cause).message}. Trying again until Ctrl-C.`);
}

function tableFor(records: readonly RequestRecord[], isGrowing: boolean): LogTable {
  const options = { width: outputWidth(), paint: stdoutPaint, clock: clockText(), now: Date.now, isGrowing };
  return logTable(records, options);
}
