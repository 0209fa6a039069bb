import * as v from "valibot";
import { GatewayError } from "../core/errors.ts";
import type { NewAccount } from "../core/store.ts";
import { tryParseJson } from "../lib/json.ts";

/**
 * Reads refresh tokens as people and other tools write them down: one a line (`#` starts a comment; `token|project|managed
 * project` is read), or as JSON: a string, an object, any nesting of arrays and `{ accounts: […] }`, one document or one
 * a line. Duplicates collapse. Throws `invalid-request` naming the place of what cannot be a refresh token, never its text.
 */
export function parseAccounts(text: string): NewAccount[] {
  const document = text.replace(/^\uFEFF/, "").trim();
  const whole = /^[[{"]/.test(document) ? tryParseJson(document) : undefined;
  return collapse(whole === undefined ? accountsOfLines(text.replace(/^\uFEFF/, "")) : accountsOfJson(whole));
}

function accountsOfLines(text: string): NewAccount[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, index) => {
    const place = `Line ${index + 1}`;
    const content = line
      .replace(/(^|\s)#.*$/, "")
      .trim()
      .replace(/,$/, "");
    if (content === "") return [];
    if (/^[[{]/.test(content)) {
      const value = tryParseJson(content);
      if (value === undefined) throw refusal(place, "looks like the start of JSON that cannot be read");
      return accountsOfJson(value, place);
    }
    return [accountOf(unquote(content), {}, place)];
  });
}

const text = v.optional(v.nullable(v.string()));

/** The spellings of the tools that keep such files. */
const entrySchema = v.looseObject({
  refreshToken: text,
  refresh_token: text,
  token: v.optional(
    v.nullable(v.union([v.string(), v.looseObject({ refresh_token: text, refreshToken: text, project_id: text })])),
  ),
  email: text,
  projectId: text,
  project_id: text,
  project: text,
  label: text,
  name: text,
});

function accountsOfJson(value: unknown, place?: string): NewAccount[] {
  const entries = flatten(value);
  return entries.map((entry, index) => {
    const here =
      entries.length === 1 && place !== undefined ? place : [place, `Entry ${index + 1}`].filter(Boolean).join(", ");
    if (typeof entry === "string") return accountOf(entry, {}, here);
    const parsed = v.safeParse(entrySchema, entry);
    if (!parsed.success)
      throw refusal(here, "is not an account: a string or an object with a refresh token was expected");
    const { token, email, label, name, ...fields } = parsed.output;
    const nested = typeof token === "object" && token !== null ? token : { refreshToken: token };
    const refreshToken = fields.refreshToken ?? fields.refresh_token ?? nested.refreshToken ?? nested.refresh_token;
    if (!refreshToken) throw refusal(here, "has no refresh token");
    const projectId = fields.projectId ?? fields.project_id ?? fields.project ?? nested.project_id;
    return accountOf(refreshToken, { email, projectId, label: label ?? name }, here);
  });
}

/** The entries of a document, out of every array and `{ accounts: […] }` around them. */
function flatten(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(flatten);
  const wrapper = v.safeParse(v.looseObject({ accounts: v.array(v.unknown()) }), value);
  return wrapper.success ? flatten(wrapper.output.accounts) : [value];
}

type Extras = { [K in "email" | "projectId" | "label"]?: string | null | undefined };

/** Some tools keep `refreshToken|projectId|managedProjectId` in one string; the user's own project counts first. */
function accountOf(packed: string, extras: Extras, place: string): NewAccount {
  const [token = "", ...projects] = packed.split("|").map((piece) => piece.trim());
  const refreshToken = token.replaceAll(/%2f/gi, "/"); // copied out of a form body
  const fault = faultOf(refreshToken);
  if (fault !== undefined) throw refusal(place, fault);
  const projectId = extras.projectId?.trim() || projects.find((project) => project !== "");
  const email = extras.email?.trim();
  const label = extras.label?.trim();
  return { refreshToken, ...(email && { email }), ...(projectId && { projectId }), ...(label && { label }) };
}

/** What the text looks like instead of a refresh token, by the first rule that applies. */
const FAULTS: readonly [looksLike: RegExp, fault: string][] = [
  [/^$/, "has no refresh token"],
  [/^https?:/i, "looks like a web address, not like a refresh token"],
  [/^ya29\./, "looks like an access token, which is good for an hour only; a refresh token is needed"],
  [/^AIza/, "looks like an API key, not like a refresh token"],
  [/^sk-/, "looks like an API key, not like a refresh token"],
  [/^eyJ/, "looks like an identity token (JWT), not like a refresh token"],
  [/^GOCSPX-/, "looks like an OAuth client secret, not like a refresh token"],
  [/^4\//, "looks like a one-time sign-in code; sign in with it, or give the refresh token"],
  [/^[^\s/]+@[^\s/]+$/, "looks like an e-mail address, not like a refresh token"],
  [/\s/, "contains spaces; a refresh token has none"],
  [/[^\x21-\x7e]/, "contains characters that no refresh token has"],
  [/^.{0,9}$/, "is too short for a refresh token"],
  [/^.{2049,}$/, "is too long for a refresh token, which has 2048 characters at most"],
];

function faultOf(token: string): string | undefined {
  return FAULTS.find(([looksLike]) => looksLike.test(token))?.[1];
}

function refusal(place: string, fault: string): GatewayError {
  return new GatewayError("invalid-request", `${place} ${fault}`);
}

function unquote(line: string): string {
  return /^(["'`])(.*)\1$/.exec(line)?.[2]?.trim() ?? line;
}

/** The first mention counts; later ones fill what it left open. */
function collapse(accounts: readonly NewAccount[]): NewAccount[] {
  const byToken = new Map<string, NewAccount>();
  for (const account of accounts) {
    byToken.set(account.refreshToken, { ...account, ...byToken.get(account.refreshToken) });
  }
  return [...byToken.values()];
}
