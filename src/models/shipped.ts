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

const written: Readonly<Record<string, string | readonly string[]>> = document.aliases;

/**
 * Client's name or pattern → what it stands for, tried in order against the accounts' list. A candidate that is itself a
 * pattern stands for the fitting id of the nearest version. Names of Claude and Gemini models never leave their family;
 * those of OpenAI's, which no account serves, stand for Gemini models. An alias may be written as the name of another, and
 * then stands for the same.
 */
export const shippedAliases: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(written).map(([name, value]) => [name, typeof value === "string" ? listAt(value) : value]),
);

function listAt(name: string): readonly string[] {
  const value = written[name];
  if (value === undefined || typeof value === "string") throw new Error(`shipped.json: aliases: "${name}" is no list`);
  return value;
}

/** The models to search the web with where no account says which, tried like the candidates of an alias. */
export const searchCandidates: readonly string[] = document.search;

/** The present-day ids, for when nothing was ever discovered. */
export const shippedDiscovery: Discovery = {
  models: Object.entries(shippedProfiles).flatMap(([id, facts]) => (facts.listed ? [{ id }] : [])),
  replacedIds: {},
};

const FAMILIES = ["claude*", "gemini*", "gpt*", "image*"];

/** Whether an id of an account's list is meant for people: of a known family, and not one of upstream's inner workings. */
export function isOffered(id: string): boolean {
  const fits = (pattern: string) => matchesWildcard(pattern, id);
  return FAMILIES.some(fits) && !document.hidden.some(fits);
}
