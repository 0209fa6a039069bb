import type { Candidate, ChoiceSettings, Question } from "../../src/accounts/choose.ts";
import type { Standing } from "../../src/accounts/standing.ts";
import type { Account, Cooldown } from "../../src/core/accounts.ts";
import type { AccountProblem, CoolingKind } from "../../src/core/errors.ts";

export const NOW = 1_000_000;
export const CAP = 4;

type Facts = Partial<Pick<Account, "kind" | "enabled" | "problem" | "lastUsedAt" | "email">> &
  Partial<Pick<Candidate, "inFlight" | "useOrder">> &
  Partial<Standing>;

export function a(number: number, facts: Facts = {}): Candidate {
  const { inFlight = 0, useOrder = 0, lacksModel = false, remaining = 1, rest, reserve, ...account } = facts;
  const handle = `a${number}`;
  const base = {
    id: handle,
    handle,
    kind: "antigravity",
    secret: `1//test-${number}`,
    enabled: true,
    addedAt: 1,
  } as const;
  const standing = { lacksModel, remaining, ...(rest && { rest }), ...(reserve && { reserve }) };
  return { account: { ...base, ...account }, inFlight, useOrder, standing };
}

export const rest = (ms: number, kind: CoolingKind = "rate-limited"): Cooldown => ({
  kind,
  until: NOW + ms,
  since: NOW,
  evidence: `evidence of ${kind}`,
});
export const reserve = (ms: number): Cooldown => ({
  ...rest(ms, "quota-exhausted"),
  evidence: "reserve: weekly window at 10 %",
});
export const problem = (type: AccountProblem, url?: string): NonNullable<Account["problem"]> => ({
  type,
  message: "m",
  since: 1,
  ...(url !== undefined && { url }),
});
export const key = "gemini-api-key";
export const full = { inFlight: CAP };

export interface Asked extends Partial<Omit<Question, "exclude" | "model">> {
  exclude?: string[];
  strategy?: ChoiceSettings["strategy"];
  lanes?: ChoiceSettings["lanes"];
}

export function parts({ exclude = [], strategy = "sticky", lanes = ["antigravity", key], ...asked }: Asked) {
  const question: Question = {
    model: "model-x",
    exclude: new Set(exclude),
    elsewhere: [],
    running: [],
    waitedMs: 0,
    ...asked,
  };
  return { question, settings: { strategy, lanes, maxConcurrentPerAccount: CAP } };
}
