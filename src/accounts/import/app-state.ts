import * as v from "valibot";
import { decodeBase64 } from "../../lib/data-url.ts";
import { tryParseJson } from "../../lib/json.ts";
import { ACCESS_TOKEN_ONLY, type Reading, toAccount } from "./entry.ts";
import { type BytesField, decodeText, readMessage, textOf } from "./protobuf.ts";

const KEYS = {
  oauthToken: "antigravityUnifiedStateSync.oauthToken",
  userStatus: "antigravityUnifiedStateSync.userStatus",
  enterprise: "antigravityUnifiedStateSync.enterprisePreferences",
  beforeTopics: "jetskiStateSync.agentManagerInitState",
  accessToken: "antigravityAuthStatus",
} as const;

/** The rows of `ItemTable` in the app's `state.vscdb` that `readAppState` wants. */
export const APP_STATE_KEYS: readonly string[] = Object.values(KEYS);

/**
 * The account that the installed app is signed in with. The newest of the app's three ways to keep it decides: what an older
 * version left behind may be another sign-in. Never throws.
 */
export function readAppState(items: ReadonlyMap<string, string>): Reading {
  const topic = items.get(KEYS.oauthToken);
  if (topic !== undefined) return readTopics(topic, items);
  const older = items.get(KEYS.beforeTopics);
  if (older !== undefined) return readBeforeTopics(older);
  const oldest = v.safeParse(v.looseObject({ apiKey: v.string() }), tryParseJson(items.get(KEYS.accessToken) ?? ""));
  if (oldest.success && oldest.output.apiKey !== "") return leftOut(ACCESS_TOKEN_ONLY);
  return leftOut("is not signed in; sign in there, or with: ag accounts add");
}

/** Versions from 1.16.5 on: a Topic each for the token, the user and the enterprise settings. */
function readTopics(topic: string, items: ReadonlyMap<string, string>): Reading {
  const tokens = findPayload(topic, "oauthTokenInfoSentinelKey", isTokenInfo);
  if (tokens === undefined) return leftOut(UNREADABLE);
  const user = findPayload(items.get(KEYS.userStatus) ?? "", "userStatusSentinelKey", hasText(USER.email, isEmail));
  const enterprise = findPayload(
    items.get(KEYS.enterprise) ?? "",
    "enterpriseGcpProjectId",
    hasText(ENTERPRISE.projectId, isProjectId),
  );
  return accountOf(tokens, {
    email: user && textOf(user, USER.email),
    projectId: enterprise && textOf(enterprise, ENTERPRISE.projectId),
  });
}

/** Versions before: one message that holds the token's and the e-mail. */
function readBeforeTopics(text: string): Reading {
  for (const bytes of spellings(text)) {
    const state = readMessage(bytes);
    const field = state?.findLast(({ number }) => number === BEFORE_TOPICS.tokenInfo);
    if (state === undefined || field === undefined) continue;
    const tokens = findMessage(field.bytes, isTokenInfo);
    if (tokens === undefined) continue;
    const email = textOf(state, BEFORE_TOPICS.email);
    return accountOf(tokens, { email: email !== undefined && isEmail(email) ? email : undefined });
  }
  return leftOut(UNREADABLE);
}

const PLACE = "The installed app";
const UNREADABLE = "keeps its sign-in in a way that cannot be read, or is signed out; sign in with: ag accounts add";

function leftOut(reason: string): Reading {
  return { accounts: [], skipped: [{ place: PLACE, reason }] };
}

function accountOf(
  tokens: readonly BytesField[],
  extras: { email?: string | undefined; projectId?: string | undefined },
) {
  const refreshToken = textOf(tokens, TOKEN_INFO.refresh) ?? "";
  if (refreshToken === "") return leftOut(ACCESS_TOKEN_ONLY);
  const verdict = toAccount(refreshToken, extras);
  return "fault" in verdict ? leftOut(UNREADABLE) : { accounts: [verdict.account], skipped: [] };
}

/** Field numbers. Topic { entries 1 }, Entry { key 1, row 2 }, Row { base64 of the payload 1 }. */
const ENTRY = { key: 1, row: 2 } as const;
const NESTED = 1;
const TOKEN_INFO = { access: 1, refresh: 3 } as const;
const USER = { email: 7 } as const;
const ENTERPRISE = { projectId: 3 } as const;
const BEFORE_TOPICS = { email: 2, tokenInfo: 6 } as const;

type Test = (message: readonly BytesField[]) => boolean;

/** Rows and entries are one level deeper than they should be where third-party writers made them. */
const DEEPEST_LEVEL = 4;

/**
 * The payload under the key: never by position, for a Topic may hold several entries. Of several under one key the last
 * counts, as it does for the app.
 */
function findPayload(topic: string, key: string, test: Test): BytesField[] | undefined {
  for (const bytes of spellings(topic)) {
    const payloads = rowsUnder(bytes, key).flatMap((row) => {
      const payload = findMessage(row, test);
      return payload === undefined ? [] : [payload];
    });
    if (payloads.length > 0) return payloads.at(-1);
  }
  return undefined;
}

function rowsUnder(bytes: Uint8Array, key: string, level = 0): Uint8Array[] {
  const fields = readMessage(bytes);
  if (fields === undefined) return [];
  if (textOf(fields, ENTRY.key) === key) {
    return fields.flatMap((field) => (field.number === ENTRY.row ? [field.bytes] : []));
  }
  if (level === DEEPEST_LEVEL) return [];
  return fields.flatMap((field) => (field.number === NESTED ? rowsUnder(field.bytes, key, level + 1) : []));
}

/** The message that passes the test: the bytes themselves, what they are base64 of, or what field 1 of either holds. */
function findMessage(bytes: Uint8Array, test: Test, level = 0): BytesField[] | undefined {
  for (const spelling of [bytes, ...spellings(decodeText(bytes) ?? "")]) {
    const fields = readMessage(spelling);
    if (fields === undefined || fields.length === 0) continue;
    if (test(fields)) return fields;
    if (level === DEEPEST_LEVEL) continue;
    for (const field of fields) {
      const found = field.number === NESTED ? findMessage(field.bytes, test, level + 1) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The bytes that a text is base64 of, in the standard or the url-safe alphabet, padded or not. */
function spellings(text: string): Uint8Array[] {
  const clean = text.trim();
  if (!/^[\w+/-]+={0,2}$/.test(clean)) return [];
  const digits = clean.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = decodeBase64(digits.padEnd(Math.ceil(digits.length / 4) * 4, "="));
  return bytes === undefined ? [] : [bytes];
}

/** An access token alone counts too: what it lacks is worth a sentence of its own. */
function isTokenInfo(message: readonly BytesField[]): boolean {
  const refresh = textOf(message, TOKEN_INFO.refresh);
  if (refresh !== undefined && refresh !== "") return !("fault" in toAccount(refresh));
  return textOf(message, TOKEN_INFO.access)?.startsWith("ya29.") === true;
}

function hasText(number: number, isIt: (text: string) => boolean): Test {
  return (message) => {
    const text = textOf(message, number);
    return text !== undefined && isIt(text);
  };
}

function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text);
}

/** A project's id; the number of one is refused upstream. */
function isProjectId(text: string): boolean {
  return /^[a-z][a-z0-9.:-]*$/.test(text);
}
