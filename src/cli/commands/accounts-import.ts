import { defineCommand } from "citty";
import { checkArchive, openArchive } from "../../accounts/archive.ts";
import { APP_STATE_KEYS } from "../../accounts/import/app-state.ts";
import { collapse, IMPORT_FORMATS, type Skipped } from "../../accounts/import/entry.ts";
import { importAccounts, type Imported } from "../../accounts/import/import-accounts.ts";
import { loadConfig } from "../../config/load.ts";
import { GatewayError } from "../../core/errors.ts";
import { DataFileError, type NewAccount } from "../../core/store.ts";
import { nameOf } from "../accounts/text.ts";
import { publicView, stateOf } from "../accounts/view.ts";
import { archiveCipher } from "../archive-cipher.ts";
import { UserError, UsageError } from "../failure.ts";
import { choosePlaces, placesOf } from "../import/choose-places.ts";
import type { Place } from "../import/places.ts";
import { readPath, readStdin, type Source, type SourceOptions } from "../import/sources.ts";
import { PASSPHRASE_FILE, readPassphrase } from "../passphrase.ts";
import { checkedLabel } from "./accounts-label.ts";
import { plain, print, printJson } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "import",
    description: `Bring accounts along: refresh tokens, the stores of other tools, an archive

FILE holds one refresh token a line, or JSON; or it is the store of another tool (a file or its folder), or an archive
that ag accounts export made. Which of these is seen by itself. Without FILE the usual places of the tools are looked
at. Nothing is changed there. Tokens are never taken from the command line, where every process could read them.

Examples:
  ag accounts import                       offer what other tools have on this machine
  ag accounts import -                     paste refresh tokens, then Ctrl-D
  ag accounts import tokens.txt --label team
  ag accounts import --from antigravity    the installed app
  ag accounts import ~/.cli-proxy-api`,
  },
  args: {
    file: { type: "positional", required: false, description: "file or folder to read, or - for stdin" },
    from: {
      type: "enum",
      options: [...IMPORT_FORMATS],
      description: "the tool whose store it is",
      valueHint: "FORMAT",
    },
    label: { type: "string", valueHint: "TEXT", description: "label for accounts that bring none of their own" },
    again: { type: "boolean", description: "take back accounts that were removed before" },
    "passphrase-file": PASSPHRASE_FILE,
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const label = args.label === undefined ? undefined : checkedLabel(args.label);
    const config = loadConfig();
    const format = IMPORT_FORMATS.find((known) => known === args.from);
    let opened: ReturnType<typeof open> | undefined;
    const open = async () => (await import("../../compose.ts")).composeImport(config);
    const composed = () => (opened ??= open());
    const options: SourceOptions = {
      format,
      readItems: async (path) => (await composed()).readItemTable(path, APP_STATE_KEYS),
    };
    try {
      const { accounts, skipped } = await read(args.file, options, args["passphrase-file"]);
      if (accounts.length === 0) throw nothingFound(skipped);
      const { store } = await composed();
      const incoming = collapse(accounts).map((account) => ({
        ...account,
        ...(label !== undefined && account.label === undefined && { label }),
      }));
      const imported = await importAccounts(store.accounts, incoming, Date.now(), { again: args.again === true });
      await (args.json ? printJson(documentOf(imported, skipped)) : report(imported, skipped));
    } finally {
      await (await opened)?.close();
    }
  },
});

interface Found {
  accounts: NewAccount[];
  skipped: Skipped[];
}

async function read(
  file: string | undefined,
  options: SourceOptions,
  passphraseFile: string | undefined,
): Promise<Found> {
  if (file === "-") return openSource(await readStdin(options), passphraseFile, true);
  if (file !== undefined) return openSource(await readPath(file, options), passphraseFile, false);
  return readPlaces(options.format === undefined ? await choosePlaces() : placesOf(options.format), options);
}

async function openSource(source: Source, file: string | undefined, isStdin: boolean): Promise<Found> {
  if (source.type === "reading") return source.reading;
  checkArchive(source.text);
  if (isStdin && (file === undefined || file === "-")) {
    throw new UsageError(
      "The passphrase cannot be had from where the archive comes from",
      "Name the archive's file instead of -, or give --passphrase-file FILE",
    );
  }
  const passphrase = await readPassphrase({ file, message: "Passphrase of the archive", isNew: false });
  return { accounts: await openArchive(source.text, passphrase, archiveCipher), skipped: [] };
}

/** Several places: one that cannot be read is left out, and does not cost the others. */
async function readPlaces(places: readonly Place[], options: SourceOptions): Promise<Found> {
  const found: Found = { accounts: [], skipped: [] };
  for (const { path, format } of places) {
    try {
      const source = await readPath(path, { ...options, format });
      if (source.type !== "reading") continue; // a store of another tool is no archive: `format` sees to that
      found.accounts.push(...source.reading.accounts);
      found.skipped.push(...source.reading.skipped.map((skip) => ({ ...skip, place: `${path}: ${skip.place}` })));
    } catch (cause) {
      const isExpected = cause instanceof UserError || cause instanceof GatewayError || cause instanceof DataFileError;
      if (!isExpected || places.length === 1) throw cause;
      found.skipped.push({ place: `${path}:`, reason: cause.message });
    }
  }
  return found;
}

function nothingFound(skipped: readonly Skipped[]): UserError {
  const [only, ...others] = skipped;
  if (only === undefined) {
    return new UserError("There is no refresh token in the input", {
      hint: "Expected one token a line, or JSON. See ag accounts import --help",
    });
  }
  if (others.length === 0) return new UserError(skipLine(only), { hint: "Nothing was imported" });
  return new UserError("Nothing was imported: no entry can be taken over", {
    hint: skipped.map(skipLine).join("\n    "),
  });
}

async function report({ added, updated, known, removed }: Imported, skipped: readonly Skipped[]): Promise<void> {
  const lines = [
    ...added.map((account) => `Added ${nameOf(account)}${stateNote(account)}`),
    ...updated.map((account) => `Updated ${nameOf(account)}${stateNote(account)}`),
  ];
  if (known.length > 0) lines.push(`Already known: ${known.map(({ handle }) => handle).join(", ")}`);
  lines.push(...skipped.map((skip) => `Left out: ${skipLine(skip)}`));
  if (removed.length > 0) {
    lines.push(
      `Left out, because you removed them: ${removed.join(", ")}. The same command with --again takes them back`,
    );
  }
  await print(lines.join("\n"));
}

function stateNote(account: Imported["added"][number]): string {
  const state = stateOf(account);
  return state === "ready" ? "" : `  (${state})`;
}

function skipLine({ place, email, reason }: Skipped): string {
  return plain(`${place}${email === undefined ? "" : ` (${email})`} ${reason}`);
}

function documentOf({ added, updated, known, removed }: Imported, skipped: readonly Skipped[]) {
  const view = (accounts: Imported["added"]) => accounts.map((account) => publicView(account));
  return { added: view(added), updated: view(updated), known: view(known), removed, skipped };
}
