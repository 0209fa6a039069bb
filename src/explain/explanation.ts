import type { RequestRecord } from "../core/record.ts";
import { spentText } from "../lib/spent-text.ts";
import { adviceOn } from "./advice.ts";
import { cachedShare, hasTokens, numberText } from "./numbers.ts";
import { sentenceOf } from "./sentence.ts";
import { type Step, stepsOf } from "./timeline.ts";
import { countText, nameText } from "./words.ts";

export interface Fact {
  label: string;
  text: string;
}

/** One request explained, as text without a layout. Holds what a client sent as a model's name: control characters and all. */
export interface Explanation {
  /** What happened and why. */
  sentence: string;
  /** What can be done about it. */
  advice?: string;
  facts: Fact[];
  steps: Step[];
}

export function explanation(record: RequestRecord): Explanation {
  const advice = adviceOn(record);
  return {
    sentence: sentenceOf(record),
    ...(advice !== undefined && { advice }),
    facts: factsOf(record),
    steps: stepsOf(record),
  };
}

/** What stands fixed about a request; what happened when is the steps' matter. */
function factsOf(record: RequestRecord): Fact[] {
  const { id, route, stream, key, rule, losses, usage } = record;
  return [
    fact("id", id),
    fact("request", `${route}${stream ? ", streamed" : ""}`),
    ...(key === undefined ? [] : [fact("key", keyText(key))]),
    ...modelFact(record),
    ...(rule === undefined ? [] : [fact("rule", rule)]),
    fact("time", timeText(record)),
    ...(usage !== undefined && hasTokens(usage) ? [fact("tokens", tokensText(usage))] : []),
    ...losses.map((loss, index) => fact(index === 0 ? "lost" : "", loss)),
    ...omittedFact(record),
  ];
}

function fact(label: string, text: string): Fact {
  return { label, text };
}

/** Who asked, by the handle of its key. */
export function keyText(key: string): string {
  if (key === "env") return "AG_API_KEY";
  return key === "owner" ? "a command on this machine" : key;
}

function modelFact({ model, served, fallback }: RequestRecord): Fact[] {
  const asked = model === undefined ? undefined : nameText(model);
  const names = served === undefined || served === asked ? [asked ?? served] : [asked, served];
  const way = names.filter((name) => name !== undefined).join(" → ");
  return way === "" ? [] : [fact("model", `${way}${fallback ? ", a configured fallback" : ""}`)];
}

function timeText({ waitedMs, firstEventMs, totalMs }: RequestRecord): string {
  return [
    `${spentText(totalMs)} in all`,
    ...(firstEventMs === undefined ? [] : [`first event after ${spentText(firstEventMs)}`]),
    ...(waitedMs > 0 ? [`${spentText(waitedMs)} of it waiting`] : []),
  ].join(", ");
}

function tokensText(usage: NonNullable<RequestRecord["usage"]>): string {
  const { input, cachedInput, output, thinking } = usage;
  const cached =
    cachedInput > 0 && input > 0 ? ` (${numberText(cachedInput)} of them cached, ${cachedShare(usage)})` : "";
  const thought = thinking > 0 ? ` (${numberText(thinking)} of them thinking)` : "";
  return `${numberText(input)} in${cached}, ${numberText(output)} out${thought}`;
}

function omittedFact({ omitted = {} }: RequestRecord): Fact[] {
  const { choices = 0, accounts = 0, waits = 0, attempts = 0, losses = 0 } = omitted;
  const left = [
    [choices, "look at the accounts", "looks at the accounts"],
    [accounts, "account", "accounts"],
    [waits, "wait", "waits"],
    [attempts, "attempt", "attempts"],
    [losses, "loss", "losses"],
  ] as const;
  const texts = left.flatMap(([count, one, many]) => (count > 0 ? [countText(count, one, many)] : []));
  return texts.length === 0 ? [] : [fact("left out", `${texts.join(", ")}, to keep the record small`)];
}
