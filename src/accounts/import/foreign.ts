import { isJsonObject } from "../../lib/json.ts";

/** What CLIProxyAPI writes as `type` of the sign-ins that are not Antigravity's. */
const OTHER_PROVIDERS: ReadonlySet<unknown> = new Set([
  "aistudio",
  "claude",
  "cline",
  "codex",
  "copilot",
  "empty",
  "gemini",
  "gemini-cli",
  "github-copilot",
  "grok",
  "iflow",
  "kimi",
  "kiro",
  "qwen",
  "vertex",
  "xai",
]);

export const OTHER_PROVIDER = "is a sign-in of another provider";

const OTHER_CLIENT =
  "is the sign-in of another program, and a refresh token works only with the OAuth client that it was made for; sign in with: ag accounts add";

/** Why a sign-in that carries a refresh token is none of Antigravity's, as far as that can be seen. */
export function faultOfForeign(entry: unknown): string | undefined {
  if (!isJsonObject(entry)) return undefined;
  if (OTHER_PROVIDERS.has(entry.type)) return OTHER_PROVIDER;
  if (entry.type === "authorized_user" || entry.type === "service_account") return OTHER_CLIENT;
  return isGeminiCli(entry) ? OTHER_CLIENT : undefined;
}

/** ~/.gemini/oauth_creds.json. Antigravity's own sign-ins name two scopes that Gemini CLI's never do. */
function isGeminiCli({ expiry_date: expiry, scope }: { [key: string]: unknown }): boolean {
  return (
    typeof expiry === "number" && typeof scope === "string" && !/\/auth\/(?:cclog|experimentsandconfigs)\b/.test(scope)
  );
}
