import { within } from "../../core/abort.ts";
import type { Account } from "../../core/accounts.ts";
import { fullMessage, GatewayError } from "../../core/errors.ts";
import type { AccountStore } from "../../core/store.ts";
import type { Clock } from "../../lib/clock.ts";
import { nameOf } from "../accounts/text.ts";
import { EXIT, UserError } from "../failure.ts";
import type { Owner } from "./owner.ts";

export interface GeminiKeyDeps {
  accounts: Pick<AccountStore, "add" | "update">;
  /** Asks the service with the key. Throws GatewayError. */
  checkKey(apiKey: string, signal: AbortSignal): Promise<{ models: number }>;
  clock: Clock;
}

/** How long the service may take to say whether it knows a key. */
const CHECK_LIMIT_MS = 30_000;

export interface GeminiKeyOptions {
  label: string | undefined;
  /** Store the key although the service cannot be asked about it. */
  unchecked: boolean;
}

/** Stores an official API key once the service has taken it. Throws UserError: nothing was stored then. */
export async function addGeminiKey(
  secret: string,
  { label, unchecked }: GeminiKeyOptions,
  owner: Owner,
  deps: GeminiKeyDeps,
  signal: AbortSignal,
): Promise<Account> {
  const finding = await check(secret, unchecked, deps, signal);
  const { added, known } = await deps.accounts.add(
    [{ kind: "gemini-api-key", secret, ...(label !== undefined && { label }) }],
    deps.clock.now(),
    { again: true },
  );
  const [stored] = [...added, ...known];
  if (stored === undefined) throw new GatewayError("internal", "The key was not stored");
  const account = label === undefined ? stored : { ...stored, label };
  // Of a known account the store keeps the label that it has; this one was asked for now.
  if (stored.label !== account.label) await deps.accounts.update(stored.id, { label: account.label });
  owner.say(`${added.length > 0 ? "Added" : "Known already:"} ${nameOf(account)}`);
  owner.say(`    official API key, ${finding}`);
  if (!account.enabled) owner.say(`    It is disabled. To use it: ag accounts enable ${account.handle}`);
  return account;
}

/** A key from a hidden prompt, or from `readInput` when nobody can be asked. Throws UserError when it is none. */
export async function readGeminiKey(owner: Owner, readInput: () => Promise<string>): Promise<string> {
  if (owner.prompts !== undefined) owner.say("Keys are made at https://aistudio.google.com/apikey");
  const input = await (owner.prompts?.secret("Gemini API key") ?? readInput());
  const key = input.replace(/^[\uFEFF\s"']+|[\s"']+$/g, "");
  if (key === "") {
    throw new UserError("The input holds no key", {
      hint: "Give it on stdin, or run the command on a terminal and paste it: ag accounts add --gemini-key < FILE",
    });
  }
  if (!/^[\x21-\x7e]{16,256}$/.test(key)) {
    throw new UserError("The input is not an API key: one word of letters and digits is expected", {
      hint: "Nothing was stored. Keys are made at https://aistudio.google.com/apikey",
    });
  }
  return key;
}

/** What is known of the key now, for its owner; throws when it shall not be stored. */
async function check(
  secret: string,
  unchecked: boolean,
  { checkKey, clock }: GeminiKeyDeps,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { models } = await within(CHECK_LIMIT_MS, "Google's API", clock, (limit) =>
      checkKey(secret, AbortSignal.any([signal, limit])),
    );
    return `${models} ${models === 1 ? "model" : "models"}`;
  } catch (cause) {
    if (!(cause instanceof GatewayError) || cause.kind === "internal") throw cause;
    switch (cause.kind) {
      case "cancelled":
        throw new UserError("Interrupted; nothing was stored", { exitCode: EXIT.interrupted, cause });
      case "rate-limited":
      case "quota-exhausted":
        return "limited for the moment"; // it takes a good key to use up a quota
      case "unavailable":
      case "overloaded":
      case "deadline":
        if (unchecked) return "not checked, since the service could not be asked";
        throw new UserError(`The key could not be checked, so it was not stored: ${fullMessage(cause)}`, {
          hint: "Try again later, or add --unchecked to store it as it is",
          cause,
        });
      default:
        throw new UserError(`The key was not stored: ${fullMessage(cause)}`, {
          hint: "Look it up, or make another, at https://aistudio.google.com/apikey",
          cause,
        });
    }
  }
}
