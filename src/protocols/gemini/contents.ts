import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { Content, Part } from "../../core/request.ts";
import { isJsonObject, kindOf } from "../../lib/json.ts";
import { callIds } from "./call-ids.ts";
import { contentFields } from "./fields.ts";
import { type PartReader, readPart } from "./parts.ts";
import { invalid, judgeStructure, type Structure, structure } from "./structure.ts";

/** The conversation: a list of contents or one alone; parts and texts that stand in the list by themselves are the user's. */
export function readContents(value: unknown, field: string, losses: LossList): Content[] {
  const reader: PartReader = { losses, ids: callIds() };
  const contents: Content[] = [];
  for (const [item, at] of itemsOf(value, field)) {
    const content = isJsonObject(item) ? structure(item, at) : undefined;
    if (!content || !isContent(content)) {
      addTo(contents, "user", readPart(item, at, reader));
      continue;
    }
    judgeStructure(contentFields, content, losses);
    const role = roleOf(content);
    if (role === "model" && contents.at(-1)?.role !== "model") reader.ids.turn();
    const parts = partsOf(content).flatMap(([part, place]) => readPart(part, place, reader));
    if (role === "model") addTo(contents, role, parts);
    else if (parts.length > 0) contents.push({ role, parts });
  }
  return contents.map(({ role, parts }) => ({ role, parts: role === "model" ? joinTexts(parts) : parts }));
}

/** The system instruction's texts, one for each part: a text, a part, a content, or a list of these. */
export function readSystem(value: unknown, field: string, losses: LossList): string[] {
  if (isAbsent(value)) return [];
  const reader: PartReader = { losses, ids: callIds() };
  const items: readonly Item[] =
    typeof value === "string" ? [[value, field]] : Array.isArray(value) ? indexed(value, field) : [[value, field]];
  return items.flatMap(([item, at]) => {
    const content = isJsonObject(item) ? structure(item, at) : undefined;
    if (!content || !isContent(content)) return systemTexts(item, at, reader);
    judgeStructure(contentFields, content, losses);
    return partsOf(content).flatMap(([part, place]) => systemTexts(part, place, reader));
  });
}

type Item = readonly [value: unknown, field: string];

function indexed(values: readonly unknown[], field: string): Item[] {
  return values.map((value, index) => [value, `${field}[${index}]`]);
}

function itemsOf(value: unknown, field: string): Item[] {
  if (Array.isArray(value)) return indexed(value, field);
  if (isJsonObject(value)) return [[value, field]];
  throw invalid(field, `expected a list, but got ${kindOf(value)}`);
}

/** Anything else is a part. */
function isContent({ fields }: Structure): boolean {
  return "parts" in fields || "role" in fields;
}

function partsOf({ fields, place }: Structure): Item[] {
  const { parts } = fields;
  if (isAbsent(parts)) return [];
  if (Array.isArray(parts)) return indexed(parts, place("parts"));
  if (isJsonObject(parts) || typeof parts === "string") return [[parts, place("parts")]];
  throw invalid(place("parts"), `expected a list, but got ${kindOf(parts)}`);
}

const ROLES: Readonly<Record<string, Content["role"]>> = {
  user: "user",
  function: "user",
  tool: "user",
  model: "model",
  assistant: "model",
};

function roleOf({ fields, place }: Structure): Content["role"] {
  const { role } = fields;
  if (isAbsent(role) || role === "") return "user";
  const known = typeof role === "string" && Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (known) return known;
  throw invalid(place("role"), "supported values are user and model");
}

/** One turn that clients have kept as several, one for each chunk of a stream, is one again. */
function addTo(contents: Content[], role: Content["role"], parts: Part[]): void {
  const last = contents.at(-1);
  if (parts.length === 0) return;
  if (last?.role === role) last.parts.push(...parts);
  else contents.push({ role, parts });
}

/**
 * Puts together the texts that a stream has cut: a signature that comes at their end signs all of them, and is worth nothing
 * with less.
 */
function joinTexts(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (!last || !continues(last, part)) {
      joined.push({ ...part });
      continue;
    }
    last.text = (last.text ?? "") + (part.text ?? "");
    if (part.thoughtSignature !== undefined) last.thoughtSignature = part.thoughtSignature;
  }
  return joined;
}

function continues(last: Part, part: Part): boolean {
  if (last.text === undefined || part.text === undefined || last.native || part.native) return false;
  if (last.thought !== part.thought) return false;
  return last.thoughtSignature === undefined || last.thoughtSignature === part.thoughtSignature;
}

function systemTexts(value: unknown, field: string, reader: PartReader): string[] {
  return readPart(value, field, reader).flatMap(({ text }) => {
    if (text === undefined) throw invalid(field, "a system instruction can only be text");
    return text === "" ? [] : [text];
  });
}
