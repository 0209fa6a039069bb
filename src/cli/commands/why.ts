import { defineCommand } from "citty";
import { loadConfig } from "../../config/load.ts";
import type { RequestRecord } from "../../core/record.ts";
import type { RecordStore } from "../../core/store.ts";
import { sentenceOf } from "../../explain/sentence.ts";
import { UsageError, UserError } from "../failure.ts";
import { clockText } from "../records/clock-text.ts";
import { noRecordsHint } from "../records/hints.ts";
import { recentRecords } from "../records/recent.ts";
import { whyText } from "../records/why-text.ts";
import { withRecords } from "../records/with-records.ts";
import { outputWidth, plain, print, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "why",
    description: `Explain one request: what became of it, and why

It tells the rule that the model's name stands for, every account that was considered and why not, each wait and who set its timer, each attempt with
its status, tokens and times. Without an id it is the last request for a model.

The id of a request is in the header x-ag-request-id of its reply, in the log, and in ag logs.

Examples:
  ag why                       the last request
  ag why --last-failed
  ag why req_4f1c…             one that ag logs shows
  ag why --json | jq -r .sentence`,
  },
  args: {
    id: { type: "positional", required: false, description: "the id of a request; absent: the last one" },
    last: { type: "boolean", description: "the last request for a model (the default)" },
    "last-failed": { type: "boolean", description: "the last request that failed" },
    json: { type: "boolean", description: "one JSON document: the record, and the sentence" },
  },
  async run({ args }) {
    const { id, last } = args;
    const lastFailed = args["last-failed"] === true;
    if ([id !== undefined, last === true, lastFailed].filter(Boolean).length > 1) {
      throw new UsageError("Name an id, --last or --last-failed, but not two of them", "See ag why --help");
    }
    const record = await withRecords(({ records }) =>
      id === undefined ? newest(records, lastFailed) : found(records, id),
    );
    if (args.json) return printJson({ sentence: sentenceOf(record), ...record });
    await print(whyText(record, { width: outputWidth(), paint: stdoutPaint, clock: clockText() }));
  },
});

async function found(store: RecordStore, written: string): Promise<RequestRecord> {
  const id = written.trim();
  const record = (await store.find(id)) ?? (id.startsWith("req_") ? undefined : await store.find(`req_${id}`));
  if (record) return record;
  throw new UserError(`There is no record of a request ${plain(id)}`, {
    hint: `Records are kept for ${loadConfig().records.keepDays} days (records.keepDays). ag logs shows the latest`,
  });
}

async function newest(store: RecordStore, failedOnly: boolean): Promise<RequestRecord> {
  const [record] = (await recentRecords(store, { count: 1, failedOnly })).records;
  if (record) return record;
  const hasAny = failedOnly && (await recentRecords(store, { count: 1, all: true })).records.length > 0;
  if (hasAny)
    throw new UserError("No request has failed, as far as records go back", { hint: "ag why explains the last one" });
  throw new UserError("There is no record of any request", { hint: noRecordsHint() });
}
