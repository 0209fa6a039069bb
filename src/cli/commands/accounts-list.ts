import { defineCommand } from "citty";
import type { Account } from "../../core/accounts.ts";
import type { LimitRecord } from "../../core/store.ts";
import { renderTable } from "../../lib/table.ts";
import { remedyFor, restLines } from "../accounts/text.ts";
import { publicView, restsOf, stateOf } from "../accounts/view.ts";
import { withStore } from "../accounts/with-store.ts";
import { ageText } from "../age-text.ts";
import { ADD_ACCOUNT } from "../failure.ts";
import { outputWidth, plain, print, printJson, stdoutPaint, wrapped } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "list",
    description: `List the accounts and the state of each; never shows a token or key

States:
  ready                requests are sent with it
  resting              ready, but limited on some models for a while
  disabled             switched off by you: ag accounts enable ID
  needs-login          Google no longer takes its sign-in: ag accounts add
  needs-verification   its owner must open the link that is shown
  no-project           it has no Cloud Code project yet
  key-rejected         Google refuses its API key
  terms-block          stopped for good: Google reports a breach of its terms`,
  },
  args: { json: { type: "boolean", description: "one JSON document" } },
  async run({ args }) {
    const [accounts, limits] = await withStore(({ accounts, limits }) => Promise.all([accounts.list(), limits.load()]));
    const now = Date.now();
    if (args.json) {
      return printJson({
        accounts: accounts.map((account) => publicView(account, restsOf(account, limits, now), now)),
      });
    }
    if (accounts.length === 0) return print(`No accounts yet. ${ADD_ACCOUNT}`);
    await print(accountTable(accounts, limits, now, outputWidth()));
  },
});

export function accountTable(
  accounts: readonly Account[],
  limits: readonly LimitRecord[],
  now: number,
  maxWidth: number,
): string {
  const rows = accounts.map((account) => ({ account, rests: restsOf(account, limits, now) }));
  const kinds = accounts.map(({ kind }) => kind); // where all are of one kind, it tells the least
  const table = renderTable(
    rows,
    [
      { title: "account", cell: ({ account }) => account.handle },
      { title: "kind", cell: ({ account }) => account.kind, spare: new Set(kinds).size > 1 ? 4 : 1 },
      { title: "label", cell: ({ account }) => plain(account.label ?? ""), spare: 5 },
      { title: "e-mail", cell: ({ account }) => plain(account.email ?? ""), spare: 6 },
      { title: "tier", cell: ({ account }) => plain(account.tier ?? ""), spare: 2 },
      { title: "state", cell: ({ account, rests }) => stateOf(account, rests) },
      { title: "last used", cell: ({ account }) => lastUse(account, now), spare: 3 },
    ],
    { paintTitle: stdoutPaint.dim, maxWidth },
  );
  const notes = rows.flatMap(({ account, rests }) => {
    const lines = [...problemLines(account, now), ...(account.enabled ? restLines(rests, now) : [])];
    const indent = " ".repeat(5);
    return lines.map((line, index) => {
      const mark = index === 0 ? account.handle.padEnd(indent.length - 1) : indent.slice(1);
      return wrapped(`${mark} ${line}`, maxWidth, indent);
    });
  });
  return [table, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

function problemLines(account: Account, now: number): string[] {
  const { problem } = account;
  if (problem === undefined) return [];
  return [`${problem.type} (${ageText(now - problem.since)}): ${plain(problem.message)}`, ...remedyFor(account)];
}

function lastUse({ lastUsedAt }: Account, now: number): string {
  return lastUsedAt === undefined ? "never" : ageText(now - lastUsedAt);
}
