import type { Repair } from "../core/errors.ts";
import type { ModelProfile, ThinkingRange } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { Effort, ThinkingRequest } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";

/** What to tell upstream about thinking. `unsaid`: nothing, the model does as it is made. */
export type ThinkingPlan =
  | { type: "unsaid" }
  /** As little as the model allows, and none of it shown. */
  | { type: "least"; budget: number }
  /** `level`: the client named one that this model takes; the budget is what it comes to. */
  | { type: "on"; budget: number; level?: ThinkingLevel };

type ThinkingLevel = "minimal" | "low" | "medium" | "high";

const UNSAID: ThinkingPlan = { type: "unsaid" };

const EFFORT_BUDGETS: Record<Effort, number> = {
  minimal: 512,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 128_000,
};

const EFFORT_LEVELS: Record<Effort, ThinkingLevel> = {
  minimal: "minimal",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
};

/** Anthropic's own floor, whatever the catalogue says. */
const CLAUDE_LEAST_BUDGET = 1024;
/** What is left for the answer when a budget must be lowered to leave anything at all. */
const ANSWER_ROOM = 8192;

/** `outputLimit` is the client's, thinking included; it bounds a budget that the client has left to us. */
export function planThinking(
  asked: ThinkingRequest | undefined,
  outputLimit: number | undefined,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
  losses: Loss[],
): ThinkingPlan {
  if (!asked) return UNSAID;
  const { family, thinking: range } = model;
  const off = asked.type === "off" || (asked.type === "budget" && asked.tokens === 0);
  if (!range || family === "gpt-oss") {
    if (asked.type === "budget" && !off) lose(losses, `${model.displayName} takes no thinking budget`);
    return UNSAID;
  }
  if (isRefused(model, repairs)) {
    if (!off) lose(losses, "upstream refused it for this conversation");
    return UNSAID;
  }
  if (off) {
    // Claude does not think unless told to; Gemini does unless told not to.
    if (family === "claude") return UNSAID;
    if (!range.zeroAllowed)
      lose(losses, `${model.displayName} cannot be kept from thinking; it thinks as little as it can`);
    return { type: "least", budget: range.zeroAllowed ? 0 : range.min };
  }
  const budget = Math.min(Math.max(wantedBudget(asked, range, outputLimit), leastBudget(model)), range.max);
  if (asked.type === "budget" && asked.tokens > 0 && asked.tokens !== budget) {
    lose(losses, `a budget of ${asked.tokens} tokens became ${budget}, the nearest ${model.displayName} takes`);
  }
  const level = asked.type === "effort" && asked.asLevel && takesLevel(model);
  return level ? { type: "on", budget, level: levelFor(EFFORT_LEVELS[asked.effort], model) } : { type: "on", budget };
}

/**
 * Upstream counts thinking as output and refuses a limit that leaves nothing beyond the budget. The client's limit
 * stands where it can; else it is raised by the budget, else the budget lowered, else thinking given up.
 */
export function fitOutputLimit(
  plan: ThinkingPlan,
  asked: number | undefined,
  model: ModelProfile,
  losses: Loss[],
): { plan: ThinkingPlan; maxOutputTokens: number | undefined } {
  const most = model.maxOutputTokens;
  const wanted = asked === undefined || !(asked >= 1) ? undefined : Math.min(Math.floor(asked), most);
  if (plan.type === "unsaid" || plan.budget === 0) {
    if (asked !== undefined && asked > most) loseLimit(losses, most, model);
    return { plan, maxOutputTokens: wanted };
  }
  const { budget } = plan;
  // Claude needs the limit spelled out to think at all.
  const standing = wanted ?? (model.family === "claude" ? most : undefined);
  if ((standing ?? most) > budget) {
    if (asked !== undefined && asked > most) loseLimit(losses, most, model);
    return { plan, maxOutputTokens: standing };
  }
  const raised = Math.min(most, budget + (wanted ?? 0));
  if (raised > budget) {
    losses.push({ field: "max_tokens", why: `raised to ${raised} to hold the thinking budget of ${budget}` });
    return { plan, maxOutputTokens: raised };
  }
  const least = leastBudget(model);
  const lowered = Math.max(most - ANSWER_ROOM, Math.min(least, most - 1));
  if (lowered < least) {
    lose(losses, `${model.displayName} writes at most ${most} tokens, too few to think first`);
    return { plan: UNSAID, maxOutputTokens: wanted };
  }
  lose(losses, `the budget was lowered to ${lowered} to leave room for the answer`);
  return {
    plan: { ...plan, budget: lowered },
    maxOutputTokens: wanted === undefined && model.family !== "claude" ? undefined : most,
  };
}

/** Exactly one of budget and level; `includeThoughts` only with thinking that is wanted, for alone it turns thinking on. */
export function thinkingConfig(
  plan: ThinkingPlan,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
): JsonObject | undefined {
  if (plan.type === "unsaid") return undefined;
  const named = plan.type === "on" ? plan.level : undefined;
  const other = repairs.has("thinking-other-form");
  const level = other ? (named === undefined && takesLevel(model) ? levelOf(plan.budget, model) : undefined) : named;
  const amount: JsonObject = level === undefined ? { thinkingBudget: plan.budget } : { thinkingLevel: level };
  return plan.type === "on" ? { includeThoughts: true, ...amount } : amount;
}

function isRefused({ family }: ModelProfile, repairs: ReadonlySet<Repair>): boolean {
  if (repairs.has("thinking-config-off")) return true;
  return family === "claude" && repairs.has("drop-thinking");
}

/** Beside an id that fixes how much the model thinks ("…-low", "…-agent") a level is refused, as by older models. */
function takesLevel({ id, generation }: ModelProfile): boolean {
  return generation === "gemini-3" && !/-(?:agent|extra-low|low|medium|high|minimal)$/.test(id);
}

function wantedBudget(asked: ThinkingRequest, range: ThinkingRange, outputLimit: number | undefined): number {
  switch (asked.type) {
    case "budget":
      // Negative is Gemini's "as you see fit", which not every model takes literally.
      return asked.tokens > 0 ? Math.floor(asked.tokens) : within(outputLimit, range.default);
    case "effort":
      return within(outputLimit, EFFORT_BUDGETS[asked.effort]);
    case "adaptive":
    case "off":
      return within(outputLimit, range.default);
    default:
      return asked satisfies never;
  }
}

/** A budget that nobody named in tokens leaves room for the answer within the client's limit instead of raising it. */
function within(outputLimit: number | undefined, budget: number): number {
  if (outputLimit === undefined || budget < outputLimit) return budget;
  return Math.floor(Math.max(outputLimit - ANSWER_ROOM, outputLimit / 2));
}

function leastBudget({ family, thinking }: ModelProfile): number {
  return Math.max(thinking?.min ?? 0, family === "claude" ? CLAUDE_LEAST_BUDGET : 1);
}

function levelOf(budget: number, model: ModelProfile): ThinkingLevel {
  if (budget <= 512) return levelFor("minimal", model);
  if (budget <= 1024) return "low";
  return budget <= 8192 ? "medium" : "high";
}

/** Pro models have no minimal level. */
function levelFor(level: ThinkingLevel, { id }: ModelProfile): ThinkingLevel {
  return level === "minimal" && /(?:^|-)pro(?:-|$)/.test(id) ? "low" : level;
}

function lose(losses: Loss[], why: string): void {
  losses.push({ field: "thinking", why });
}

function loseLimit(losses: Loss[], most: number, model: ModelProfile): void {
  losses.push({ field: "max_tokens", why: `lowered to ${most}, the most ${model.displayName} writes` });
}
