import type { Account } from "../../core/accounts.ts";
import { nameOf } from "../accounts/text.ts";
import { stateOf } from "../accounts/view.ts";
import { withStore } from "../accounts/with-store.ts";
import { EXIT } from "../failure.ts";
import { print, stdoutPaint } from "../terminal.ts";

/** An item that can be chosen. */
export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** Asks the person at the terminal; `undefined`: they pressed Ctrl-C or Escape. */
export interface Prompts {
  select(message: string, choices: readonly Choice[]): Promise<string | undefined>;
  text(message: string, placeholder: string): Promise<string | undefined>;
}

export interface MenuDeps {
  /** Runs one line of the command line, without "ag"; says itself what went wrong. */
  run(words: readonly string[]): Promise<number>;
  prompts: Prompts;
  accounts(): Promise<Account[]>;
}

/** What the owner can do, in a loop until they leave; each choice runs the command that does the same. */
export async function accountsMenu({ run, prompts, accounts }: MenuDeps): Promise<number> {
  for (;;) {
    const stored = await accounts();
    const choice = await prompts.select(title(stored), choices(stored));
    if (choice === undefined) return EXIT.interrupted;
    if (choice === "quit") return EXIT.done;
    const words = await wordsFor(choice, stored, prompts);
    if (words === "back") continue;
    await print(stdoutPaint.dim(`ag ${words.map(quoted).join(" ")}`));
    await run(words);
    await print("");
  }
}

function title(stored: readonly Account[]): string {
  if (stored.length === 0) return "No accounts yet. What would you like to do?";
  const ready = stored.filter((account) => stateOf(account) === "ready").length;
  return `${stored.length} ${stored.length === 1 ? "account" : "accounts"}, ${ready} ready. What would you like to do?`;
}

const QUIT: Choice = { value: "quit", label: "Quit" };

/** Choices that need an account are not offered where there is none. */
function choices(stored: readonly Account[]): Choice[] {
  const bringing: Choice[] = [
    { value: "add", label: "Add an account", hint: "sign in with Google in the browser" },
    { value: "add-key", label: "Add a Gemini API key", hint: "the official lane" },
    { value: "import", label: "Import", hint: "a file of refresh tokens, or the store of another tool" },
  ];
  if (stored.length === 0) return [...bringing, QUIT];
  return [
    { value: "list", label: "List", hint: "state, limits and links of each account" },
    { value: "limits", label: "Limits", hint: "what is left of each model's quota" },
    { value: "verify", label: "Verify", hint: "ask Google whether an account works" },
    ...bringing,
    { value: "switch", label: "Enable or disable" },
    { value: "label", label: "Label" },
    { value: "export", label: "Export", hint: "an encrypted archive for another machine" },
    { value: "remove", label: "Remove" },
    QUIT,
  ];
}

/** The command for a choice, its blanks filled in by asking; "back" when the owner thinks better of it. */
async function wordsFor(choice: string, stored: readonly Account[], prompts: Prompts): Promise<string[] | "back"> {
  switch (choice) {
    case "add":
      return ["accounts", "add"];
    case "add-key":
      return ["accounts", "add", "--gemini-key"];
    case "limits":
      return ["limits"];
    case "verify": {
      const handle = await pickAccount("Which account?", stored, prompts, [{ value: "", label: "All" }]);
      if (handle === undefined) return "back";
      return handle === "" ? ["accounts", "verify"] : ["accounts", "verify", handle];
    }
    case "switch": {
      const handle = await pickAccount("Which account?", stored, prompts);
      const account = stored.find((one) => one.handle === handle);
      if (account === undefined) return "back";
      return ["accounts", account.enabled ? "disable" : "enable", account.handle];
    }
    case "label": {
      const handle = await pickAccount("Which account?", stored, prompts);
      if (handle === undefined) return "back";
      const label = await prompts.text("Its label", "leave empty to take it away");
      return label === undefined ? "back" : ["accounts", "label", "--", handle, label];
    }
    case "import":
      return withPath(["accounts", "import"], "File to import", "leave empty to look for other tools", prompts, true);
    case "export":
      return withPath(["accounts", "export"], "File to write", "accounts.ag", prompts, false);
    case "remove": {
      const handle = await pickAccount("Which account?", stored, prompts);
      return handle === undefined ? "back" : ["accounts", "remove", handle];
    }
    default:
      return ["accounts", choice];
  }
}

async function withPath(
  words: readonly string[],
  message: string,
  placeholder: string,
  prompts: Prompts,
  mayBeEmpty: boolean,
): Promise<string[] | "back"> {
  const path = (await prompts.text(message, placeholder))?.trim();
  if (path === undefined || (path === "" && !mayBeEmpty)) return "back";
  return path === "" ? [...words] : [...words, "--", path];
}

function pickAccount(
  message: string,
  stored: readonly Account[],
  prompts: Prompts,
  more: readonly Choice[] = [],
): Promise<string | undefined> {
  const choices = stored.map((account) => ({
    value: account.handle,
    label: nameOf(account),
    hint: stateOf(account),
  }));
  return prompts.select(message, [...more, ...choices]);
}

function quoted(word: string): string {
  return /^[\w@./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** The menu over the stored accounts, on this terminal. */
export async function openMenu(run: MenuDeps["run"]): Promise<number> {
  const { isCancel, select, text } = await import("@clack/prompts");
  return accountsMenu({
    run,
    accounts: () => withStore(({ accounts }) => accounts.list()),
    prompts: {
      async select(message, choices) {
        const answer = await select<string>({ message, options: [...choices], showInstructions: false });
        return isCancel(answer) ? undefined : answer;
      },
      async text(message, placeholder) {
        const answer = await text({ message, placeholder });
        return isCancel(answer) ? undefined : answer;
      },
    },
  });
}
