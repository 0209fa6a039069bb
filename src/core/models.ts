import type { Quota } from "./quota.ts";
import type { ThinkingRequest } from "./request.ts";

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
}

export interface ResolvedModel {
  profile: ModelProfile;
  /** Thinking asked for by a suffix of the client's name: `model(high)`, `model(8192)`. Wins over the body. */
  thinking?: ThinkingRequest;
  /** The rule that led here, for the record. */
  rule: string;
}
