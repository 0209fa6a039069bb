import { defineCommand } from "citty";
import type { AccountKind } from "../../core/account-kind.ts";
import type { Account } from "../../core/accounts.ts";
import { ACCOUNT_ID } from "../accounts/change.ts";
import { chooseAccount } from "../accounts/choose.ts";
import { nameOf } from "../accounts/text.ts";
import { publicView } from "../accounts/view.ts";
import { withStore } from "../accounts/with-store.ts";
import { EXIT, UsageError } from "../failure.ts";
import { isInteractive, print, printJson } from "../terminal.ts";

/** Removing here leaves the sign-in valid at Google: where its owner ends it there too. */
const WITHDRAW: Readonly<Record<AccountKind, string>> = {
  antigravity: "Google still lists the sign-in. To end it there too: https://myaccount.google.com/connections",
  "gemini-api-key": "The key itself is still valid. To delete it: https://aistudio.google.com/apikey",
};

export default defineCommand({
  meta: {
    name: "remove",
    description: `Delete an account from this machine

A running server sees it at once: requests that are already running on the account finish, no new one starts. Importing
an old file does not bring the account back; signing in with it again does.`,
  },
  args: {
    id: ACCOUNT_ID,
    yes: { type: "boolean", alias: "y", description: "do not ask; needed where there is no terminal to ask on" },
    json: { type: "boolean", description: "one JSON document" },
  },
  run: ({ args }) =>
    withStore(async ({ accounts }) => {
      const account = chooseAccount(args.id, await accounts.list());
      if (!args.yes) {
        const answer = await confirmed(account, isInteractive() && !args.json);
        if (answer !== "yes") {
          await print("Nothing was removed");
          return answer === "interrupted" ? EXIT.interrupted : undefined;
        }
      }
      await accounts.remove(account.id, Date.now());
      if (args.json) return printJson({ removed: publicView(account) });
      await print(`Removed ${nameOf(account)}\n${WITHDRAW[account.kind]}`);
      return undefined;
    }),
});

async function confirmed(account: Account, canAsk: boolean): Promise<"yes" | "no" | "interrupted"> {
  if (!canAsk) {
    throw new UsageError(
      `Removing ${account.handle} needs a yes, and nobody can be asked here`,
      `If you are sure: ag accounts remove ${account.handle} --yes`,
    );
  }
  const { confirm, isCancel } = await import("@clack/prompts");
  const answer = await confirm({ message: `Remove ${nameOf(account)} from this machine?`, initialValue: false });
  if (isCancel(answer)) return "interrupted";
  return answer ? "yes" : "no";
}
