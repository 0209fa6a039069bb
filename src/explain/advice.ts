import type { FailureKind } from "../core/errors.ts";
import type { RequestRecord } from "../core/record.ts";
import { isLineFull } from "./history.ts";
import { PROBLEM_REMEDY } from "./words.ts";

const SEE_LIMITS = "ag limits shows what is left of each account, and when more comes back.";
const SEE_ACCOUNTS = "ag accounts list shows what is wrong with each account, and what ends it.";

const LINE =
  "scheduling.maxConcurrentPerAccount and scheduling.maxQueued in the configuration set how many may run and wait.";

/** What the gateway's owner can do about a failure, for those about which something can be done here. */
const ADVICE: Readonly<Partial<Record<FailureKind, string>>> = {
  "rate-limited": SEE_LIMITS,
  "quota-exhausted": SEE_LIMITS,
  "no-account": SEE_ACCOUNTS,
  "account-unusable": SEE_ACCOUNTS,
  "access-denied": SEE_ACCOUNTS,
  "access-token-rejected": SEE_ACCOUNTS,
  "project-rejected": SEE_ACCOUNTS,
  "key-limited": "ag keys list shows the limits of each key.",
  busy: "server.maxConcurrent in the configuration sets how many requests are answered at the same time.",
  unauthorized: "ag keys list shows the keys there are; ag keys create makes another.",
  forbidden:
    "ag keys list shows what each key opens; server.allowedHosts and server.allowedOrigins name the other hosts and web pages that may call.",
  "unknown-model": "ag models list shows the names there are; models.aliases in the configuration adds your own.",
  "model-missing": "ag models list shows what the accounts offer.",
  "unknown-route": "Check the base address in the client's settings.",
  "payload-too-large": "server.maxBodyBytes in the configuration sets how large a request may be.",
  "context-too-long": "Shorten the conversation, or ask a model with a larger window: ag models list.",
  deadline: "timeouts in the configuration sets how long each part of an answer may take.",
  "version-refused": "Update ag, or set cloudcode.clientVersion in the configuration.",
  internal: "The server's log tells more at the same time; please report it.",
};

/** One sentence. `undefined`: there is nothing to do, or only the client can do it. */
export function adviceOn({ outcome, attempts, choices }: RequestRecord): string | undefined {
  const troubled = attempts.findLast(({ accountProblem }) => accountProblem !== undefined);
  // Also where another account has answered: this one will not, until its owner acts.
  if (troubled?.accountProblem !== undefined) return PROBLEM_REMEDY[troubled.accountProblem](troubled.accountHandle);
  if (outcome === "ok" || outcome === "client-closed") return undefined;
  if (outcome === "busy" && choices.length + attempts.length > 0) return undefined; // it had been let in: ag was stopped
  if (outcome === "rate-limited" && isLineFull(choices.at(-1)?.accounts ?? [])) return LINE;
  return ADVICE[outcome];
}
