import { afterAll, describe, expect, test } from "bun:test";
import { compatibility as composeCompatibility } from "../../src/compose/compat.ts";
import type { FieldTable, Treatment } from "../../src/core/field-table.ts";
import { PROTOCOL_IDS, type ProtocolId } from "../../src/core/protocol.ts";
import { openTypes, type PublishedObject } from "../support/published-types.ts";

const compatibility = await composeCompatibility();

// Every field that an SDK can send has a row. The compiler reads the types of the SDKs; from the body on, each object is
// looked up among the tables by where it stands and what kind it is. What is refused, lost or without effect as a whole is
// not looked into.

interface Published {
  /** Exported type of TYPES → where it stands in a request. */
  roots: readonly (readonly [type: string, path: string])[];
  /** Places whose objects are those of another place, rewritten until none fits. */
  same: readonly (readonly [place: RegExp, as: string])[];
  /** Objects that are data: carried over as they are, whatever is in them. */
  data: readonly RegExp[];
  /** Tables of what no SDK declares. */
  unpublished: readonly string[];
}

const TYPES = `
import type Anthropic from "@anthropic-ai/sdk";
import type { Content, GenerateContentConfig, GenerationConfig, Tool } from "@google/genai";
import type { CountTokensRequest, GenerateContentRequest } from "@google/generative-ai";
import type OpenAI from "openai";

export type AnthropicBeta = Anthropic.Beta.MessageCreateParamsNonStreaming;
export type AnthropicGeneral = Anthropic.MessageCreateParamsNonStreaming;
export type AnthropicCount = Anthropic.Beta.MessageCountTokensParams;
export type Chat = OpenAI.ChatCompletionCreateParamsNonStreaming;
export type Responses = OpenAI.Responses.ResponseCreateParamsNonStreaming;
export type Completions = OpenAI.CompletionCreateParamsNonStreaming;
export type ImageGeneration = OpenAI.ImageGenerateParamsNonStreaming;
export type ImageEdit = OpenAI.ImageEditParamsNonStreaming;
export type Gemini = GenerateContentRequest;
export type GeminiCount = CountTokensRequest;
// The newer SDK takes both objects as one and takes them apart itself.
export type GeminiBody = { contents: Content[]; tools: Tool[] } &
  Omit<GenerateContentConfig, keyof GenerationConfig | "imageConfig" | "tools">;
export type GeminiGeneration = GenerationConfig & Pick<GenerateContentConfig, "imageConfig">;
`;

const PUBLISHED: Record<ProtocolId, Published> = {
  anthropic: {
    roots: [
      ["AnthropicBeta", ""],
      ["AnthropicGeneral", ""],
      ["AnthropicCount", ""],
    ],
    same: [
      [/^system\[\]$/, "messages[].content[]"],
      [/^messages\[\]\.content\[\](?:\.source)?\.(?:content|tool_changes)\[\]/, "messages[].content[]"],
      [/^messages\[\]\.content\[\]\.tool\.definition/, "tools[]"],
    ],
    data: [/^tools\[\]\.input_schema$/],
    unpublished: [],
  },
  "openai-chat": {
    roots: [["Chat", ""]],
    same: [],
    data: [],
    // What other services than OpenAI take, and clients of theirs send.
    unpublished: [
      "tools[] (web_search)",
      "tools[].filters",
      "reasoning",
      "thinking",
      "extra_body",
      "google",
      "google.thinking_config",
      "messages[].content[] (video_url)",
      "messages[].content[] (audio_url)",
      "messages[].content[] (image)",
      "messages[].content[] (document)",
      "messages[].content[].video_url",
      "messages[].content[].audio_url",
      "messages[].content[].source",
    ],
  },
  "openai-responses": {
    roots: [["Responses", ""]],
    same: [
      [/^input\[\]\.(?:content|output)\[\]/, "content[]"],
      [/^input\[\]\.output$/, "content[]"],
      [/^input\[\]\.tools\[\]/, "tools[]"],
      [/^tools\[\]\.tools\[\]/, "tools[]"],
      [/^input\[\]\.text\.format/, "text.format"],
    ],
    // What a tool of OpenAI's did, told to the model as it stands there.
    data: [
      /^input\[\] \((?:computer_call)\)\.actions?(?:\[\])?$/,
      /^input\[\] \((?:mcp_call)\)\.error$/,
      /^input\[\] \(code_interpreter_call\)\.outputs\[\]$/,
      /^input\[\] \(file_search_call\)\.results\[\]$/,
      /^input\[\] \(shell_call_output\)\.output\[\]$/,
    ],
    // Of the first the rows are values, which have a test of their own.
    unpublished: ["include[]", "content[] (input_audio)"],
  },
  "openai-completions": { roots: [["Completions", ""]], same: [], data: [], unpublished: [] },
  "openai-images": {
    roots: [
      ["ImageGeneration", "images/generations"],
      ["ImageEdit", "images/edits"],
    ],
    same: [],
    // Files, as the SDK uploads them.
    data: [/^images\/edits\.image(?:\[\])?$/],
    unpublished: [],
  },
  gemini: {
    roots: [
      ["Gemini", ""],
      ["GeminiCount", "countTokens"],
      ["GeminiBody", ""],
      ["GeminiGeneration", "generationConfig"],
    ],
    same: [
      [/^countTokens\.(?:generateContentRequest(?:$|\.))?/, ""],
      [/^contents\[\]\.parts\[\]\.functionResponse\.parts\[\]\.(inlineData|fileData)$/, "contents[].parts[].$1"],
    ],
    data: [
      // A content, a part or a list of parts: read as what `contents` has of them.
      /^systemInstruction(?:\[\])?$/,
      /^generationConfig\.responseSchema$/,
      /^tools\[\]\.functionDeclarations\[\]\.parameters$/,
      // Passed on to Gemini models as they are.
      /^safetySettings\[\]$/,
      /^tools\[\]\.googleSearch$/,
      /^toolConfig\.retrievalConfig$/,
      /^contents\[\]\.parts\[\]\.(?:codeExecutionResult|executableCode|mediaResolution|toolCall|toolResponse|videoMetadata)$/,
      /^generationConfig\.(?:audioTranscription|modelSelection|routing|speech|translation)Config$/,
      /^generationConfig\.responseFormat\[\]$/,
    ],
    unpublished: [],
  },
};

const types = await openTypes(TYPES);
afterAll(() => types[Symbol.asyncDispose]());

for (const id of PROTOCOL_IDS) {
  const published = PUBLISHED[id];
  const tables = compatibility.find((one) => one.id === id)?.tables ?? [];

  describe(id, () => {
    test("every field of the published API has a row", async () => {
      const { missing, used } = await audit(tables, published);
      expect(missing).toEqual([]);
      const idle = tables.map(({ object }) => object).filter((object) => !used.has(object));
      expect(idle).toEqual([...published.unpublished]);
    });

    test("each table speaks of an object of its own", () => {
      const objects = tables.flatMap(({ object }) => object.split(", "));
      expect(objects).toEqual([...new Set(objects)]);
    });
  });
}

test("a row that is taken away is missed, whatever the protocol and the object", async () => {
  const missed: string[] = [];
  const taken: string[] = [];
  for (const { id, tables } of compatibility) {
    for (const table of tables.slice(0, 4)) {
      const [field] = Object.keys(table.rows).filter((name) => table.rows[name]?.type === "mapped");
      if (field === undefined || /type$|^include/.test(table.object)) continue;
      const { [field]: _, ...rows } = table.rows;
      const { missing } = await audit(
        tables.map((each) => (each === table ? { ...table, rows } : each)),
        PUBLISHED[id],
      );
      taken.push(`${id} ${table.object}: ${field}`);
      if (missing.includes(`${table.object}: ${field}`)) missed.push(`${id} ${table.object}: ${field}`);
    }
  }
  expect(missed).toEqual(taken);
});

/** What has no row, and which tables were of use. */
async function audit(tables: readonly FieldTable[], { roots, same, data }: Published) {
  const byPlace = new Map(tables.flatMap((table) => table.object.split(", ").map((place) => [place, table] as const)));
  const missing = new Set<string>();
  const used = new Set<string>();

  const visit = ({ path, kinds, fields, name }: PublishedObject): string[] => {
    const places = placesOf(path, same);
    if (places.some((place) => data.some((pattern) => pattern.test(place)))) return [];
    const into = new Set<string>();
    for (const kind of kinds.length > 0 ? kinds : [undefined]) {
      const byKind = firstOf(places, (place) => byPlace.get(place === "" ? "type" : `${place}.type`));
      const row = kind === undefined || !byKind ? kind : (longestStart(kind, byKind) ?? kind);
      if (byKind && row !== undefined && Object.hasOwn(byKind.rows, row)) {
        used.add(byKind.object);
        if (byKind.rows[row]?.type !== "mapped") continue;
      }
      const table =
        firstOf([row, row?.replace(/(?:_\d+)+$/, "")], (one) =>
          firstOf(places, (place) => (one === undefined ? undefined : byPlace.get(`${place} (${one})`))),
        ) ?? firstOf(places, (place) => byPlace.get(place));
      if (!table) {
        missing.add(`${places[0]} (${kind ?? "any"}), which is ${name}`);
        continue;
      }
      used.add(table.object);
      for (const field of fields) {
        const treatment: Treatment | undefined = Object.hasOwn(table.rows, field) ? table.rows[field] : undefined;
        if (!treatment) missing.add(`${table.object}: ${field}`);
        if (treatment?.type === "mapped") into.add(field);
      }
    }
    return [...into];
  };

  for (const [type, path] of roots) await types.walk(type, path, visit);
  return { missing: [...missing], used };
}

/** Where an object stands, with the kinds on the way and without them. */
function placesOf(path: string, same: Published["same"]): string[] {
  const plain = path.replace(/ \([^)]*\)/g, "");
  return [...new Set([path, plain].map((place) => canonical(place, same)))];
}

function firstOf<From, To>(list: readonly From[], look: (item: From) => To | undefined): To | undefined {
  for (const item of list) {
    const result = look(item);
    if (result !== undefined) return result;
  }
  return undefined;
}

function canonical(path: string, same: Published["same"]): string {
  let place = path;
  for (let changed = true; changed;) {
    const before = place;
    for (const [pattern, as] of same) place = place.replace(pattern, as);
    changed = place !== before;
  }
  return place;
}

/** `web_search` of `web_search_20250305`. */
function longestStart(kind: string, { rows }: FieldTable): string | undefined {
  const starts = Object.keys(rows).filter((row) => kind === row || kind.startsWith(`${row}_`));
  return starts.toSorted((a, b) => b.length - a.length)[0];
}
