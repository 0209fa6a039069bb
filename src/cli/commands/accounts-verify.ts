import { defineCommand } from "citty";
import type { Verification } from "../../accounts/verify.ts";
import { loadConfig } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import { ACCOUNT_ID } from "../accounts/change.ts";
import { chooseAccount } from "../accounts/choose.ts";
import { verificationText, verificationView } from "../accounts/verification.ts";
import { ADD_ACCOUNT, EXIT, UsageError, UserError } from "../failure.ts";
import { configureQuietLogging } from "../serve/logging.ts";
import { interruptible } from "../sign-in/interrupt.ts";
import { outputWidth, print, printJson } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "verify",
    description: `Ask Google whether an account works, and what its owner must do if not

Refreshes the sign-in, reads project, tier, models and quota, once, without any model answering. A problem that is over
is cleared; a new one is shown with the link its owner must open. An account that is stopped for a breach of terms is not
asked about, until Google has granted your appeal and you say so with --appeal-granted: if Google answers it then, it is
used again. Removing and adding it, importing and enabling do not end a terms block.

Exits with 0 when every account is in order, 3 when none is, else 1. Disabled accounts are left out.`,
  },
  args: {
    id: { ...ACCOUNT_ID, required: false, description: `${ACCOUNT_ID.description}; all when absent` },
    "appeal-granted": {
      type: "boolean",
      description:
        "Google has granted your appeal for the account ID: ask about it although its use was stopped for good",
    },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const isAppealGranted = args["appeal-granted"] === true;
    if (isAppealGranted && args.id === undefined)
      throw new UsageError("--appeal-granted needs the account it is about");
    const config = loadConfig();
    proxyFromEnvironment(process.env);
    configureQuietLogging(config.server);
    const { composeAccounts } = await import("../../compose.ts");
    const { store, verify, close } = await composeAccounts(config);
    try {
      const stored = await store.accounts.list();
      if (stored.length === 0) {
        throw new UserError("No account is stored", { hint: ADD_ACCOUNT, exitCode: EXIT.nothingUsable });
      }
      const asked = args.id === undefined ? stored : [chooseAccount(args.id, stored)];
      using interrupt = interruptible();
      // All at once: they do not depend on each other, and one that hangs shall not hold up the rest.
      const running = asked.map((account) => verify(account.id, interrupt.signal, { isAppealGranted }));
      // Shown in the order of the list; one that fails before its turn must not count as unhandled.
      for (const verification of running) verification.catch(() => {});
      const done: Verification[] = [];
      for (const verification of running) {
        const next = await verification;
        done.push(next);
        if (!args.json) await print(verificationText(next, Date.now(), outputWidth()));
      }
      if (args.json) await printJson({ accounts: done.map(verificationView) });
      return exitCodeOf(done);
    } finally {
      await close();
    }
  },
});

function exitCodeOf(verifications: readonly Verification[]): number {
  const counted = verifications.filter(({ result }) => result.type !== "not-asked" || result.because !== "disabled");
  const count = (type: Verification["result"]["type"]) => counted.filter(({ result }) => result.type === type).length;
  if (count("ready") === counted.length && counted.length > 0) return EXIT.done;
  return count("ready") + count("failed") === 0 ? EXIT.nothingUsable : EXIT.failed;
}
