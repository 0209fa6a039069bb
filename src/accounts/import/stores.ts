import * as v from "valibot";
import { lenient } from "../../lib/schema.ts";
import {
  ACCESS_TOKEN_ONLY,
  type ImportFormat,
  NO_REFRESH_TOKEN,
  type Reading,
  toAccount,
  type Verdict,
} from "./entry.ts";
import { faultOfForeign, OTHER_PROVIDER } from "./foreign.ts";
import { flatten } from "./tokens.ts";

const text = lenient(v.pipe(v.string(), v.trim(), v.nonEmpty()));
const flag = lenient(v.boolean());

const DISABLED = "is disabled there";
const NO_ACCOUNT = "is not an account";

/**
 * The accounts in a document of one of the tools that keep JSON, an entry at a time: what cannot be taken over is left out
 * with its reason. `place` names the document where it holds one entry.
 */
export function readStore(format: ImportFormat, document: unknown, place?: string): Reading {
  const entries = flatten(document);
  const reading: Reading = { accounts: [], skipped: [] };
  entries.forEach((entry, index) => {
    const verdict = judge(format, entry);
    if ("account" in verdict) return reading.accounts.push(verdict.account);
    const number = `Entry ${index + 1}`;
    const here = place === undefined ? number : entries.length === 1 ? place : `${place}, ${number}`;
    const email = emailOf(entry);
    return reading.skipped.push({ place: here, ...(email !== undefined && { email }), reason: verdict.fault });
  });
  return reading;
}

function judge(format: ImportFormat, entry: unknown): Verdict {
  const foreign = faultOfForeign(entry);
  if (foreign !== undefined) return { fault: foreign };
  switch (format) {
    case "antigravity":
      return judgeApp(entry);
    case "antigravity-claude-proxy":
      return judgeProxy(entry);
    case "antigravity-manager":
      return judgeManager(entry);
    case "cliproxyapi":
      return judgeCliProxy(entry);
    default:
      return format satisfies never;
  }
}

/** The keyring entry of the app, and the file of its command line: `{ token: {…}, auth_method }`, in some versions flat. */
const appSchema = v.looseObject({
  token: lenient(v.looseObject({ access_token: text, refresh_token: text })),
  access_token: text,
  refresh_token: text,
});

function judgeApp(entry: unknown): Verdict {
  const parsed = v.safeParse(appSchema, entry);
  if (!parsed.success) return { fault: NO_ACCOUNT };
  const token = parsed.output.token ?? parsed.output;
  if (token.refresh_token === undefined) return { fault: token.access_token ? ACCESS_TOKEN_ONLY : NO_REFRESH_TOKEN };
  return toAccount(token.refresh_token);
}

const proxySchema = v.looseObject({
  email: text,
  source: text,
  provider: text,
  enabled: flag,
  refreshToken: text,
  apiKey: text,
  projectId: text,
  managedProjectId: text,
  subscription: lenient(v.looseObject({ projectId: text })),
});

function judgeProxy(entry: unknown): Verdict {
  const parsed = v.safeParse(proxySchema, entry);
  if (!parsed.success) return { fault: NO_ACCOUNT };
  const { email, source, provider, enabled, refreshToken, apiKey } = parsed.output;
  if (provider !== undefined && !isOurs(provider)) return { fault: OTHER_PROVIDER };
  if (enabled === false) return { fault: DISABLED };
  if (refreshToken === undefined) {
    if (source === "database")
      return { fault: "takes its token from the installed app: ag accounts import --from antigravity" };
    return { fault: apiKey === undefined ? NO_REFRESH_TOKEN : ACCESS_TOKEN_ONLY };
  }
  const { projectId, managedProjectId, subscription } = parsed.output;
  return toAccount(refreshToken, { email, projectId: projectId ?? managedProjectId ?? subscription?.projectId });
}

const managerSchema = v.looseObject({
  email: text,
  provider: text,
  custom_label: text,
  disabled: flag,
  proxy_disabled: flag,
  token: lenient(v.looseObject({ access_token: text, refresh_token: text, project_id: text, email: text })),
  /** Its own export is a flat list. */
  refresh_token: text,
});

function judgeManager(entry: unknown): Verdict {
  const parsed = v.safeParse(managerSchema, entry);
  if (!parsed.success) return { fault: NO_ACCOUNT };
  const { email, provider, custom_label: label, disabled, proxy_disabled: isOutOfUse, token } = parsed.output;
  if (provider !== undefined && !isOurs(provider)) return { fault: OTHER_PROVIDER };
  if (disabled || isOutOfUse) return { fault: DISABLED };
  const refreshToken = token?.refresh_token ?? parsed.output.refresh_token;
  if (refreshToken === undefined) return { fault: token?.access_token ? ACCESS_TOKEN_ONLY : NO_REFRESH_TOKEN };
  return toAccount(refreshToken, { email: email ?? token?.email, projectId: token?.project_id, label });
}

const cliProxySchema = v.looseObject({
  type: text,
  email: text,
  project_id: text,
  note: text,
  disabled: flag,
  access_token: text,
  refresh_token: text,
});

function judgeCliProxy(entry: unknown): Verdict {
  const parsed = v.safeParse(cliProxySchema, entry);
  if (!parsed.success) return { fault: NO_ACCOUNT };
  const { type, email, project_id: projectId, note, disabled } = parsed.output;
  if (type === undefined) return { fault: NO_ACCOUNT };
  if (!isOurs(type)) return { fault: OTHER_PROVIDER };
  if (disabled) return { fault: DISABLED };
  const { refresh_token: refreshToken, access_token: accessToken } = parsed.output;
  if (refreshToken === undefined) return { fault: accessToken ? ACCESS_TOKEN_ONLY : NO_REFRESH_TOKEN };
  return toAccount(refreshToken, { email, projectId, label: note });
}

function isOurs(provider: string): boolean {
  return /^(?:antigravity|google)$/i.test(provider);
}

function emailOf(entry: unknown): string | undefined {
  const parsed = v.safeParse(v.looseObject({ email: text }), entry);
  return parsed.success ? parsed.output.email : undefined;
}
