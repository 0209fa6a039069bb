import { defineCommand } from "citty";
import { sealArchive } from "../../accounts/archive.ts";
import { withStore } from "../accounts/with-store.ts";
import { archiveCipher } from "../archive-cipher.ts";
import { ADD_ACCOUNT, EXIT, UserError, UsageError } from "../failure.ts";
import { PASSPHRASE_FILE, readPassphrase } from "../passphrase.ts";
import { print, printError, printJson } from "../terminal.ts";
import { checkNewFile, writeNewFile } from "../write-new-file.ts";

export default defineCommand({
  meta: {
    name: "export",
    description: `Write all accounts to an encrypted archive, for moving to another host

The archive holds the sign-ins and keys, sealed with a passphrase of at least 8 characters that is asked for twice. What
is disabled or stopped here is so on the other host too. There: ag accounts import FILE

Examples:
  ag accounts export accounts.agx
  ag accounts export - --passphrase-file secret.txt | ssh server "cat > accounts.agx"`,
  },
  args: {
    file: { type: "positional", required: true, description: "file to write, which must not exist, or - for stdout" },
    "passphrase-file": PASSPHRASE_FILE,
    json: { type: "boolean", description: "one JSON document that says what was written" },
  },
  async run({ args }) {
    const isStdout = args.file === "-";
    if (isStdout && args.json) throw new UsageError("--json does not go with -: stdout is where the archive goes");
    if (!isStdout) checkNewFile(args.file);
    const accounts = await withStore((store) => store.accounts.list());
    if (accounts.length === 0) {
      throw new UserError("There are no accounts to export", { hint: ADD_ACCOUNT, exitCode: EXIT.nothingUsable });
    }
    const passphrase = await readPassphrase({
      file: args["passphrase-file"],
      message: "Passphrase for the archive (without it nobody can open it, you included)",
      isNew: true,
    });
    const archive = await sealArchive(accounts, passphrase, archiveCipher);
    if (isStdout) await print(archive.trimEnd());
    else writeNewFile(args.file, archive);
    if (args.json) return printJson({ file: args.file, accounts: accounts.map(({ handle }) => handle) });
    const count = accounts.length === 1 ? "1 account" : `${accounts.length} accounts`;
    if (isStdout) return printError(`Wrote ${count}. On the other host: ag accounts import FILE`);
    await print(`Wrote ${count} to ${args.file}. On the other host: ag accounts import FILE`);
  },
});
