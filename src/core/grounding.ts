import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import type { TurnMeta } from "./turn.ts";

export interface Source {
  url: string;
  /** The address where upstream names none: clients show titles as links. */
  title: string;
}

/** A stretch of the visible answer that sources support. */
export interface CitedSpan {
  /** Which of the answer's text blocks, counted from 0. */
  block: number;
  /** UTF-16 code units within that block; `end` is exclusive. */
  start: number;
  end: number;
  /** Indexes into `sources`; never empty. */
  sources: number[];
}

/** What a searched answer rests on. */
export interface Grounding {
  queries: string[];
  /** Each address once, in the order of their first mention. */
  sources: Source[];
  /** In order of their place, never overlapping; none is empty or reaches over the end of its block. */
  spans: CitedSpan[];
}

/**
 * Reads `groundingMetadata` off the end of a turn. `texts`: the visible text blocks of the answer, in order. Upstream counts
 * UTF-8 bytes over all of them together (docs/wire.md, "Grounding"). Of malformed metadata what can be used is. `undefined`:
 * nothing was searched for.
 */
export function readGrounding(meta: TurnMeta, texts: readonly string[]): Grounding | undefined {
  const metadata = meta["grounding"];
  if (!isJsonObject(metadata)) return undefined;
  const queries = listIn(metadata, "webSearchQueries").filter(isText);
  const { sources, ofChunk } = readSources(listIn(metadata, "groundingChunks"));
  if (queries.length === 0 && sources.length === 0) return undefined;
  const supports = readSupports(listIn(metadata, "groundingSupports"), ofChunk);
  return { queries, sources, spans: intoBlocks(apart(inCodeUnits(supports, texts.join(""))), texts) };
}

function listIn(object: JsonObject, name: string): JsonValue[] {
  const value = object[name];
  return Array.isArray(value) ? value : [];
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.trim() !== "";
}

/** Several chunks may be one page. `ofChunk`: the source of each chunk; `undefined` for chunks that name no page. */
function readSources(chunks: readonly JsonValue[]): { sources: Source[]; ofChunk: (number | undefined)[] } {
  const sources: Source[] = [];
  const byUrl = new Map<string, number>();
  const ofChunk = chunks.map((chunk) => {
    const web = isJsonObject(chunk) ? chunk["web"] : undefined;
    if (!isJsonObject(web) || !isText(web["uri"])) return undefined;
    const url = web["uri"].trim();
    const title = isText(web["title"]) ? web["title"] : url;
    const known = byUrl.get(url);
    const source = known === undefined ? undefined : sources[known];
    if (source) {
      if (source.title === url) source.title = title;
      return known;
    }
    byUrl.set(url, sources.length);
    return sources.push({ url, title }) - 1;
  });
  return { sources, ofChunk };
}

/** Counted in bytes as upstream does, later in code units, over the whole visible text. */
interface Span {
  start: number;
  end: number;
  sources: Set<number>;
}

function readSupports(supports: readonly JsonValue[], ofChunk: readonly (number | undefined)[]): Span[] {
  return supports.flatMap((support): Span[] => {
    if (!isJsonObject(support)) return [];
    const { segment } = support;
    if (!isJsonObject(segment)) return [];
    const start = segment["startIndex"] ?? 0; // upstream leaves zeros out
    const end = segment["endIndex"];
    if (!isOffset(start) || !isOffset(end) || start >= end) return [];
    const sources = new Set<number>();
    for (const chunk of listIn(support, "groundingChunkIndices")) {
      const source = typeof chunk === "number" ? ofChunk[chunk] : undefined;
      if (source !== undefined) sources.add(source);
    }
    return sources.size === 0 ? [] : [{ start, end, sources }];
  });
}

function isOffset(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A span that begins or ends inside a character takes in all of it. What lies behind the end of the text is cut off. */
function inCodeUnits(spans: readonly Span[], text: string): Span[] {
  if (spans.length === 0) return [];
  const offsets = new Set(spans.flatMap(({ start, end }) => [start, end]));
  const characters = charactersAt(
    [...offsets].sort((a, b) => a - b),
    text,
  );
  return spans.flatMap(({ start, end, sources }) => {
    const first = characters.get(start)?.start ?? text.length;
    const last = characters.get(end)?.end ?? text.length;
    return first < last ? [{ start: first, end: last, sources }] : [];
  });
}

/**
 * The character that each byte offset falls into, in code units; an empty one where the offset lies between two. Offsets
 * rise; those behind the end are left out. One pass over the text.
 */
function charactersAt(offsets: readonly number[], text: string): Map<number, { start: number; end: number }> {
  const found = new Map<number, { start: number; end: number }>();
  let before = 0;
  let unit = 0;
  let byte = 0;
  for (const offset of offsets) {
    while (byte < offset && unit < text.length) {
      before = unit;
      const codePoint = text.codePointAt(unit) ?? 0;
      byte += utf8Length(codePoint);
      unit += codePoint > 0xffff ? 2 : 1;
    }
    if (byte < offset) break;
    found.set(offset, { start: byte === offset ? unit : before, end: unit });
  }
  return found;
}

/** Half a character counts three, as the replacement character it is written as. */
function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint > 0xffff ? 4 : 3;
}

/** Spans in order without overlap: each begins where those before it end; one inside another lends it its sources. */
function apart(spans: readonly Span[]): Span[] {
  const kept: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const previous = kept.at(-1);
    const start = Math.max(span.start, previous?.end ?? 0);
    if (start < span.end) kept.push({ ...span, start });
    else for (const source of span.sources) previous?.sources.add(source);
  }
  return kept;
}

/** Divides spans at the borders of blocks. They are in order and do not overlap. */
function intoBlocks(spans: readonly Span[], texts: readonly string[]): CitedSpan[] {
  const pieces: CitedSpan[] = [];
  let block = 0;
  let blockStart = 0;
  for (const { start, end, sources } of spans) {
    let at = start;
    while (at < end) {
      const text = texts[block];
      if (text === undefined) return pieces;
      const blockEnd = blockStart + text.length;
      if (at >= blockEnd) {
        block++;
        blockStart = blockEnd;
        continue;
      }
      const until = Math.min(end, blockEnd);
      pieces.push({ block, start: at - blockStart, end: until - blockStart, sources: [...sources] });
      at = until;
    }
  }
  return pieces;
}
