import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Grounding, readGrounding } from "../../src/core/grounding.ts";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";

const web = (uri: string, title = "") => ({ web: { uri, title } });
const support = (startIndex: JsonValue | undefined, endIndex: JsonValue, ...groundingChunkIndices: JsonValue[]) => ({
  segment: { ...(startIndex !== undefined && { startIndex }), endIndex },
  groundingChunkIndices,
});

const PAGES = [web("https://a.test/", "A"), web("https://b.test/", "B"), web("https://c.test/", "C")];

function read(texts: readonly string[], supports: JsonValue, chunks: JsonValue = PAGES): Grounding | undefined {
  const grounding = { webSearchQueries: ["q"], groundingChunks: chunks, groundingSupports: supports };
  return readGrounding({ grounding }, texts);
}

/** What each span covers, and its sources. */
function cited(texts: readonly string[], supports: JsonValue): [string, ...number[]][] {
  const { spans } = read(texts, supports) ?? { spans: [] };
  return spans.map(({ block, start, end, sources }) => [`${block}:${texts[block]?.slice(start, end)}`, ...sources]);
}

const bytes = (text: string) => Buffer.byteLength(text);

describe("whether anything was searched for", () => {
  test.each<[string, JsonObject]>([
    ["there is no metadata", {}],
    ["the metadata is empty", { grounding: {} }],
    ["the metadata is a list", { grounding: [] }],
    ["there are neither queries nor pages", { grounding: { webSearchQueries: [], groundingChunks: [] } }],
    [
      "queries are blank and pages have no address",
      { grounding: { webSearchQueries: [" "], groundingChunks: [web("")] } },
    ],
  ])("no, when %s", (_, meta) => {
    expect(readGrounding(meta, ["text"])).toBeUndefined();
  });

  test("yes, when there was a query, even if it found nothing", () => {
    expect(readGrounding({ grounding: { webSearchQueries: ["q"] } }, [])).toEqual({
      queries: ["q"],
      sources: [],
      spans: [],
    });
  });
});

describe("sources", () => {
  test("a page without a title has its address for one", () => {
    const metadata = { webSearchQueries: ["q"], groundingChunks: [web("https://a.test/")] };
    expect(readGrounding({ grounding: metadata }, [])?.sources).toEqual([
      { url: "https://a.test/", title: "https://a.test/" },
    ]);
  });

  test("an address that comes twice is one source, with the first title there is", () => {
    const chunks = [web("https://a.test/"), web("https://b.test/", "B"), web("https://a.test/", "A")];
    expect(read(["abcdef"], [support(0, 3, 0, 2), support(3, 6, 1, 2)], chunks)).toEqual({
      queries: ["q"],
      sources: [
        { url: "https://a.test/", title: "A" },
        { url: "https://b.test/", title: "B" },
      ],
      spans: [
        { block: 0, start: 0, end: 3, sources: [0] },
        { block: 0, start: 3, end: 6, sources: [1, 0] },
      ],
    });
  });

  test("chunks without an address keep their number but are no source", () => {
    const chunks = [web(""), null, { retrievedContext: {} }, { web: { title: "T" } }, web("https://a.test/", "A")];
    expect(read(["abc"], [support(0, 3, 0, 1, 2, 3, 4)], chunks)).toMatchObject({
      sources: [{ url: "https://a.test/", title: "A" }],
      spans: [{ sources: [0] }],
    });
  });
});

describe("spans", () => {
  test("offsets count UTF-8 bytes, and an absent start is the beginning", () => {
    const text = "Zürich 😀 日本語 é.";
    expect(cited([text], [support(undefined, bytes("Zürich"), 0)])).toEqual([["0:Zürich", 0]]);
    const start = bytes("Zürich 😀 ");
    expect(cited([text], [support(start, start + bytes("日本語"), 1)])).toEqual([["0:日本語", 1]]);
    const accent = bytes("Zürich 😀 日本語 ");
    expect(cited([text], [support(accent, accent + bytes("é"), 2)])).toEqual([["0:é", 2]]);
  });

  test("a border inside a character takes in the whole character", () => {
    expect(cited(["a😀b"], [support(2, 3, 0)])).toEqual([["0:😀", 0]]);
    expect(cited(["a😀b"], [support(2, 6, 0)])).toEqual([["0:😀b", 0]]);
    expect(cited(["aéb"], [support(0, 2, 0)])).toEqual([["0:aé", 0]]);
  });

  test("what lies behind the end is cut off", () => {
    expect(cited(["héllo"], [support(3, 4000, 0)])).toEqual([["0:llo", 0]]);
    expect(cited(["héllo"], [support(4000, 5000, 0)])).toEqual([]);
    expect(cited([], [support(0, 5, 0)])).toEqual([]);
  });

  test("a span over the border of blocks is divided there", () => {
    expect(cited(["añ", "", "日b", "c"], [support(1, 7, 0)])).toEqual([
      ["0:ñ", 0],
      ["2:日b", 0],
    ]);
  });

  test("a border between blocks belongs to neither", () => {
    expect(cited(["ab", "cd"], [support(0, 2, 0), support(2, 4, 1)])).toEqual([
      ["0:ab", 0],
      ["1:cd", 1],
    ]);
  });

  test("spans come in order, and an overlap goes to the earlier one", () => {
    expect(cited(["abcdefgh"], [support(4, 8, 1), support(0, 6, 0)])).toEqual([
      ["0:abcdef", 0],
      ["0:gh", 1],
    ]);
  });

  test("a span inside another lends it its sources", () => {
    expect(cited(["abcdefgh"], [support(0, 6, 0), support(2, 4, 1), support(0, 6, 2)])).toEqual([
      ["0:abcdef", 0, 2, 1],
    ]);
  });

  test("supports that cannot be used are left out, the others stay", () => {
    const broken: JsonValue[] = [
      null,
      7,
      {},
      { segment: null, groundingChunkIndices: [0] },
      { segment: {}, groundingChunkIndices: [0] },
      { segment: { endIndex: 3 } },
      { segment: { endIndex: 3 }, groundingChunkIndices: 0 },
      support(0, 3),
      support(0, 3, 99, -1, 0.5, "0", null),
      support(-1, 3, 0),
      support("1", 3, 0),
      support(1.5, 3, 0),
      support(0, 1e300, 0),
      support(3, 3, 0),
      support(3, 1, 0),
      support(0, null, 0),
    ];
    expect(cited(["abcdef"], [...broken, support(null, 2, 1)])).toEqual([["0:ab", 1]]);
  });

  test.each([[null], ["x"], [{}], [3]])("a list that is %p is an empty one", (value) => {
    expect(
      readGrounding({ grounding: { webSearchQueries: ["q"], groundingChunks: value, groundingSupports: value } }, [
        "a",
      ]),
    ).toEqual({ queries: ["q"], sources: [], spans: [] });
    expect(readGrounding({ grounding: { webSearchQueries: value, groundingChunks: PAGES } }, ["a"])).toMatchObject({
      queries: [],
      spans: [],
    });
  });
});

/** The same by brute force: for each code unit, the first span (by start, then length) that covers one of its bytes. */
function naive(texts: readonly string[], supports: readonly { start: number; end: number }[]): string[] {
  const ordered = supports.filter(({ start, end }) => start < end);
  const cover: { [unit: string]: boolean } = {};
  let byte = 0;
  for (const [block, text] of texts.entries()) {
    let unit = 0;
    for (const character of text) {
      const next = byte + bytes(character);
      const isCited = ordered.some(({ start, end }) => start < next && end > byte);
      for (let index = 0; index < character.length; index++) {
        if (isCited) cover[`${block}:${unit + index}`] = true;
      }
      unit += character.length;
      byte = next;
    }
  }
  return Object.keys(cover).sort();
}

const piece = fc.constantFrom("a", " ", "é", "e\u0301", "日", "本", "😀", "👩‍👩‍👧", "\n", "\u2028", "ß", "𝒳");
const block = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const range = fc.record({ start: fc.nat(60), end: fc.nat(60), source: fc.nat(2) });

describe("any text and any supports", () => {
  test("cover exactly the characters that a count by hand finds, without overlap and in order", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.array(range, { maxLength: 6 }), (texts, ranges) => {
        const supports = ranges.map(({ start, end, source }) => support(start, end, source));
        const { spans } = read(texts, supports) ?? { spans: [] };
        const units: string[] = [];
        let last = { block: 0, end: 0 };
        for (const span of spans) {
          const text = texts[span.block] ?? "";
          expect(span.start).toBeLessThan(span.end);
          expect(span.end).toBeLessThanOrEqual(text.length);
          expect(span.block > last.block || span.start >= last.end).toBe(true);
          expect(text.slice(span.start, span.end).isWellFormed()).toBe(true);
          expect(span.sources.length).toBeGreaterThan(0);
          for (let unit = span.start; unit < span.end; unit++) units.push(`${span.block}:${unit}`);
          last = span;
        }
        expect(units.sort()).toEqual(naive(texts, ranges));
      }),
      { numRuns: 400 },
    );
  });

  test("segments cut at characters give back their own text", () => {
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.nat(7), fc.nat(7), (words, from, to) => {
        const [first, last] = [Math.min(from, to), Math.max(from, to) + 1];
        const segment = words.slice(first, last).join("");
        const start = bytes(words.slice(0, first).join(""));
        const text = words.join("");
        const found = cited([text], [support(start, start + bytes(segment), 0)]);
        expect(found).toEqual(segment === "" ? [] : [[`0:${segment}`, 0]]);
      }),
    );
  });

  test("whatever stands in the metadata, reading never throws", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (queries, chunks, supports) => {
        const grounding = { webSearchQueries: queries, groundingChunks: chunks, groundingSupports: supports };
        readGrounding({ grounding } as JsonObject, ["text", "😀"]);
      }),
    );
  });

  test("many supports over a long text are read in one pass", () => {
    const text = "日本 ".repeat(100_000);
    const supports = Array.from({ length: 50_000 }, (_, index) => support(index * 14, index * 14 + 6, index % 3));
    expect(read([text], supports)?.spans.length).toBe(50_000);
  });
});
