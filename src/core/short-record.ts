import { compact } from "../lib/compact.ts";
import type { RequestRecord } from "./record.ts";
import type { Considered, Reason } from "./trace.ts";

/** What a text may take as JSON in UTF-8; with its lists empty a record is then far below what it may take as a whole. */
const TEXT_BYTES: Readonly<Record<string, number>> = { reason: 600, rule: 300, model: 200, route: 200 };
const OTHER_TEXT_BYTES = 100;
/** These are kept before there is a second thought about the rest of what happened. */
const FIRST_LOSSES = 3;
/** With less room left there is no point in looking on: `{"handle":"a1","reason":"own"}` does not fit. */
const SMALLEST_ENTRY_BYTES = 28;
/** `"omitted":{"choices":…}` with all its counts. */
const OMITTED_BYTES = 130;

/** An entry of one of the record's lists; with `account`, one of the accounts of the choice `index`. */
interface Place {
  list: "choices" | "waits" | "attempts" | "losses";
  index: number;
  account?: number;
}

const utf8 = new TextEncoder();

export function bytesOf(text: string): number {
  return utf8.encode(text).byteLength;
}

/**
 * The record with at most so many bytes of JSON, at the cost of what tells least: long texts lose their ends, and of the lists
 * there is left what explains how it began and how it ended. `omitted` counts the rest.
 */
export function shortRecord(record: RequestRecord, maxBytes: number): RequestRecord {
  const head = withShortTextsIn({ ...record, choices: [], waits: [], attempts: [], losses: [] });
  let room = maxBytes - OMITTED_BYTES - bytesOf(JSON.stringify(head));
  const kept = new Set<string>();
  for (const place of mostTellingFirst(record)) {
    if (room < SMALLEST_ENTRY_BYTES) break;
    const entry = entryAt(record, place);
    if (entry === undefined || kept.has(keyOf(place))) continue;
    if (place.account !== undefined && !kept.has(keyOf({ ...place, account: undefined }))) continue;
    const bytes = bytesOf(JSON.stringify(withShortTexts(entry))) + ",".length;
    if (bytes > room) continue;
    room -= bytes;
    for (const part of partsOf(record, place)) kept.add(keyOf(part));
  }
  return { ...head, ...listsWithOnly(record, kept) };
}

type Lists = Pick<RequestRecord, "choices" | "waits" | "attempts" | "losses" | "omitted">;

function listsWithOnly(whole: RequestRecord, kept: ReadonlySet<string>): Lists {
  const only = <Entry>(list: Place["list"], entries: readonly Entry[]) =>
    entries.filter((_, index) => kept.has(keyOf({ list, index }))).map((entry) => withShortTexts(entry));
  let accountsLeftOut = 0;
  const choices = whole.choices.flatMap((choice, index) => {
    if (!kept.has(keyOf({ list: "choices", index }))) return [];
    const accounts = choice.accounts.filter((_, account) => kept.has(keyOf({ list: "choices", index, account })));
    accountsLeftOut += choice.accounts.length - accounts.length;
    return [withShortTexts({ ...choice, accounts })];
  });
  const waits = only("waits", whole.waits);
  const attempts = only("attempts", whole.attempts);
  const losses = only("losses", whole.losses);
  const { omitted: before = {} } = whole;
  const omitted = compact({
    choices: countOf(before.choices, whole.choices.length - choices.length),
    accounts: countOf(before.accounts, accountsLeftOut),
    waits: countOf(before.waits, whole.waits.length - waits.length),
    attempts: countOf(before.attempts, whole.attempts.length - attempts.length),
    losses: countOf(before.losses, whole.losses.length - losses.length),
  });
  return { choices, waits, attempts, losses, ...(Object.keys(omitted).length > 0 && { omitted }) };
}

/** What was left out while the request ran, and now. Nothing is not told. */
function countOf(before = 0, now: number): number | undefined {
  return before + now || undefined;
}

/** Every place, some of them twice. */
function* mostTellingFirst({ choices, waits, attempts, losses }: RequestRecord): Generator<Place> {
  const lastAttempt = attempts.length - 1;
  const lastChoice = choices.length - 1;
  for (const index of [lastAttempt, 0]) yield { list: "attempts", index };
  for (const index of [lastChoice, 0]) yield { list: "choices", index };
  for (let index = 0; index < FIRST_LOSSES; index++) yield { list: "losses", index };
  // The newest explain the end; what they have in common with the oldest, the first of all tells.
  const longest = Math.max(choices.length, waits.length, attempts.length);
  for (let back = 1; back <= longest; back++) {
    yield { list: "attempts", index: attempts.length - back };
    yield { list: "waits", index: waits.length - back };
    if (choices.at(-back)?.result === "take") yield { list: "choices", index: choices.length - back };
  }
  for (let index = lastChoice; index >= 0; index--) yield { list: "choices", index };
  for (const index of losses.keys()) yield { list: "losses", index };
  for (let index = lastChoice; index >= 0; index--) {
    for (const account of choices[index]?.accounts.keys() ?? []) yield { list: "choices", index, account };
  }
}

/** What is kept with an entry: a choice comes with the accounts that tell something each. */
function partsOf({ choices }: RequestRecord, place: Place): Place[] {
  const { list, index, account } = place;
  if (list !== "choices" || account !== undefined) return [place];
  return [place, ...tellingAccounts(choices[index]?.accounts ?? []).map((account): Place => ({ ...place, account }))];
}

/** One account for each reason, the one that is free the soonest, as indexes. There is only one that was taken. */
function tellingAccounts(accounts: readonly Considered[]): number[] {
  const found = new Map<Reason, { account: number; until: number }>();
  for (const [account, { reason, rest }] of accounts.entries()) {
    const until = rest?.until ?? Infinity;
    const other = found.get(reason);
    if (other === undefined || until < other.until) found.set(reason, { account, until });
  }
  return [...found.values()].map(({ account }) => account);
}

function entryAt({ choices, waits, attempts, losses }: RequestRecord, { list, index, account }: Place): unknown {
  switch (list) {
    case "choices": {
      const choice = choices[index];
      if (choice === undefined) return undefined;
      if (account !== undefined) return choice.accounts[account];
      return { ...choice, accounts: tellingAccounts(choice.accounts).map((telling) => choice.accounts[telling]) };
    }
    case "waits":
      return waits[index];
    case "attempts":
      return attempts[index];
    case "losses":
      return losses[index];
    default:
      return list satisfies never;
  }
}

function keyOf({ list, index, account }: { list: string; index: number; account?: number | undefined }): string {
  return account === undefined ? `${list} ${index}` : `${list} ${index} ${account}`;
}

function withShortTextsIn(head: RequestRecord): RequestRecord {
  const short = Object.entries(head).map(([name, value]) => [name, withShortTexts(value, TEXT_BYTES[name])]);
  return Object.fromEntries(short) as RequestRecord;
}

/** The same value; texts in it that are too long end early. */
function withShortTexts<T>(value: T, maxBytes = OTHER_TEXT_BYTES): T {
  return shortened(value, maxBytes) as T;
}

function shortened(value: unknown, maxBytes: number): unknown {
  if (typeof value === "string") return shortText(value, maxBytes);
  if (Array.isArray(value)) return value.map((entry) => shortened(entry, maxBytes));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, shortened(entry, maxBytes)]));
}

const ELLIPSIS = "…";
const ELLIPSIS_BYTES = 3;
const MOST_BYTES_PER_UNIT = 6;

/** The text, or its beginning, in at most so many bytes within JSON. Characters stay whole. */
function shortText(text: string, maxBytes: number): string {
  if (text.length * MOST_BYTES_PER_UNIT <= maxBytes) return text;
  let bytes = 0;
  let end = 0; // of what leaves room for the ellipsis
  for (const character of text) {
    bytes += jsonBytesOf(character);
    if (bytes > maxBytes) return text.slice(0, end) + ELLIPSIS;
    if (bytes <= maxBytes - ELLIPSIS_BYTES) end += character.length;
  }
  return text;
}

function jsonBytesOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (character === '"' || character === "\\") return 2;
  if (code < 0x20 || (code >= 0xd800 && code <= 0xdfff)) return 6; // \u001b, \ud800
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}
