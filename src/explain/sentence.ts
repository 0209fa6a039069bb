import type { RequestRecord } from "../core/record.ts";
import { durationText } from "../lib/duration-text.ts";
import { spentText } from "../lib/spent-text.ts";
import { failedText, foundLimits } from "./failures.ts";
import { afterText, failureClauses, handlesOf, hardships, limitedOwn } from "./history.ts";
import { listText, nameText, waitText } from "./words.ts";

/** What happened to a request and why, in one plain sentence. True for every record. */
export function sentenceOf(record: RequestRecord): string {
  return `${storyOf(record)}.`;
}

function storyOf(record: RequestRecord): string {
  switch (record.outcome) {
    case "ok":
      return answeredText(record);
    case "client-closed":
    case "cancelled":
      return leftText(record);
    default:
      return failedText(record, record.outcome);
  }
}

function answeredText(record: RequestRecord): string {
  const { protocol, status, attempts, served, totalMs, fallback } = record;
  const [took, route] = [spentText(totalMs), nameText(record.route)];
  if (protocol === undefined) return `Answered ${route} with ${status} in ${took}`;
  if (attempts.length === 0 && record.account === undefined) {
    const model = served ?? record.model;
    return `Answered ${route}${model === undefined ? "" : ` for ${nameText(model)}`} in ${took}`;
  }
  const on = servedOn(record);
  if (fallback && served !== undefined) {
    return `Answered, but by the fallback ${served}${on} in ${took}, because ${fallbackCause(record)}`;
  }
  return `Answered${served === undefined ? "" : ` by ${served}`}${on} in ${took}${afterText([...movedFrom(record), ...hardships(record)])}`;
}

/** " on a1 and a2": the accounts whose answers were given out. */
function servedOn({ attempts, account }: RequestRecord): string {
  const served = handlesOf(attempts.filter(({ outcome }) => outcome === "ok"));
  const handles = served.length > 0 ? served : account === undefined ? [] : [account];
  return handles.length === 0 ? "" : ` on ${listText(handles)}`;
}

/** The conversation's own account was passed over for its limit, without having been asked. */
function movedFrom(record: RequestRecord): string[] {
  const own = limitedOwn(record);
  if (own?.account.rest === undefined || own.account.handle === record.account) return [];
  const { handle, rest } = own.account;
  if (record.attempts.some(({ accountHandle }) => accountHandle === handle)) return [];
  const free = durationText(rest.until - record.at - own.choice.atMs);
  return [`${handle}, the conversation's own account, was found limited (${rest.evidence}, free again in ${free})`];
}

/** Why the model that was asked for did not serve. */
function fallbackCause(record: RequestRecord): string {
  const { attempts, choices } = record;
  const asked = attempts.find(({ model }) => model !== undefined)?.model;
  const clauses = asked === undefined ? [] : failureClauses(attempts.filter(({ model }) => model === asked));
  if (clauses.length > 0) return `for ${asked} ${listText(clauses)}`;
  const name = record.model === undefined ? "the model asked for" : nameText(record.model);
  const limits = choices.find(({ result }) => result === "limited");
  const found = limits && foundLimits(record, limits);
  return found === undefined ? `no account could serve ${name}` : `for ${name} ${found}`;
}

function leftText(record: RequestRecord): string {
  // What it asks for is known as soon as its body is.
  if (record.protocol !== undefined && record.model === undefined) {
    return `The client left, or stopped sending, after ${spentText(record.totalMs)}, before its request was all there`;
  }
  const before = failureClauses(record.attempts);
  return `The client left after ${spentText(record.totalMs)}, ${momentText(record)}${afterText(before)}`;
}

/** What was going on when the client left. */
function momentText(record: RequestRecord): string {
  const { protocol, route, attempts, waits, choices, stream, status } = record;
  if (protocol === undefined) return `before it had the whole reply to ${nameText(route)}`;
  const attempt = attempts.at(-1);
  const wait = waits.at(-1);
  const choice = choices.at(-1);
  const attemptAt = attempt === undefined ? -1 : (attempt.atMs ?? 0);
  const hasFailed = attempt !== undefined && attempt.outcome !== "ok" && attempt.outcome !== "cancelled";
  const isWaiting =
    wait !== undefined &&
    wait.atMs >= (choice?.atMs ?? 0) &&
    (hasFailed ? wait.atMs >= attemptAt : wait.atMs > attemptAt);
  if (isWaiting) return `while it waited ${waitText(wait)}`;
  if (choice !== undefined && choice.atMs > attemptAt) {
    if (choice.result === "wait") return "while it stood in line for a free slot";
    return "while an account was being chosen";
  }
  if (attempt === undefined) return "before any account was asked";
  if (hasFailed) return "before the next attempt";
  const { accountHandle: handle, unsent } = attempt;
  if (unsent) return `before ${handle} could be asked`;
  const hasBegun = attempt.firstEventMs !== undefined || (record.firstEventMs !== undefined && status > 0);
  if (!hasBegun) return `before ${handle} had begun to answer`;
  return stream ? `while the answer from ${handle} was streaming` : `while the answer from ${handle} was coming in`;
}
