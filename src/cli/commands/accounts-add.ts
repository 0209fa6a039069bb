import { defineCommand } from "citty";
import { type Config, loadConfig } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import type { Account } from "../../core/accounts.ts";
import { systemClock } from "../../lib/clock.ts";
import { stateOf } from "../accounts/view.ts";
import { UsageError, UserError } from "../failure.ts";
import { configureQuietLogging } from "../serve/logging.ts";
import { openBrowser } from "../sign-in/browser.ts";
import { addGeminiKey, readGeminiKey } from "../sign-in/gemini-key.ts";
import { signInWithGoogle } from "../sign-in/google.ts";
import { interruptible } from "../sign-in/interrupt.ts";
import { type Owner, ownerHere } from "../sign-in/owner.ts";
import { pastedLines } from "../sign-in/pasted-lines.ts";
import { agreeToTerms } from "../sign-in/terms.ts";
import { printJson } from "../terminal.ts";
import { checkedLabel } from "./accounts-label.ts";

const LARGEST_KEY_INPUT_BYTES = 16_384;

export default defineCommand({
  meta: {
    name: "add",
    description: `Add an account: sign in with Google, or give an official Gemini API key

Opens the browser and waits for it to come back; signing in with an account that is known renews it in place. The first
time, a notice about Google's terms is shown, and wants a yes. Keys are read from a prompt or from stdin, never from the
command line, where every process of this machine could read them.

Examples:
  ag accounts add                          sign in, in the browser of this machine
  ag accounts add --no-browser             sign in elsewhere, and paste where it ends (SSH, containers)
  ag accounts add --gemini-key             an official API key, which needs no sign-in
  ag accounts add --gemini-key < key.txt`,
  },
  args: {
    "no-browser": { type: "boolean", description: "show the address only, and take what is pasted" },
    label: { type: "string", valueHint: "TEXT", description: "a name of your own for the account" },
    "accept-terms": { type: "boolean", description: "for scripts: you have read the notice and agree" },
    "gemini-key": { type: "boolean", description: "add an official Gemini API key" },
    unchecked: { type: "boolean", description: "with --gemini-key: store it even if the service cannot be asked" },
    json: { type: "boolean", description: "one JSON document on stdout, progress on stderr" },
  },
  async run({ args, rawArgs }) {
    // citty takes --no-browser for "browser: false", whatever the flag is called.
    const browser = !rawArgs.includes("--no-browser");
    const withKey = args["gemini-key"] === true;
    if (withKey && !browser) throw new UsageError("--no-browser has no meaning with --gemini-key");
    if (args.unchecked === true && !withKey) throw new UsageError("--unchecked needs --gemini-key");
    const label = args.label === undefined ? undefined : checkedLabel(args.label);

    const config = loadConfig();
    if (!withKey) checkClient(config);
    proxyFromEnvironment(process.env);
    configureQuietLogging(config.server);
    const owner = ownerHere(args.json === true);
    const account = withKey
      ? await addKey(config, owner, { label, unchecked: args.unchecked === true })
      : await signIn(config, owner, { label, browser, acceptTerms: args["accept-terms"] === true });
    await owner.heard();
    if (args.json) await printJson(outcome(account));
  },
});

/** Without a client there is nothing to sign in to, and no reason to read a notice. */
function checkClient({ oauth, paths }: Config): void {
  const missing = [
    ...(oauth.clientId === undefined ? ["AG_OAUTH_CLIENT_ID"] : []),
    ...(oauth.clientSecret === undefined ? ["AG_OAUTH_CLIENT_SECRET"] : []),
  ];
  if (missing.length === 0) return;
  throw new UserError(`The OAuth client to sign in with is not configured: ${missing.join(" and ")} not set`, {
    hint: `Set them, or oauth.clientId and oauth.clientSecret in ${paths.configFile}; releases bring one along. Or use an official key: ag accounts add --gemini-key`,
  });
}

async function signIn(
  config: Config,
  owner: Owner,
  { acceptTerms, ...options }: { label: string | undefined; browser: boolean; acceptTerms: boolean },
): Promise<Account> {
  const { composeAccounts } = await import("../../compose.ts");
  const { store, signIn, verify, close } = await composeAccounts(config);
  try {
    await agreeToTerms(acceptTerms, {
      consents: store.consents,
      now: Date.now,
      say: owner.say,
      ...(owner.prompts && { confirm: owner.prompts.confirm }),
    });
    using interrupt = interruptible();
    using input = pastedLines(process.stdin);
    const deps = { signIn, verify, openBrowser, pasted: input.lines, now: Date.now };
    return await signInWithGoogle(options, owner, deps, interrupt.signal);
  } finally {
    await owner.heard();
    await close();
  }
}

async function addKey(
  config: Config,
  owner: Owner,
  options: { label: string | undefined; unchecked: boolean },
): Promise<Account> {
  const key = await readGeminiKey(owner, readInput);
  const { composeAccounts } = await import("../../compose.ts");
  const { store, checkKey, close } = await composeAccounts(config);
  try {
    using interrupt = interruptible();
    const deps = { accounts: store.accounts, checkKey, clock: systemClock };
    return await addGeminiKey(key, options, owner, deps, interrupt.signal);
  } finally {
    await owner.heard();
    await close();
  }
}

/** Stops at the limit, so that an endless input ends too. */
async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > LARGEST_KEY_INPUT_BYTES) throw new UserError("The input is too long to be an API key");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function outcome(account: Account) {
  const { handle, kind, email, label } = account;
  return { handle, kind, email, label, state: stateOf(account) };
}
