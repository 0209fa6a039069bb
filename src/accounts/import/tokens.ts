import * as v from "valibot";
import { GatewayError } from "../../core/errors.ts";
import type { NewAccount } from "../../core/store.ts";
import { isNestedTooDeep, tryParseJson } from "../../lib/json.ts";
import { collapse, type Extras, NO_REFRESH_TOKEN, toAccount } from "./entry.ts";
import { faultOfForeign } from "./foreign.ts";

/**
 * Reads refresh tokens as people write them down: one a line (`#` starts a comment; `token|project|managed project` is
 * read), or as JSON: a string, an object, any nesting of arrays and `{ accounts: […] }`, one document or one a line.
 * Duplicates collapse. Throws `invalid-request` naming the place of what cannot be a refresh token, never its text.
 */
export function parseTokens(text: string): NewAccount[] {
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
  if (isNestedTooDeep(value)) throw refusal(place ?? "The input", "is nested too deep for a list of accounts");
  const entries = flatten(value);
  return entries.map((entry, index) => {
    const here =
      entries.length === 1 && place !== undefined ? place : [place, `Entry ${index + 1}`].filter(Boolean).join(", ");
    if (typeof entry === "string") return accountOf(entry, {}, here);
    const parsed = v.safeParse(entrySchema, entry);
    if (!parsed.success)
      throw refusal(here, "is not an account: a string or an object with a refresh token was expected");
    const foreign = faultOfForeign(entry);
    if (foreign !== undefined) throw refusal(here, foreign);
    const { token, email, label, name, ...fields } = parsed.output;
    const nested = typeof token === "object" && token !== null ? token : { refreshToken: token };
    const refreshToken = fields.refreshToken ?? fields.refresh_token ?? nested.refreshToken ?? nested.refresh_token;
    if (!refreshToken) throw refusal(here, NO_REFRESH_TOKEN);
    const projectId = fields.projectId ?? fields.project_id ?? fields.project ?? nested.project_id;
    return accountOf(refreshToken, { email, projectId, label: label ?? name }, here);
  });
}

/** The entries of a document, out of every array and `{ accounts: […] }` around them. */
export function flatten(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(flatten);
  const wrapper = v.safeParse(v.looseObject({ accounts: v.array(v.unknown()) }), value);
  return wrapper.success ? flatten(wrapper.output.accounts) : [value];
}

function accountOf(packed: string, extras: Extras, place: string): NewAccount {
  const verdict = toAccount(packed, extras);
  if ("fault" in verdict) throw refusal(place, verdict.fault);
  return verdict.account;
}

function refusal(place: string, fault: string): GatewayError {
  return new GatewayError("invalid-request", `${place} ${fault}`);
}

function unquote(line: string): string {
  return /^(["'`])(.*)\1$/.exec(line)?.[2]?.trim() ?? line;
}
