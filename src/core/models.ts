import type { Quota } from "./quota.ts";
import type { ImageOptions, ThinkingRequest } from "./request.ts";

/** Decided by the upstream id after alias resolution, never by the client protocol or the name the client typed. */
export type Family = "claude" | "gemini" | "gpt-oss";

export interface ThinkingRange {
  /** Tokens; a budget outside [min, max] is refused with 400. */
  min: number;
  max: number;
  /** Whether budget 0 (no thinking at all) is accepted. */
  zeroAllowed: boolean;
  /** The budget to send when the client wants thinking but names no amount. */
  default: number;
}

/** What the lowering must know about the model a request goes to. */
export interface ModelProfile {
  /** Upstream id. */
  id: string;
  displayName: string;
  family: Family;
  /** Gemini 2.5 and Gemini 3.x differ in signatures and in how thinking is asked for. */
  generation: "claude" | "gemini-2.5" | "gemini-3" | "gpt-oss";
  /** Produces images: no tools, no system text, no thinking. */
  image: boolean;
  contextTokens: number;
  maxOutputTokens: number;
  /** Absent: the model takes no thinking configuration. */
  thinking?: ThinkingRange;
  /** The attachments the model reads, as plain types in lower case: "image/png". */
  mimeTypes: readonly string[];
}

/** One entry of an account's catalogue, as discovery returned it. */
export interface DiscoveredModel {
  id: string;
  displayName?: string;
  contextTokens?: number;
  maxOutputTokens?: number;
  supportsThinking?: boolean;
  thinkingBudget?: number;
  supportedMimeTypes?: readonly string[];
  /** Absent: unknown. */
  quota?: Quota;
}

export interface Discovery {
  models: DiscoveredModel[];
  /** Retired id → the id that replaced it, as upstream says. */
  replacedIds: Readonly<Record<string, string>>;
  /** The models that search the web, in upstream's order, as upstream says. */
  webSearchIds?: readonly string[];
}

export interface ResolvedModel {
  profile: ModelProfile;
  /** Thinking asked for by a suffix of the client's name: `model(high)`, `model(8192)`. Wins over the body. */
  thinking?: ThinkingRequest;
  /** What a suffix of an image model's name asks for: `-4k`, `-16x9`. The body wins over it. */
  image?: ImageOptions;
  /** The rule that led here. */
  rule: ModelRule;
}

/** Why a name stands for a model. */
export interface ModelRule {
  /**
   * listed: an id of the accounts' list means itself. user: an alias of the configuration. replaced: upstream says what has
   * taken a retired id's place. shipped: an alias that comes with this program.
   */
  kind: "listed" | "user" | "replaced" | "shipped";
  /** The name or pattern, as it stands where it is written. */
  from: string;
  /** What it stands for, as written; of several candidates the one that was taken. */
  to: string;
  /** The rule that reads `to`, where that is itself a name and no id. */
  next?: ModelRule;
  /** All of this in one clause. */
  text: string;
}

/** One line of the list of all rules. */
export interface ListedRule {
  kind: Exclude<ModelRule["kind"], "listed">;
  from: string;
  /** What it stands for, in the order in which it is tried. */
  to: readonly string[];
  /** The model that serves it with today's list; absent: none does. A pattern may lead further for names with a version. */
  served?: string;
}
