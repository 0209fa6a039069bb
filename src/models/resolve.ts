import { GatewayError } from "../core/errors.ts";
import type { DiscoveredModel, Discovery, ResolvedModel } from "../core/models.ts";
import { nearest } from "../lib/nearest.ts";
import { parseModelName, spellingOf } from "./model-name.ts";
import { profileOf } from "./profile.ts";
import { isOffered, shippedAliases } from "./shipped.ts";
import { nearestVersion } from "./version.ts";
import { matchesWildcard, mostSpecific } from "./wildcard.ts";

/** The user's own names: name, or pattern with `*` → model. Never applied to each other's targets. */
export type UserAliases = Readonly<Record<string, string>>;

type Resolution = Pick<ResolvedModel, "rule" | "thinking"> & { id: string };
type Spelling = (text: string) => string;

/**
 * The model that a client's name stands for. An id of the list always means itself; then the user's rules count, exact
 * before pattern; then what upstream says about retired ids. All this for the name as typed, then for its plain spelling;
 * the shipped aliases come last. Throws `unknown-model` with the three nearest names.
 */
export function resolveModel(name: string, catalogue: Discovery, userAliases: UserAliases): ResolvedModel {
  const list = indexOf(catalogue);
  const asked = parseModelName(name);
  const found =
    resolveSpelling(asked.typed, (text) => text, list, userAliases) ??
    resolveSpelling(asked.plain, spellingOf, list, userAliases) ??
    shippedAlias(asked.plain, list);
  if (!found) throw unknownModel(asked.typed, list, userAliases);
  const thinking = asked.thinking ?? found.thinking;
  return { profile: profileOf(found.id, list.byId.get(found.id)), rule: found.rule, ...(thinking && { thinking }) };
}

function resolveSpelling(name: string, spelling: Spelling, list: ModelIndex, userAliases: UserAliases) {
  return (
    listedId(name, spelling, list) ?? userAlias(name, spelling, list, userAliases) ?? replacedId(name, spelling, list)
  );
}

function listedId(name: string, spelling: Spelling, list: ModelIndex): Resolution | undefined {
  const id = list.byId.has(name) ? name : list.ids.find((listed) => spelling(listed) === name);
  return id === undefined ? undefined : { id, rule: `listed id "${id}"` };
}

function userAlias(
  name: string,
  spelling: Spelling,
  list: ModelIndex,
  userAliases: UserAliases,
): Resolution | undefined {
  const pattern = patternFor(name, spelling, Object.keys(userAliases));
  if (pattern === undefined) return undefined;
  const target = userAliases[pattern] ?? "";
  const rule = `your alias "${pattern}" → "${target}"`;
  try {
    const { profile, thinking, rule: further } = resolveModel(target, list.catalogue, {});
    const isPlain = profile.id === target;
    return { id: profile.id, rule: isPlain ? rule : `${rule}, ${further}`, ...(thinking && { thinking }) };
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    const message = `Your alias "${pattern}" stands for "${target}". ${cause.message}`;
    throw new GatewayError("unknown-model", message, cause.detail, { cause });
  }
}

/** The name itself when it is among the patterns, else the most specific one that fits. */
function patternFor(name: string, spelling: Spelling, patterns: readonly string[]): string | undefined {
  const bySpelling = new Map(patterns.map((pattern) => [spelling(pattern), pattern]));
  return bySpelling.get(name) ?? bySpelling.get(mostSpecific(bySpelling.keys(), name) ?? "");
}

/** Longer chains of replacements would be a mistake of upstream's. */
const MAX_REPLACEMENTS = 5;

function replacedId(name: string, spelling: Spelling, list: ModelIndex): Resolution | undefined {
  const { replacedIds } = list.catalogue;
  const start = Object.keys(replacedIds).find((retired) => spelling(retired) === name);
  let id = start;
  for (let step = 0; step < MAX_REPLACEMENTS && id !== undefined; step++) {
    id = Object.hasOwn(replacedIds, id) ? replacedIds[id] : undefined;
    if (id !== undefined && list.byId.has(id)) return { id, rule: `upstream replaced "${start}" by "${id}"` };
  }
  return undefined;
}

/** Only the most specific alias counts: what it cannot serve must not slip through to a broader one. */
function shippedAlias(plain: string, list: ModelIndex): Resolution | undefined {
  const alias = patternFor(plain, spellingOf, Object.keys(shippedAliases));
  if (alias === undefined) return undefined;
  for (const candidate of shippedAliases[alias] ?? []) {
    const id = candidateId(candidate, plain, list);
    if (id !== undefined) return { id, rule: `shipped alias "${alias}" → "${candidate}"` };
  }
  return undefined;
}

function candidateId(candidate: string, plain: string, list: ModelIndex): string | undefined {
  if (!candidate.includes("*")) return list.byId.has(candidate) ? candidate : undefined;
  const wantsImages = candidate.includes("image");
  const fitting = list.ids.filter((id) => matchesWildcard(candidate, id) && id.includes("image") === wantsImages);
  return nearestVersion(fitting, plain);
}

/** A name is a client's and may be of any length. */
const MAX_SHOWN_NAME = 80;
const SUGGESTIONS = 3;

function unknownModel(name: string, list: ModelIndex, userAliases: UserAliases): GatewayError {
  const wanted = name.slice(0, MAX_SHOWN_NAME);
  const aliases = Object.keys(shippedAliases).filter((alias) => shippedAlias(spellingOf(alias), list));
  const names = [...list.ids, ...Object.keys(userAliases), ...aliases].filter((candidate) => !candidate.includes("*"));
  const similar = nearest(wanted, names, SUGGESTIONS);
  const others = names.toSorted((a, b) => commonStart(b, wanted) - commonStart(a, wanted));
  const suggestions = [...new Set([...similar, ...others])].slice(0, SUGGESTIONS);
  return new GatewayError("unknown-model", `There is no model "${wanted}"`, { field: "model", nearest: suggestions });
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

interface ModelIndex {
  catalogue: Discovery;
  /** What is meant for people, in upstream's order. */
  ids: readonly string[];
  byId: ReadonlyMap<string, DiscoveredModel>;
}

const indexes = new WeakMap<Discovery, ModelIndex>();

function indexOf(catalogue: Discovery): ModelIndex {
  const existing = indexes.get(catalogue);
  if (existing) return existing;
  const byId = new Map(catalogue.models.filter(({ id }) => isOffered(id)).map((model) => [model.id, model]));
  const index = { catalogue, ids: [...byId.keys()], byId };
  indexes.set(catalogue, index);
  return index;
}
