import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { checkProject } from "./rules-envelope.ts";
import { checkTransport, type TransportContext } from "./rules-transport.ts";
import { firstRefusal, googleError, refuse, Refused, type Refusal } from "./refusal.ts";
import { LOAD_CODE_ASSIST, ONBOARD_USER, PROJECT_ONLY } from "./wire-messages.ts";
import { readMessage, type MessageShape } from "./wire-shape.ts";
import type { ServedModel } from "./model-table.ts";
import { BUCKETS, type BucketId, type ServedAccount, type World } from "./world.ts";

export type MethodResult = { body: JsonObject; account: ServedAccount } | { refusal: Refusal };

/** The methods about accounts, by name; each checks its own body. */
export const ACCOUNT_METHODS: ReadonlySet<string> = new Set([
  "loadCodeAssist",
  "onboardUser",
  "fetchAvailableModels",
  "retrieveUserQuotaSummary",
]);

export interface AccountMethodContext extends TransportContext {
  world: World;
  /** onboardUser calls per e-mail so far. */
  onboardings: Map<string, number>;
}

export function answerAccountMethod(method: string, body: unknown, context: AccountMethodContext): MethodResult {
  let result: MethodResult | undefined;
  const refusal = firstRefusal(() => {
    const account = checkTransport(context);
    result = { account, body: answer(method, body, account, context) };
  });
  if (refusal) return { refusal };
  if (!result) throw new Error("a method without refusal answers");
  return result;
}

function answer(method: string, body: unknown, account: ServedAccount, context: AccountMethodContext): JsonObject {
  switch (method) {
    case "loadCodeAssist":
      return loadCodeAssist(read(LOAD_CODE_ASSIST, body), account);
    case "onboardUser":
      return onboardUser(read(ONBOARD_USER, body), account, context);
    case "fetchAvailableModels":
      return fetchAvailableModels(read(PROJECT_ONLY, body), account, context.world);
    default:
      return quotaSummary(read(PROJECT_ONLY, body), account, context.world);
  }
}

function read(shape: MessageShape, body: unknown): JsonObject {
  if (!isJsonObject(body)) refuse("not-an-object", "Invalid JSON payload received. Expected an object.");
  return readMessage(shape, body, "");
}

/** `paidTier` ids are no onboarding tiers and are not in here. */
const ALLOWED_TIERS: JsonObject[] = [
  { id: "free-tier", name: "Antigravity", isDefault: true },
  { id: "standard-tier", name: "Gemini Code Assist", userDefinedCloudaicompanionProject: true },
];

function loadCodeAssist(body: JsonObject, account: ServedAccount): JsonObject {
  if (!isJsonObject(body["metadata"]) || body["metadata"]["ideType"] === undefined) {
    refuse("metadata-missing", "metadata.ide_type is required.");
  }
  if (account.validationUrl !== undefined) {
    return {
      allowedTiers: ALLOWED_TIERS,
      ineligibleTiers: [
        {
          reasonCode: "VALIDATION_REQUIRED",
          reasonMessage: "Verify your account",
          tierId: "standard-tier",
          validationUrl: account.validationUrl,
          validationLearnMoreUrl: "https://support.google.com/accounts?p=al_alert",
        },
      ],
    };
  }
  const answered: JsonObject = { allowedTiers: ALLOWED_TIERS };
  if (account.project === undefined) return answered;
  answered["cloudaicompanionProject"] = account.projectAsObject
    ? { id: account.project, name: account.project, projectNumber: "1234567890" }
    : account.project;
  answered["currentTier"] = { id: account.tier ?? "free-tier", name: "Antigravity", hasOnboardedPreviously: true };
  if (account.paidTier !== undefined) {
    const credit = { creditType: "GOOGLE_ONE_AI", creditAmount: String(account.credits ?? 0) };
    answered["paidTier"] = {
      id: account.paidTier,
      name: "Google AI Pro",
      availableCredits: [{ ...credit, minimumCreditAmountForUsage: "50" }],
    };
  }
  return answered;
}

function onboardUser(body: JsonObject, account: ServedAccount, context: AccountMethodContext): JsonObject {
  const tier = ALLOWED_TIERS.find(({ id }) => id === body["tierId"]);
  if (!tier && body["tierId"] !== "legacy-tier")
    refuse("onboard-tier", `Invalid tier_id: '${String(body["tierId"])}'.`);
  const takesProject = tier?.["userDefinedCloudaicompanionProject"] === true;
  if (body["cloudaicompanionProject"] !== undefined && !takesProject) {
    throw new Refused({
      rule: "onboard-project",
      status: 400,
      body: googleError(400, "Precondition check failed.", undefined, "FAILED_PRECONDITION"),
    });
  }
  if (!isJsonObject(body["metadata"])) refuse("metadata-missing", "metadata is required.");
  return onboardingState(account, context);
}

/** The long-running operation, counted on by each call; also what GET of the operation answers. */
export function onboardingState(account: ServedAccount, context: AccountMethodContext): JsonObject {
  const done = context.onboardings.get(account.email) ?? 0;
  context.onboardings.set(account.email, done + 1);
  const name = `operations/onboard-${context.world.accounts.indexOf(account) + 1}`;
  if (done < (account.onboardingPolls ?? 1)) return { name, done: false };
  account.project ??= `onboarded-project-${context.world.accounts.indexOf(account) + 1}`;
  return {
    name,
    done: true,
    response: {
      "@type": "type.googleapis.com/google.internal.cloud.code.v1internal.OnboardUserResponse",
      cloudaicompanionProject: { id: account.project, name: account.project, projectNumber: "1234567890" },
    },
  };
}

/** Without a project every quota looks full, however used up it is. */
function fetchAvailableModels(body: JsonObject, account: ServedAccount, world: World): JsonObject {
  const project = checkOptionalProject(body, account, world);
  const served = [...world.models.values()].filter((model) => account.models?.includes(model.id) ?? true);
  const catalogue = Object.fromEntries(
    served.map((model) => [model.id, catalogueEntry(model, project === undefined ? undefined : account)]),
  );
  const internal: JsonObject = { quotaInfo: { remainingFraction: 1 }, isInternal: true };
  return {
    models: { ...catalogue, chat_20706: internal, tab_flash_lite_preview: internal },
    webSearchModelIds: ["gemini-2.5-flash"],
    deprecatedModelIds: {
      "gemini-3-pro-high": { newModelId: "gemini-pro-agent" },
      "gemini-3.1-pro-high": { newModelId: "gemini-pro-agent" },
    },
  };
}

function catalogueEntry(model: ServedModel, account: ServedAccount | undefined): JsonObject {
  const quota = account?.quota?.[model.id] ?? { remainingFraction: 1 };
  const entry: JsonObject = {
    displayName: model.displayName,
    maxTokens: model.contextTokens,
    maxOutputTokens: model.maxOutputTokens,
    recommended: true,
    quotaInfo: { resetTime: "2027-01-01T05:00:00Z", ...quota },
  };
  if (model.media.length > 0) {
    entry["supportsImages"] = true;
    entry["supportedMimeTypes"] = Object.fromEntries(model.media.map((type) => [type, true]));
  }
  if (model.thinking) {
    entry["supportsThinking"] = true;
    entry["thinkingBudget"] = model.thinking.native;
  }
  return entry;
}

const BUCKET_RESETS: Readonly<Record<BucketId, string>> = {
  "gemini-5h": "2027-01-01T05:00:00Z",
  "gemini-weekly": "2027-01-07T00:00:00Z",
  "3p-5h": "2027-01-01T05:00:00Z",
  "3p-weekly": "2027-01-07T00:00:00Z",
};

/** As with the catalogue: without a project every window looks full. */
function quotaSummary(body: JsonObject, account: ServedAccount, world: World): JsonObject {
  const project = checkOptionalProject(body, account, world);
  const buckets = (prefix: string): JsonObject[] =>
    BUCKETS.filter((id) => id.startsWith(prefix)).map((bucketId) => ({
      bucketId,
      window: bucketId.slice(prefix.length),
      resetTime: BUCKET_RESETS[bucketId],
      ...((project === undefined ? undefined : account.buckets?.[bucketId]) ?? { remainingFraction: 1 }),
    }));
  return {
    groups: [
      { displayName: "Gemini", buckets: buckets("gemini-") },
      { displayName: "Other models", buckets: buckets("3p-") },
    ],
  };
}

function checkOptionalProject(body: JsonObject, account: ServedAccount, world: World): string | undefined {
  const project = body["project"];
  if (typeof project !== "string") return undefined;
  checkProject(project, { account, projectExists: (id) => world.accounts.some((other) => other.project === id) });
  return project;
}
