import * as v from "valibot";
import { abortError } from "../../core/abort.ts";
import { GatewayError } from "../../core/errors.ts";
import { classifyDocument } from "../../gemini-wire/classify.ts";
import { googleUrl } from "../../gemini-wire/google-error.ts";
import type { JsonObject } from "../../lib/json.ts";
import { lenient } from "../../lib/schema.ts";
import { callForObject, type CallDeps } from "./call.ts";
import type { Hosts } from "./hosts.ts";

export interface ProjectDeps extends CallDeps {
  hosts: Hosts;
  /** The user's own choice for accounts that have no project. There is no built-in one. */
  fallbackProject?: string;
}

export interface DiscoveredProject {
  projectId: string;
  /** For display: "free", "pro", "ultra", or upstream's id. */
  tier?: string;
  /** The project is the configured fallback: not to be stored as the account's own. */
  isFallback?: true;
}

const POLLS = 10;
const POLL_MS = 3_000;

/**
 * The account's own project, set up first where the account has none yet. Throws GatewayError: `account-unusable` with
 * `needs-verification` or `no-project` where the owner must act.
 */
export async function discoverProject(
  deps: ProjectDeps,
  accessToken: string,
  signal: AbortSignal,
): Promise<DiscoveredProject> {
  const loaded = await load(deps, accessToken, signal);
  if (loaded === "policy-blocked") return withoutProject(deps, undefined, []);
  const tier = displayTier(loaded);
  refuseUnverified(loaded);
  const own = projectIdOf(loaded.cloudaicompanionProject);
  const projectId = own ?? (await onboard(deps, accessToken, loaded, signal));
  if (projectId === undefined) return withoutProject(deps, tier, loaded.ineligibleTiers);
  return tier === undefined ? { projectId } : { projectId, tier };
}

const Tier = v.looseObject({
  id: lenient(v.string()),
  name: lenient(v.string()),
  isDefault: lenient(v.boolean()),
  userDefinedCloudaicompanionProject: lenient(v.boolean()),
});
const IneligibleTier = v.looseObject({
  reasonCode: lenient(v.string()),
  reasonMessage: lenient(v.string()),
  validationUrl: lenient(v.string()),
});
const Project = v.union([v.string(), v.looseObject({ id: v.string() })]);
const Loaded = v.looseObject({
  cloudaicompanionProject: lenient(Project),
  currentTier: lenient(Tier),
  paidTier: lenient(Tier),
  allowedTiers: v.fallback(v.array(Tier), []),
  ineligibleTiers: v.fallback(v.array(IneligibleTier), []),
});
type Tier = v.InferOutput<typeof Tier>;
type IneligibleTier = v.InferOutput<typeof IneligibleTier>;
type Loaded = v.InferOutput<typeof Loaded>;

const Operation = v.looseObject({
  done: lenient(v.boolean()),
  error: lenient(v.looseObject({})),
  response: lenient(v.looseObject({ cloudaicompanionProject: lenient(Project) })),
});

const METADATA = { ideType: "ANTIGRAVITY" };

async function load(deps: ProjectDeps, accessToken: string, signal: AbortSignal): Promise<Loaded | "policy-blocked"> {
  try {
    return v.parse(Loaded, await call("loadCodeAssist", { metadata: METADATA }, deps, accessToken, signal));
  } catch (cause) {
    // A VPC perimeter hides the tiers but not the service: a project chosen by the user still works.
    if (
      cause instanceof GatewayError &&
      cause.detail.upstreamReason === "SECURITY_POLICY_VIOLATED" &&
      deps.fallbackProject
    ) {
      return "policy-blocked";
    }
    throw cause;
  }
}

function refuseUnverified({ currentTier, ineligibleTiers }: Loaded): void {
  const blocked = ineligibleTiers.find(({ reasonCode }) => reasonCode === "VALIDATION_REQUIRED");
  if (currentTier !== undefined || !blocked) return;
  const ownerUrl = googleUrl(blocked.validationUrl ?? "");
  throw new GatewayError("account-unusable", "Google asks the account's owner to verify the account", {
    accountProblem: "needs-verification",
    upstreamReason: "VALIDATION_REQUIRED",
    ...(ownerUrl !== undefined && { ownerUrl }),
  });
}

/** The project of a newly set up account; `undefined` when the set-up ended without one. */
async function onboard(
  deps: ProjectDeps,
  accessToken: string,
  { allowedTiers, currentTier }: Loaded,
  signal: AbortSignal,
): Promise<string | undefined> {
  const tier = allowedTiers.find(({ isDefault }) => isDefault) ?? currentTier ?? allowedTiers[0];
  const body: JsonObject = { tierId: tier?.id ?? "free-tier", metadata: METADATA };
  // A project on any other tier is refused: "Precondition Failed".
  if (tier?.userDefinedCloudaicompanionProject && deps.fallbackProject) {
    body["cloudaicompanionProject"] = deps.fallbackProject;
  }
  for (let poll = 1; ; poll++) {
    const answer = await call("onboardUser", body, deps, accessToken, signal);
    const operation = v.parse(Operation, answer);
    if (operation.error) throw accountScoped(classifyDocument(answer, deps.clock.now()));
    if (operation.done) return projectIdOf(operation.response?.cloudaicompanionProject);
    if (poll === POLLS) {
      throw new GatewayError(
        "unavailable",
        "Cloud Code is still setting up the account's project; try again in a minute",
      );
    }
    await deps.clock.sleep(POLL_MS, signal).catch(() => {
      throw abortError(signal);
    });
  }
}

function call(
  method: "loadCodeAssist" | "onboardUser",
  body: JsonObject,
  deps: ProjectDeps,
  accessToken: string,
  signal: AbortSignal,
): Promise<JsonObject> {
  const hosts = method === "loadCodeAssist" ? deps.hosts.load : deps.hosts.generate;
  const request = { hosts, method, accessToken, body: () => JSON.stringify(body) };
  return callForObject(request, signal, deps).catch((cause: unknown) => {
    throw cause instanceof GatewayError ? accountScoped(cause) : cause;
  });
}

/** Nothing here depends on a client's request: a refused request, project or model is trouble with the account's set-up. */
function accountScoped(error: GatewayError): GatewayError {
  switch (error.kind) {
    case "invalid-request":
    case "project-rejected":
      return noProject(`Cloud Code cannot set up a project for this account: ${error.message}`, error);
    case "model-missing":
    case "access-denied":
      return new GatewayError("unavailable", "Cloud Code does not answer for this account's project", error.detail, {
        cause: error,
      });
    default:
      return error;
  }
}

function withoutProject(
  { fallbackProject }: ProjectDeps,
  tier: string | undefined,
  ineligibleTiers: readonly IneligibleTier[],
): DiscoveredProject {
  if (fallbackProject) {
    return { projectId: fallbackProject, isFallback: true, ...(tier !== undefined && { tier }) };
  }
  const reasons = ineligibleTiers.map(({ reasonMessage, reasonCode }) => reasonMessage ?? reasonCode ?? "");
  const because = reasons.find((reason) => reason !== "");
  throw noProject(
    "The account has no Cloud Code project: finish the set-up in the Antigravity app or set cloudcode.fallbackProject" +
      (because === undefined ? "" : ` (Google says: ${because})`),
  );
}

function noProject(message: string, cause?: GatewayError): GatewayError {
  const { upstreamStatus, upstreamReason } = cause?.detail ?? {};
  return new GatewayError(
    "account-unusable",
    message,
    {
      accountProblem: "no-project",
      ...(upstreamStatus !== undefined && { upstreamStatus }),
      ...(upstreamReason !== undefined && { upstreamReason }),
    },
    { cause },
  );
}

function projectIdOf(project: v.InferOutput<typeof Project> | undefined): string | undefined {
  const id = typeof project === "string" ? project : project?.id;
  return id === undefined || id.trim() === "" ? undefined : id.trim();
}

function displayTier({ paidTier, currentTier, allowedTiers }: Loaded): string | undefined {
  const tier = [paidTier, currentTier, allowedTiers.find(({ isDefault }) => isDefault)].find(
    (one) => one?.id ?? one?.name,
  );
  if (!tier) return undefined;
  const words = `${tier.id ?? ""} ${tier.name ?? ""}`.toLowerCase();
  if (words.includes("ultra")) return "ultra";
  if (/standard-tier|\bpro\b|premium/.test(words)) return "pro";
  if (words.includes("free")) return "free";
  return tier.id ?? tier.name;
}
