import { defineCommand } from "citty";
import { parseAccounts } from "../../accounts/import.ts";
import { loadConfig } from "../../config/load.ts";
import type { Account } from "../../core/accounts.ts";
import { GatewayError } from "../../core/errors.ts";
import type { NewAccount } from "../../core/store.ts";
import { UserError, UsageError } from "../failure.ts";
import { plain, print, printError } from "../terminal.ts";
import { errorCode } from "../../lib/error-code.ts";

const LARGEST_INPUT_BYTES = 1024 ** 2;

export default defineCommand({
  meta: {
    name: "import",
    description: `Add accounts by their refresh tokens, from a file or stdin

The input holds one refresh token a line, or JSON. Tokens are never taken from the command line, where every process
of this machine could read them.

Examples:
  ag accounts import -                     paste, then Ctrl-D
  ag accounts import tokens.txt --label team
  pass show google/refresh-token | ag accounts import -`,
  },
  args: {
    file: { type: "positional", required: true, description: "file to read, or - for stdin" },
    label: { type: "string", valueHint: "TEXT", description: "label for accounts that bring none of their own" },
  },
  async run({ args }) {
    const config = loadConfig();
    const text = args.file === "-" ? await readStdin() : await readTokenFile(args.file);
    const found: NewAccount[] = readAccounts(text).map((account) => ({
      ...account,
      ...(args.label !== undefined && account.label === undefined && { label: args.label }),
    }));
    if (found.length === 0) {
      throw new UserError("There is no refresh token in the input", {
        hint: "Expected one token a line, or JSON. See ag accounts import --help",
      });
    }
    const { composeStore } = await import("../../compose.ts");
    const store = await composeStore(config);
    try {
      const before = await store.accounts.list();
      const { added, known } = await store.accounts.add(found, Date.now());
      const updated = known.filter((account) => isRenewed(account, before));
      const same = known.filter((account) => !updated.includes(account));
      for (const account of added) await print(`Added ${nameOf(account)}`);
      for (const account of updated) await print(`Updated ${nameOf(account)}`);
      if (same.length > 0) await print(`Already known: ${same.map(({ handle }) => handle).join(", ")}`);
    } finally {
      await store.close();
    }
  },
});

/** One bad entry refuses them all, so that the input can be mended and given again as a whole. */
function readAccounts(text: string): NewAccount[] {
  try {
    return parseAccounts(text);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new UserError(cause.message, { hint: "Nothing was imported. See ag accounts import --help", cause });
  }
}

/** Whether importing gave the account a new token or ended its problem. */
function isRenewed(account: Account, before: readonly Account[]): boolean {
  const earlier = before.find(({ id }) => id === account.id);
  if (earlier === undefined) return false;
  const isCured = earlier.problem !== undefined && account.problem === undefined;
  return isCured || earlier.refreshToken !== account.refreshToken;
}

function nameOf({ handle, email, label }: Account): string {
  return plain([handle, email, label].filter(Boolean).join("  "));
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) await printError("Paste refresh tokens, one a line, then press Ctrl-D:");
  return readText(Bun.stdin, "The input");
}

async function readTokenFile(path: string): Promise<string> {
  if (looksLikeToken(path)) {
    throw new UsageError(
      "Tokens come from a file or from stdin, not from the command line, where other programs can read them",
      "Write them to a file and name that, or run: ag accounts import -   and paste them",
    );
  }
  try {
    return await readText(Bun.file(path), path);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const code = errorCode(cause) ?? "";
    const why = code === "ENOENT" ? "does not exist" : `cannot be read${code && ` (${code})`}`;
    throw new UserError(`${path} ${why}`, { cause });
  }
}

/** Stops reading at the limit, so that an endless input ends too. */
async function readText(input: Bun.BunFile, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of input.stream()) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > LARGEST_INPUT_BYTES) {
      throw new UserError(`${name} holds more than 1 MiB, which cannot be a list of refresh tokens`, {
        hint: "Nothing was imported",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Google's refresh tokens begin with "1//", which no sensible file path does. */
function looksLikeToken(path: string): boolean {
  return /^1(?:\/|%2f){2}/i.test(path);
}
