import * as v from "valibot";
import { tryParseJson } from "../lib/json.ts";
import type { RequestRecord } from "./record.ts";
import { bytesOf, shortRecord } from "./short-record.ts";
import type { AttemptRecord, ChoiceRecord, Considered, WaitRecord } from "./trace.ts";

/** What a record may take as JSON in UTF-8. */
export const MAX_RECORD_BYTES = 4096;

/** The record as JSON of at most MAX_RECORD_BYTES, whatever went in; what does not fit is left out and counted. */
export function encodeRecord(record: RequestRecord): string {
  // What clients may write as long as they like is not worth a first try.
  const { model = "", route, reason = "" } = record;
  if (model.length + route.length + reason.length <= MAX_RECORD_BYTES) {
    const text = JSON.stringify(record);
    if (fits(text)) return text;
  }
  return JSON.stringify(shortRecord(record, MAX_RECORD_BYTES));
}

/** `undefined` for what is no record. What another version has added to one stays: fields, and values of closed sets. */
export function decodeRecord(text: string): RequestRecord | undefined {
  const read = v.safeParse(recordSchema, tryParseJson(text));
  return read.success ? read.output : undefined;
}

function fits(text: string): boolean {
  const mostBytesPerUnit = 3;
  if (text.length * mostBytesPerUnit <= MAX_RECORD_BYTES) return true;
  return text.length <= MAX_RECORD_BYTES && bytesOf(text) <= MAX_RECORD_BYTES;
}

/** One of a set of words that may be larger in another version. */
function word<T extends string>() {
  return v.custom<T>((value) => typeof value === "string");
}

/** Entries that are not understood are left out. */
function listOf<T>(schema: v.GenericSchema<unknown, T>) {
  return v.pipe(
    v.fallback(v.array(v.unknown()), []),
    v.transform((entries) =>
      entries.flatMap((entry) => {
        const read = v.safeParse(schema, entry);
        return read.success ? [read.output] : [];
      }),
    ),
  );
}

const number = v.number();
const text = v.string();
const optionalNumber = v.exactOptional(number);
const optionalText = v.exactOptional(text);
const isSo = v.exactOptional(v.literal(true));

const consideredSchema = v.looseObject({
  handle: text,
  reason: word<Considered["reason"]>(),
  rest: v.exactOptional(
    v.looseObject({ kind: word<NonNullable<Considered["rest"]>["kind"]>(), until: number, evidence: text }),
  ),
});

const choiceSchema = v.looseObject({
  atMs: number,
  result: word<ChoiceRecord["result"]>(),
  accounts: listOf<Considered>(consideredSchema),
});

const waitSchema = v.looseObject({
  atMs: number,
  ms: number,
  source: word<WaitRecord["source"]>(),
  handle: optionalText,
  evidence: optionalText,
});

const attemptSchema = v.looseObject({
  accountHandle: text,
  outcome: word<AttemptRecord["outcome"]>(),
  unsent: isSo,
  atMs: optionalNumber,
  ms: optionalNumber,
  firstEventMs: optionalNumber,
  model: optionalText,
  upstreamStatus: optionalNumber,
  upstreamReason: optionalText,
  accountProblem: v.exactOptional(word<NonNullable<AttemptRecord["accountProblem"]>>()),
  retryAfterMs: optionalNumber,
  retryAfterSource: optionalText,
  next: v.exactOptional(word<NonNullable<AttemptRecord["next"]>>()),
  repair: v.exactOptional(word<NonNullable<AttemptRecord["repair"]>>()),
  renewed: v.exactOptional(word<NonNullable<AttemptRecord["renewed"]>>()),
});

const recordSchema: v.GenericSchema<unknown, RequestRecord> = v.looseObject({
  id: text,
  at: number,
  route: text,
  protocol: v.exactOptional(word<NonNullable<RequestRecord["protocol"]>>()),
  key: optionalText,
  model: optionalText,
  served: optionalText,
  rule: optionalText,
  fallback: isSo,
  stream: isSo,
  account: optionalText,
  choices: listOf<ChoiceRecord>(choiceSchema),
  waits: listOf<WaitRecord>(waitSchema),
  attempts: listOf<AttemptRecord>(attemptSchema),
  losses: listOf<string>(text),
  usage: v.exactOptional(v.looseObject({ input: number, cachedInput: number, output: number, thinking: number })),
  firstEventMs: optionalNumber,
  waitedMs: number,
  totalMs: number,
  status: number,
  outcome: word<RequestRecord["outcome"]>(),
  reason: optionalText,
  omitted: v.exactOptional(
    v.looseObject({
      choices: optionalNumber,
      accounts: optionalNumber,
      waits: optionalNumber,
      attempts: optionalNumber,
      losses: optionalNumber,
    }),
  ),
});
