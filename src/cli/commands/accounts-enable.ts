import { defineCommand } from "citty";
import { nameOf, PROBLEM_TEXT, remedyFor } from "../accounts/text.ts";
import { ACCOUNT_ID, changeAccount } from "../accounts/change.ts";
import { print, printJson } from "../terminal.ts";
import { publicView } from "../accounts/view.ts";

export default defineCommand({
  meta: { name: "enable", description: "Let requests be sent with an account again" },
  args: { id: ACCOUNT_ID, json: { type: "boolean", description: "one JSON document" } },
  async run({ args }) {
    const { account, changed } = await changeAccount(args.id, ({ enabled }) =>
      enabled ? undefined : { enabled: true },
    );
    if (args.json) return printJson({ account: publicView(account), changed });
    await print(changed ? `Enabled ${nameOf(account)}` : `${account.handle} is enabled already`);
    if (account.problem === undefined) return;
    const standing = `${account.handle} ${PROBLEM_TEXT[account.problem.type]}`;
    await print([`Enabling does not make it usable: ${standing}.`, ...remedyFor(account)].join("\n"));
  },
});
