import { defineCommand } from "citty";
import { ACCOUNT_ID, changeAccount } from "../accounts/change.ts";
import { nameOf } from "../accounts/text.ts";
import { publicView } from "../accounts/view.ts";
import { print, printJson } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "disable",
    description: `Send no more requests with an account, and keep it

A running server sees it at once: requests that are already running on the account finish, no new one starts.`,
  },
  args: { id: ACCOUNT_ID, json: { type: "boolean", description: "one JSON document" } },
  async run({ args }) {
    const { account, changed } = await changeAccount(args.id, ({ enabled }) =>
      enabled ? { enabled: false } : undefined,
    );
    if (args.json) return printJson({ account: publicView(account), changed });
    if (!changed) return print(`${account.handle} is disabled already`);
    await print(
      `Disabled ${nameOf(account)}\n` +
        `Running requests finish, no new one starts. To take it back: ag accounts enable ${account.handle}`,
    );
  },
});
