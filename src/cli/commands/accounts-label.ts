import { defineCommand } from "citty";
import { looksLikeHandle } from "../../core/account-name.ts";
import { ACCOUNT_ID, changeAccount } from "../accounts/change.ts";
import { nameOf } from "../accounts/text.ts";
import { publicView } from "../accounts/view.ts";
import { UserError } from "../failure.ts";
import { looksLikeSecret } from "../secret-shaped.ts";
import { plain, print, printJson } from "../terminal.ts";

const LONGEST_LABEL = 60;

export default defineCommand({
  meta: {
    name: "label",
    description: `Give an account a name of your own

Several accounts may share a label. An empty one takes it away.

Examples:
  ag accounts label a1 "team north"
  ag accounts label a1 ""`,
  },
  args: {
    id: ACCOUNT_ID,
    text: { type: "positional", required: true, description: 'the label; "" takes it away' },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const label = checkedLabel(args.text);
    const { account, changed } = await changeAccount(args.id, (before) =>
      before.label === label ? undefined : { label },
    );
    if (args.json) return printJson({ account: publicView(account), changed });
    if (!changed) return print(`${account.handle} ${label === undefined ? "has no label" : "has this label already"}`);
    await print(label === undefined ? `Took the label from ${nameOf(account)}` : `Labelled ${nameOf(account)}`);
  },
});

/** The label as it is stored; `undefined` when it is empty. Throws UserError when it cannot be one. */
export function checkedLabel(text: string): string | undefined {
  const label = plain(text).trim();
  if (label === "") return undefined;
  if (looksLikeHandle(label)) {
    throw new UserError(`A label cannot look like a handle: ${label}`, { hint: "Choose another, such as team-1" });
  }
  if (looksLikeSecret(label)) {
    throw new UserError("That looks like a key or token: as a label everybody could read it", {
      hint: "Nothing was changed",
    });
  }
  if (label.length > LONGEST_LABEL) {
    throw new UserError(`A label has at most ${LONGEST_LABEL} characters, this one ${label.length}`);
  }
  return label;
}
