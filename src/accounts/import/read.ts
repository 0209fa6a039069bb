import { GatewayError } from "../../core/errors.ts";
import type { NewAccount } from "../../core/store.ts";
import { decodeBase64 } from "../../lib/data-url.ts";
import { isJsonObject, isNestedTooDeep, type JsonObject, tryParseJson } from "../../lib/json.ts";
import { collapse, type ImportFormat, type Reading } from "./entry.ts";
import { faultOfForeign } from "./foreign.ts";
import { decodeText } from "./protobuf.ts";
import { readStore } from "./stores.ts";
import { parseTokens } from "./tokens.ts";

/**
 * The accounts in a text: refresh tokens, of which one that is bad refuses all, or the store of another tool, told by its
 * structure, whose unusable entries are left out. With `expected`, only a store of that tool will do. Throws
 * `invalid-request`, without a word of the text.
 */
export function readAccounts(text: string, expected?: ImportFormat): Reading {
  const plain = unwrapped(text);
  const document = tryParseJson(plain);
  const found = kindOf(document);
  if (found === "manager-index") throw refusal(INDEX_HOLDS_NO_TOKENS);
  if (found === "foreign") throw refusal(`The input ${faultOfForeign(document)}`);
  if (found === "tokens" || document === undefined) {
    if (expected === undefined) return { accounts: parseTokens(plain), skipped: [] };
    if (document === undefined || isNestedTooDeep(document)) throw refusal(`The input is no store of ${expected}`);
    return collapsed(readStore(expected, document));
  }
  if (expected !== undefined && expected !== found) {
    throw refusal(`The input is a store of ${found}, not of ${expected}`);
  }
  return collapsed(readStore(found, document));
}

export interface StoreFile {
  name: string;
  text: string;
}

/**
 * The accounts in the files of a folder, one or more each. Where the list of antigravity-manager is among them, what it does
 * not name was deleted there and stays out. Never throws.
 */
export function readFolder(files: readonly StoreFile[], expected?: ImportFormat): Reading {
  const parsed = files.map(({ name, text }) => ({ name, document: tryParseJson(unwrapped(text)) }));
  const listed = listedIds(parsed.map(({ document }) => document));
  const readings = parsed.map(({ name, document }): Reading => {
    const out = (reason: string): Reading => ({ accounts: [], skipped: [{ place: name, reason }] });
    if (document === undefined || isNestedTooDeep(document)) return out("is not JSON that can be read");
    const found = kindOf(document);
    if (found === "manager-index") return { accounts: [], skipped: [] };
    if (found === "tokens" || (expected !== undefined && found !== expected && found !== "foreign")) {
      return out(`is not an account of ${expected ?? "a tool that is known"}`);
    }
    if (found === "antigravity-manager" && listed !== undefined && !listed.has(idOf(document))) {
      return out("is not in that tool's own list of accounts any more");
    }
    return readStore(found === "foreign" ? "antigravity" : found, document, name);
  });
  return collapsed({
    accounts: readings.flatMap(({ accounts }) => accounts),
    skipped: readings.flatMap(({ skipped }) => skipped),
  });
}

/** Whether the text is the list of accounts of antigravity-manager, whose tokens stand in a file each beside it. */
export function isManagerIndex(text: string): boolean {
  return kindOf(tryParseJson(text)) === "manager-index";
}

const INDEX_HOLDS_NO_TOKENS =
  "The input is antigravity-manager's list of accounts, which holds no tokens; give its folder instead, ~/.antigravity_tools";

type Kind = ImportFormat | "manager-index" | "foreign" | "tokens";

/** What a document is, by members that no other one has. */
function kindOf(document: unknown): Kind {
  if (!isJsonObject(document)) return "tokens";
  const { type, token, accounts } = document;
  if (type === "antigravity") return "cliproxyapi";
  if (faultOfForeign(document) !== undefined) return "foreign";
  if (isJsonObject(token)) {
    if ("auth_method" in document) return "antigravity";
    if ("id" in document && "refresh_token" in token) return "antigravity-manager";
  }
  if (!Array.isArray(accounts)) return "tokens";
  if (accounts.every(isIndexEntry) && ("current_account_id" in document || accounts.length > 0)) return "manager-index";
  return "activeIndex" in document || "settings" in document ? "antigravity-claude-proxy" : "tokens";
}

function isIndexEntry(entry: unknown): boolean {
  return isJsonObject(entry) && "id" in entry && "created_at" in entry && !hasToken(entry);
}

function hasToken(entry: JsonObject): boolean {
  return "token" in entry || "refresh_token" in entry || "refreshToken" in entry;
}

/** The ids that the first list names; none when there is no list or it names nobody, as after the list was lost. */
function listedIds(documents: readonly unknown[]): ReadonlySet<unknown> | undefined {
  for (const document of documents) {
    if (kindOf(document) !== "manager-index" || !isJsonObject(document) || !Array.isArray(document.accounts)) continue;
    if (document.accounts.length > 0) return new Set(document.accounts.map(idOf));
  }
  return undefined;
}

function idOf(entry: unknown): unknown {
  return isJsonObject(entry) ? entry.id : undefined;
}

const KEYRING_PREFIX = "go-keyring-base64:";

/** Without a byte order mark and without the wrapping that the keyring of macOS may have put around a value. */
function unwrapped(text: string): string {
  const bare = text.replace(/^\uFEFF/, "");
  const trimmed = bare.trim();
  if (!trimmed.startsWith(KEYRING_PREFIX)) return bare;
  const bytes = decodeBase64(trimmed.slice(KEYRING_PREFIX.length));
  return (bytes && decodeText(bytes)) ?? bare;
}

function collapsed({ accounts, skipped }: Reading): Reading {
  return { accounts: collapse<NewAccount>(accounts), skipped };
}

function refusal(message: string): GatewayError {
  return new GatewayError("invalid-request", message);
}
