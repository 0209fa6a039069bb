import type { NewAccount } from "../../core/store.ts";

/** The stores of other tools that can be read. The names are those of `--from`. */
export const IMPORT_FORMATS = [
  "antigravity",
  "antigravity-claude-proxy",
  "antigravity-manager",
  "cliproxyapi",
] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** An entry of another tool's store that cannot be taken over. */
export interface Skipped {
  /** "Entry 2", or the name of a file. */
  place: string;
  email?: string;
  /** The rest of the sentence that begins with the place. Never text of the entry. */
  reason: string;
}

export interface Reading {
  accounts: NewAccount[];
  skipped: Skipped[];
}

export type Verdict = { account: NewAccount } | { fault: string };

export type Extras = { [K in "email" | "projectId" | "label"]?: string | null | undefined };

/**
 * Projects that other tools fall back to when an account has none. They belong to somebody else: an account that came with
 * one of them has its own discovered.
 */
const SHARED_PROJECTS: ReadonlySet<string> = new Set(["rising-fact-p41fc", "bamboo-precept-lgxtn"]);

/**
 * The account of a refresh token as it was written down. Some tools keep `refreshToken|projectId|managedProjectId` in one
 * string; the user's own project counts first.
 */
export function toAccount(packed: string, extras: Extras = {}): Verdict {
  const [token = "", ...packedProjects] = packed.split("|").map((piece) => piece.trim());
  const secret = token.replaceAll(/%2f/gi, "/"); // copied out of a form body
  const fault = faultOf(secret);
  if (fault !== undefined) return { fault };
  const projects = [extras.projectId?.trim() ?? "", ...packedProjects];
  const projectId = projects.find((project) => project !== "" && !SHARED_PROJECTS.has(project));
  const email = extras.email?.trim();
  const label = extras.label?.trim();
  return {
    account: {
      kind: "antigravity",
      secret,
      ...(email && { email }),
      ...(projectId !== undefined && { projectId }),
      ...(label && { label }),
    },
  };
}

export const NO_REFRESH_TOKEN = "has no refresh token";
export const ACCESS_TOKEN_ONLY = "has an access token only, which is good for an hour; sign in with: ag accounts add";

/** What the text looks like instead of a refresh token, by the first rule that applies. */
const FAULTS: readonly [looksLike: RegExp, fault: string][] = [
  [/^$/, NO_REFRESH_TOKEN],
  [/^https?:/i, "looks like a web address, not like a refresh token"],
  [/^ya29\./, "looks like an access token, which is good for an hour only; a refresh token is needed"],
  [/^AIza/, "looks like an API key, not like a refresh token; keys are added with: ag accounts add --gemini-key"],
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

/** One account per secret. The first mention counts; later ones fill what it left open. */
export function collapse<Entry extends { secret: string }>(accounts: readonly Entry[]): Entry[] {
  const bySecret = new Map<string, Entry>();
  for (const account of accounts) bySecret.set(account.secret, { ...account, ...bySecret.get(account.secret) });
  return [...bySecret.values()];
}
