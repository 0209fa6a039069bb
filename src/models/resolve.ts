import { GatewayError } from "../core/errors.ts";
import type { DiscoveredModel, Discovery, ListedRule, ModelRule, ResolvedModel } from "../core/models.ts";
import { nearest } from "../lib/nearest.ts";
import { checkedPicture, type ModelName, parseModelName, spellingOf } from "./model-name.ts";
import { profileOf } from "./profile.ts";
import { isOffered, shippedAliases } from "./shipped.ts";
import { nearestVersion } from "./version.ts";
import { matchesWildcard, mostSpecific } from "./wildcard.ts";

/** The user's own names: name, or pattern with `*` → model. Never applied to each other's targets. */
export type UserAliases = Readonly<Record<string, string>>;

interface Resolution extends Pick<ResolvedModel, "rule" | "thinking" | "image"> {
  id: string;
}

/** A name in the two forms by which rules are looked up. */
type Reading = Pick<ModelName, "typed" | "plain">;

/**
 * The model that a client's name stands for. An id of the list always means itself; then the user's rules count, exact
 * before pattern; then what upstream says about retired ids; the shipped aliases come last. Each rule is looked for by the
 * name as typed, then by its plain spelling. What a name's end says about pictures counts for image models only, and not
 * where the name as a whole has been given a meaning. Throws `unknown-model` with the three nearest names.
 */
export function resolveModel(name: string, catalogue: Discovery, userAliases: UserAliases): ResolvedModel {
  const list = indexOf(catalogue);
  const asked = parseModelName(name);
  const found =
    exactRule(asked, list, userAliases) ??
    withoutEnd(asked, (reading) => exactRule(reading, list, userAliases)) ??
    withEnd(asked, (reading) => looseRule(reading, list, userAliases)) ??
    withEnd(asked, ({ plain }) => shippedRule(plain, list));
  if (!found) throw unknownModel(asked.typed, list, userAliases);
  const thinking = asked.thinking ?? found.thinking;
  return {
    profile: profileOf(found.id, list.byId.get(found.id)),
    rule: found.rule,
    ...(thinking && { thinking }),
    ...(found.image && { image: found.image }),
  };
}

type Lookup = (reading: Reading) => Resolution | undefined;

function withEnd(asked: ModelName, lookup: Lookup): Resolution | undefined {
  const found = lookup(asked);
  return found ? (pictured(found, asked) ?? found) : withoutEnd(asked, lookup);
}

/** The rule for what stands before `-4k` and the like, if that is an image model's. */
function withoutEnd(asked: ModelName, lookup: Lookup): Resolution | undefined {
  const found = asked.picture && lookup(asked.picture);
  return found && pictured(found, asked);
}

function pictured(found: Resolution, { picture }: ModelName): Resolution | undefined {
  if (!picture || !profileOf(found.id).image) return undefined;
  return { ...found, image: { ...found.image, ...checkedPicture(picture) } };
}

/** What names a model to the letter. */
function exactRule({ typed, plain }: Reading, list: ModelIndex, userAliases: UserAliases): Resolution | undefined {
  return (
    listedId(typed, asIs, list) ??
    userAlias(exactKey(typed, asIs, userAliases), list, userAliases) ??
    listedId(plain, spellingOf, list) ??
    userAlias(exactKey(plain, spellingOf, userAliases), list, userAliases)
  );
}

function looseRule({ typed, plain }: Reading, list: ModelIndex, userAliases: UserAliases): Resolution | undefined {
  const patterns = Object.keys(userAliases);
  return (
    userAlias(patternFor(typed, asIs, patterns), list, userAliases) ??
    userAlias(patternFor(plain, spellingOf, patterns), list, userAliases) ??
    replacedId(typed, asIs, list) ??
    replacedId(plain, spellingOf, list)
  );
}

type Spelling = (text: string) => string;

const asIs: Spelling = (text) => text;

function listedId(name: string, spelling: Spelling, list: ModelIndex): Resolution | undefined {
  const id = list.byId.has(name) ? name : list.ids.find((listed) => spelling(listed) === name);
  if (id === undefined) return undefined;
  return { id, rule: { kind: "listed", from: id, to: id, text: `listed id "${id}"` } };
}

function exactKey(name: string, spelling: Spelling, userAliases: UserAliases): string | undefined {
  return Object.keys(userAliases).find((key) => spelling(key) === name);
}

function userAlias(from: string | undefined, list: ModelIndex, userAliases: UserAliases): Resolution | undefined {
  if (from === undefined) return undefined;
  const to = userAliases[from] ?? "";
  const text = `your alias "${from}" → "${to}"`;
  try {
    const { profile, rule: further, ...suffixes } = resolveModel(to, list.catalogue, {});
    const rule: ModelRule = { kind: "user", from, to, text };
    if (profile.id === to) return { id: profile.id, rule, ...suffixes };
    return { id: profile.id, rule: { ...rule, next: further, text: `${text}, ${further.text}` }, ...suffixes };
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    // Whoever reads of a missing model would look at the wrong place where the name is an alias of theirs.
    const why = Object.hasOwn(userAliases, to)
      ? "That is an alias too, and aliases do not lead to one another"
      : cause.message;
    const message = `Your alias "${from}" stands for "${to}". ${why}`;
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
  const from = Object.keys(list.catalogue.replacedIds).find((retired) => spelling(retired) === name);
  const id = from === undefined ? undefined : replacementOf(from, list);
  if (from === undefined || id === undefined) return undefined;
  return { id, rule: { kind: "replaced", from, to: id, text: `upstream replaced "${from}" by "${id}"` } };
}

function replacementOf(retired: string, { byId, catalogue: { replacedIds } }: ModelIndex): string | undefined {
  let id: string | undefined = retired;
  for (let step = 0; step < MAX_REPLACEMENTS && id !== undefined; step++) {
    id = Object.hasOwn(replacedIds, id) ? replacedIds[id] : undefined;
    if (id !== undefined && byId.has(id)) return id;
  }
  return undefined;
}

/** Only the most specific alias counts: what it cannot serve must not slip through to a broader one. */
function shippedRule(plain: string, list: ModelIndex): Resolution | undefined {
  const from = patternFor(plain, spellingOf, Object.keys(shippedAliases));
  if (from === undefined) return undefined;
  const found = firstCandidate(shippedAliases[from] ?? [], plain, list);
  if (!found) return undefined;
  const { id, to } = found;
  return { id, rule: { kind: "shipped", from, to, text: `shipped alias "${from}" → "${to}"` } };
}

/** The first candidate that the list can serve. */
function firstCandidate(candidates: readonly string[], plain: string, list: ModelIndex) {
  for (const to of candidates) {
    const id = candidateId(to, plain, list);
    if (id !== undefined) return { id, to };
  }
  return undefined;
}

function candidateId(candidate: string, plain: string, list: ModelIndex): string | undefined {
  if (!candidate.includes("*")) return list.byId.has(candidate) ? candidate : undefined;
  const wantsImages = candidate.includes("image");
  const fitting = list.ids.filter((id) => matchesWildcard(candidate, id) && id.includes("image") === wantsImages);
  // The version in a name says nothing about those of another maker's models.
  const isKin = plain.startsWith(candidate.slice(0, candidate.indexOf("-")));
  return nearestVersion(fitting, isKin ? plain : "");
}

/** The models of the list that these candidates stand for, in their order, each once. */
export function candidateIds(candidates: readonly string[], catalogue: Discovery): string[] {
  const list = indexOf(catalogue);
  return [...new Set(candidates.flatMap((candidate) => candidateId(candidate, "", list) ?? []))];
}

/** Every rule but the ids themselves, in the order in which they count. */
export function rulesOf(catalogue: Discovery, userAliases: UserAliases): ListedRule[] {
  const list = indexOf(catalogue);
  const rule = (kind: ListedRule["kind"], from: string, to: readonly string[], served: string | undefined) => ({
    kind,
    from,
    to,
    ...(served !== undefined && { served }),
  });
  const exactFirst = (names: string[]) => names.toSorted((a, b) => Number(a.includes("*")) - Number(b.includes("*")));
  return [
    ...exactFirst(Object.keys(userAliases)).map((from) =>
      rule("user", from, [userAliases[from] ?? ""], servedByUser(from, list, userAliases)),
    ),
    ...Object.keys(catalogue.replacedIds).map((from) =>
      rule("replaced", from, [catalogue.replacedIds[from] ?? ""], replacementOf(from, list)),
    ),
    ...Object.entries(shippedAliases).map(([from, to]) =>
      rule("shipped", from, to, firstCandidate(to, spellingOf(from), list)?.id),
    ),
  ];
}

function servedByUser(from: string, list: ModelIndex, userAliases: UserAliases): string | undefined {
  try {
    return userAlias(from, list, userAliases)?.id;
  } catch (cause) {
    if (cause instanceof GatewayError) return undefined;
    throw cause;
  }
}

/** A name is a client's and may be of any length. */
const MAX_SHOWN_NAME = 80;
const SUGGESTIONS = 3;

function unknownModel(name: string, list: ModelIndex, userAliases: UserAliases): GatewayError {
  const wanted = name.slice(0, MAX_SHOWN_NAME);
  const aliases = Object.keys(shippedAliases).filter((alias) => shippedRule(spellingOf(alias), list));
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
