import type { Discovery, ModelProfile, ThinkingRange } from "../core/models.ts";
import document from "./shipped.json";
import { matchesWildcard } from "./wildcard.ts";

/** What is known of the models whose id fits a pattern; what a more specific pattern says wins. */
export interface ShippedFacts {
  /** A present-day id, offered while no account could be asked. */
  listed?: boolean;
  displayName?: string;
  contextTokens?: number;
  maxOutputTokens?: number;
  /** null: takes no thinking configuration, whatever discovery says. */
  thinking?: ThinkingRange | null;
  mimeTypes?: ModelProfile["mimeTypes"];
}

/** Id or pattern → facts. */
export const shippedProfiles: Readonly<Record<string, ShippedFacts>> = document.profiles;

/**
 * Client's name or pattern → what it stands for, tried in order against the accounts' list. A candidate that is itself a
 * pattern stands for the fitting id of the nearest version. Names never leave their family.
 */
export const shippedAliases: Readonly<Record<string, readonly string[]>> = document.aliases;

/** The present-day ids, for when nothing was ever discovered. */
export const shippedDiscovery: Discovery = {
  models: Object.entries(shippedProfiles).flatMap(([id, facts]) => (facts.listed ? [{ id }] : [])),
  replacedIds: {},
};

const FAMILIES = ["claude*", "gemini*", "gpt*"];

/** Whether an id of an account's list is meant for people: of a known family, and not one of upstream's inner workings. */
export function isOffered(id: string): boolean {
  const fits = (pattern: string) => matchesWildcard(pattern, id);
  return FAMILIES.some(fits) && !document.hidden.some(fits);
}
