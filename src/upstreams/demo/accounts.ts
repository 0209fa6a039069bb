import type { NewAccount } from "../../core/store.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { DemoModel } from "./catalogue.ts";
import { demoQuota, type DemoQuota, type Remaining } from "./quota.ts";
import { invalidArgument, Refusal, unauthenticated } from "./refusal.ts";

const TOKEN_LIFETIME_SECONDS = 3599;
/** Conversations whose prompt an account still holds in its cache. */
const MAX_CACHED_SESSIONS = 256;

interface Sheet {
  account: NewAccount & { email: string };
  name: string;
  project: string;
  plan: "free" | "pro";
  /** Whether onboardUser must run before there is a project. */
  newcomer: boolean;
  /** What is left of each window when the demo starts. */
  remaining: Remaining;
}

/** People who do not exist. */
const SHEETS: readonly Sheet[] = [
  {
    account: { kind: "antigravity", secret: "1//demo-maple", email: "maple@example.com", label: "demo: free plan" },
    name: "Maple Demo",
    project: "demo-maple-7c1f2",
    plan: "free",
    newcomer: false,
    remaining: { gemini: { "5h": 0.86, weekly: 0.58 }, other: { "5h": 0.64, weekly: 0.41 } },
  },
  {
    account: { kind: "antigravity", secret: "1//demo-juniper", email: "juniper@example.com", label: "demo: pro plan" },
    name: "Juniper Demo",
    project: "demo-juniper-20b9d",
    plan: "pro",
    newcomer: false,
    remaining: { gemini: { "5h": 0.97, weekly: 0.92 }, other: { "5h": 0.91, weekly: 0.83 } },
  },
  {
    account: {
      kind: "antigravity",
      secret: "1//demo-willow",
      email: "willow@example.com",
      label: "demo: never used before",
    },
    name: "Willow Demo",
    project: "demo-willow-e4a60",
    plan: "free",
    newcomer: true,
    remaining: { gemini: { "5h": 1, weekly: 1 }, other: { "5h": 1, weekly: 1 } },
  },
];

export const demoAccounts: readonly NewAccount[] = SHEETS.map((sheet) => sheet.account);

/** One made-up account as the service sees it. */
export interface DemoAccount {
  /** Position in `demoAccounts`. */
  readonly index: number;
  readonly project: string;
  loadCodeAssist(): JsonObject;
  onboard(body: JsonObject): JsonObject;
  userinfo(): JsonObject;
  readonly quota: DemoQuota;
  /** Prompt tokens of this session and model served from the cache; remembers the new prompt for the next turn. */
  cachedTokens(model: DemoModel, sessionId: string | undefined, prefixTokens: number, promptTokens: number): number;
}

/** The OAuth side and the account side of the service. */
export interface DemoIdentity {
  accounts: readonly DemoAccount[];
  /** Answers the token endpoint. */
  token(form: URLSearchParams): Response;
  /** The account behind an `Authorization` header; throws the 401 of the service. */
  authenticate(authorization: string | null): DemoAccount;
}

export function demoIdentity(now: () => number, newId: () => string): DemoIdentity {
  const accounts = SHEETS.map((sheet, index) => demoAccount(sheet, index, now));
  const tokens = new Map<string, { account: DemoAccount; expiresAt: number }>();
  return {
    accounts,
    token(form) {
      if (form.get("grant_type") !== "refresh_token") {
        return oauthError("unsupported_grant_type", "The demo only refreshes its own accounts.");
      }
      const index = SHEETS.findIndex((sheet) => sheet.account.secret === form.get("refresh_token"));
      const account = accounts[index];
      if (!account) return oauthError("invalid_grant", "Token has been expired or revoked.");
      const time = now();
      for (const [token, { expiresAt }] of tokens) if (expiresAt <= time) tokens.delete(token);
      const accessToken = `ya29.demo-${index + 1}-${newId()}`;
      tokens.set(accessToken, { account, expiresAt: time + TOKEN_LIFETIME_SECONDS * 1000 });
      return Response.json({
        access_token: accessToken,
        expires_in: TOKEN_LIFETIME_SECONDS,
        scope: "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email",
        token_type: "Bearer",
      });
    },
    authenticate(authorization) {
      const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
      const grant = token === undefined ? undefined : tokens.get(token);
      if (!grant || grant.expiresAt <= now()) throw unauthenticated();
      return grant.account;
    },
  };
}

function oauthError(error: string, description: string): Response {
  return Response.json({ error, error_description: description }, { status: 400 });
}

function demoAccount(sheet: Sheet, index: number, now: () => number): DemoAccount {
  const { project, plan } = sheet;
  const quota = demoQuota(sheet.remaining, index + 1, now);
  const promptTokensBySession = new Map<string, number>();
  let isMember = !sheet.newcomer;

  return {
    index,
    project,
    loadCodeAssist() {
      const allowedTiers = [
        { id: "free-tier", name: "Antigravity", isDefault: true },
        { id: "standard-tier", name: "Standard", userDefinedCloudaicompanionProject: true },
      ];
      if (!isMember) return { allowedTiers };
      const currentTier = { id: "free-tier", name: "Antigravity", hasOnboardedPreviously: true };
      if (plan === "free") return { cloudaicompanionProject: project, currentTier, allowedTiers };
      return {
        // Upstream writes the project as a string or as this object; both occur in the demo.
        cloudaicompanionProject: { id: project, name: `projects/${project}` },
        currentTier,
        paidTier: {
          id: "g1-pro-tier",
          name: "Google AI Pro",
          availableCredits: [{ creditType: "GOOGLE_ONE_AI", creditAmount: "1200", minimumCreditAmountForUsage: "50" }],
        },
        allowedTiers,
      };
    },
    onboard(body) {
      const tier = body["tierId"] ?? body["tier_id"];
      if (tier !== "free-tier") throw invalidArgument(`Invalid tier: ${JSON.stringify(tier)}`);
      if (body["cloudaicompanionProject"] !== undefined) {
        throw new Refusal(400, "FAILED_PRECONDITION", "Precondition check failed.");
      }
      // Upstream takes its time; here somebody waits for the first answer.
      isMember = true;
      const name = `operations/demo-onboarding-${index + 1}`;
      return { name, done: true, response: { cloudaicompanionProject: { id: project, name: project } } };
    },
    userinfo() {
      return {
        id: `10000000000000000000${index + 1}`,
        email: sheet.account.email,
        verified_email: true,
        name: sheet.name,
      };
    },
    quota,
    cachedTokens(model, sessionId, prefixTokens, promptTokens) {
      if (sessionId === undefined) return 0;
      const key = `${model.id} ${sessionId}`;
      const earlier = promptTokensBySession.get(key) ?? 0;
      promptTokensBySession.delete(key); // so that the map stays in the order of use
      promptTokensBySession.set(key, promptTokens);
      const oldest = promptTokensBySession.keys().next();
      if (promptTokensBySession.size > MAX_CACHED_SESSIONS && !oldest.done) promptTokensBySession.delete(oldest.value);
      return Math.min(earlier, prefixTokens);
    },
  };
}
