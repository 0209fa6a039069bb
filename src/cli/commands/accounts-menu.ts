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
  say(text: string): Promise<void>;
}

/**
 * What the owner can do, in a loop until they leave; each choice runs the command that does the same, and names it. Ctrl-C
 * leaves from everywhere, with its own exit code.
 */
export async function accountsMenu({ run, prompts, accounts, say }: MenuDeps): Promise<number> {
  for (;;) {
    const stored = await accounts();
    const choice = await prompts.select(title(stored), choices(stored));
    if (choice === "quit") return EXIT.done;
    const words = choice === undefined ? undefined : await wordsFor(choice, stored, prompts);
    if (words === undefined) return EXIT.interrupted;
    if (words === "back") continue;
    await say(`ag ${words.map(quoted).join(" ")}`);
    if ((await run(words)) === EXIT.interrupted) return EXIT.interrupted;
    await say("");
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

/** A command line; "back": to the menu, nothing shall be done; `undefined`: Ctrl-C. */
type Words = string[] | "back" | undefined;

/** The command for a choice, its blanks filled in by asking. */
async function wordsFor(choice: string, stored: readonly Account[], prompts: Prompts): Promise<Words> {
  switch (choice) {
    case "add-key":
      return ["accounts", "add", "--gemini-key"];
    case "limits":
      return ["limits"];
    case "verify":
      return forAccount(stored, prompts, [ALL], async (handle) => [
        "accounts",
        "verify",
        ...(handle === ALL.value ? [] : [handle]),
      ]);
    case "switch":
      return forAccount(stored, prompts, [], async (handle) => {
        const isOn = stored.some((account) => account.handle === handle && account.enabled);
        return ["accounts", isOn ? "disable" : "enable", handle];
      });
    case "label":
      return forAccount(stored, prompts, [], async (handle) => {
        const label = await prompts.text("Its label", "leave empty to take it away");
        return label === undefined ? undefined : ["accounts", "label", "--", handle, label];
      });
    case "remove":
      return forAccount(stored, prompts, [], async (handle) => ["accounts", "remove", handle]);
    case "import": {
      const path = await prompts.text("File or folder to import", "leave empty to look for other tools");
      if (path === undefined) return undefined;
      return ["accounts", "import", ...(path.trim() === "" ? [] : ["--", path.trim()])];
    }
    case "export": {
      const path = await prompts.text("File to write", "leave empty to go back");
      if (path === undefined) return undefined;
      return path.trim() === "" ? "back" : ["accounts", "export", "--", path.trim()];
    }
    default:
      return ["accounts", choice];
  }
}

const ALL: Choice = { value: "all", label: "All" };
const BACK: Choice = { value: "back", label: "Back" };

/** Asks for an account, then for whatever else the command needs. */
async function forAccount(
  stored: readonly Account[],
  prompts: Prompts,
  more: readonly Choice[],
  complete: (handle: string) => Promise<Words>,
): Promise<Words> {
  const accounts = stored.map((account) => ({
    value: account.handle,
    label: nameOf(account),
    hint: stateOf(account),
  }));
  const chosen = await prompts.select("Which account?", [...more, ...accounts, BACK]);
  if (chosen === undefined) return undefined;
  return chosen === BACK.value ? "back" : complete(chosen);
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
    say: (line) => print(stdoutPaint.dim(line)),
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
