import { defineCommand } from "citty";
import { parseAccounts } from "../../accounts/import.ts";
import { loadConfig } from "../../config/load.ts";
import type { NewAccount } from "../../core/store.ts";
import { UserError, UsageError } from "../failure.ts";
import { plain, print, printError } from "../terminal.ts";

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
    const found: NewAccount[] = parseAccounts(text).map((account) => ({
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
      const { added, known } = await store.accounts.add(found, Date.now());
      for (const { handle, email, label } of added)
        await print(`Added ${plain([handle, email, label].filter(Boolean).join("  "))}`);
      if (known.length > 0) await print(`Already known: ${known.map(({ handle }) => handle).join(", ")}`);
    } finally {
      await store.close();
    }
  },
});

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) await printError("Paste refresh tokens, one a line, then press Ctrl-D:");
  return Bun.stdin.text();
}

async function readTokenFile(path: string): Promise<string> {
  if (looksLikeToken(path)) {
    throw new UsageError(
      "A refresh token must not stand on the command line, where other programs can read it",
      "Write it to a file, or run: ag accounts import -   and paste it",
    );
  }
  try {
    return await Bun.file(path).text();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = code === "ENOENT" ? "does not exist" : `cannot be read${code && ` (${code})`}`;
    throw new UserError(`${path} ${why}`, { cause });
  }
}

/** Google's refresh tokens begin with "1//", which no sensible file path does. */
function looksLikeToken(path: string): boolean {
  return path.startsWith("1//") && path.length > 20;
}
