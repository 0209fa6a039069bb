import type { Account, AccountView, Cooldown } from "../../src/core/accounts.ts";
import type { Quota, QuotaBucket } from "../../src/core/quota.ts";
import type { ReportContext } from "../../src/limits/report.ts";

/** Thu 20 Aug 2026, 11:39:10 UTC. */
export const NOW = Date.UTC(2026, 7, 20, 11, 39, 10);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const context: ReportContext = {
  now: NOW,
  isOffered: (id) => !id.startsWith("chat_"),
  familyOf: (id) => (id.startsWith("claude") ? "claude" : id.startsWith("gpt") ? "gpt-oss" : "gemini"),
};

export interface ViewParts extends Partial<Account> {
  inFlight?: number;
  cooldowns?: Record<string, Partial<Cooldown>>;
  models?: Record<string, Quota | undefined>;
  buckets?: QuotaBucket[];
  readAt?: number;
}

/** An account of the pool; with `models` or `buckets` its quota has been read. */
export function view({
  inFlight = 0,
  cooldowns = {},
  models,
  buckets,
  readAt,
  ...account
}: ViewParts = {}): AccountView {
  const isRead = models !== undefined || buckets !== undefined;
  return {
    account: {
      id: "id-canary",
      handle: "a1",
      kind: "antigravity",
      email: "canary@example.com",
      secret: "1//test-canary",
      projectId: "project-canary",
      enabled: true,
      addedAt: 0,
      ...account,
    },
    inFlight,
    cooldowns: new Map(
      Object.entries(cooldowns).map(([model, cooldown]): [string, Cooldown] => [
        model,
        {
          kind: "quota-exhausted",
          since: NOW - MINUTE,
          until: NOW + HOUR,
          evidence: "429 QUOTA_EXHAUSTED",
          ...cooldown,
        },
      ]),
    ),
    ...(isRead && {
      quota: { readAt: readAt ?? NOW - 12_000, models: new Map(Object.entries(models ?? {})), buckets: buckets ?? [] },
    }),
  };
}

export function bucket(id: string, remainingFraction: number, resetAt?: number): QuotaBucket {
  const [prefix = "", window = ""] = id.split("-");
  return {
    id,
    window,
    remainingFraction,
    ...(resetAt !== undefined && { resetAt }),
    ...(prefix === "gemini" ? { group: "Gemini", covers: "gemini" } : { group: "Other models" }),
    ...(prefix === "3p" && { covers: "others" as const }),
  };
}
