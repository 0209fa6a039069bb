import type { Blob64 } from "../../core/request.ts";
import type { JsonObject, JsonValue } from "../../lib/json.ts";
import type { DemoModel } from "./catalogue.ts";
import { type LatestTurn, latestTurn } from "./conversation.ts";
import { echo, type Scene, understood } from "./intents.ts";
import { paintPicture, pngSize } from "./png.ts";
import { jsonObjectIn, saidWord, shorten } from "./prompt.ts";
import type { DemoBlob, DemoRequest } from "./request.ts";
import { planCalls, type PlannedCall } from "./tool-choice.ts";
import { valueFor } from "./values.ts";

/** What the demo's "model" wants to say; limits and framing are not its matter. */
export interface Answer {
  /** "" when the client did not ask for it. */
  thinking: string;
  text: string;
  calls: PlannedCall[];
  media: Blob64[];
  grounding?: JsonObject;
}

export interface Surroundings {
  /** Unix ms. */
  now: number;
  random(): number;
}

/** Decides what to answer. The same request in the same surroundings gets the same answer. */
export function answer(request: DemoRequest, model: DemoModel, surroundings: Surroundings): Answer {
  const spoken = latestTurn(request.contents);
  const latest = { ...spoken, prompt: abridged(spoken.prompt) };
  const scene: Scene = { prompt: latest.prompt, request, model, ...surroundings };
  if (model.image || request.wantsImage) return picture(request, latest.prompt);
  const { text, calls = [], grounding } = reply(scene, latest);
  const thinks = request.includeThoughts && model.thinkingBudget !== undefined && model.family !== "gpt-oss";
  const thinking = thinks ? thoughts(latest, calls) : "";
  return { thinking, text, calls, media: [], ...(grounding && { grounding }) };
}

/** Of a very long prompt its beginning and its end, where people say what they want. */
function abridged(prompt: string): string {
  const kept = 8000;
  if (prompt.length <= kept * 2) return prompt;
  return `${prompt.slice(0, kept)}\n…\n${prompt.slice(-kept)}`.toWellFormed();
}

interface Reply {
  text: string;
  calls?: PlannedCall[];
  grounding?: JsonObject;
}

function reply(scene: Scene, latest: LatestTurn): Reply {
  const { request, prompt, now } = scene;
  const wantedJson = request.json ?? jsonByInstruction(request.system);
  // Results are always answered with text, whatever the mode says: a client must never be kept calling for ever.
  if (latest.results.length > 0 && !wantedJson) return { text: quoteResults(latest, scene) };

  const source = { prompt, now };
  const literal = latest.results.length > 0 ? undefined : understood(scene, "before-tools");
  const casual = literal === undefined && latest.media.length === 0 && !wantedJson;
  const calls = latest.results.length > 0 ? [] : planCalls(request, source, casual);
  if (calls.length > 0) return { text: announce(calls), calls };

  if (wantedJson) {
    const bare: JsonValue = { answer: saidWord(prompt) ?? shorten(prompt, 200), offlineDemo: true };
    return { text: JSON.stringify(wantedJson.schema ? valueFor(wantedJson.schema, source) : bare) };
  }
  if (request.googleSearch) return searched(prompt);
  if (literal !== undefined) return { text: literal };
  if (latest.media.length > 0) return { text: describe(latest.media) };
  return { text: understood(scene, "after-tools") ?? echo(scene) };
}

const JSON_DEMAND = /\b(?:only|nothing but|return|respond|reply|answer)\b[^.\n]{0,80}\bjson\b/gi;
const MAX_DEMANDS = 10;
/** How near the end of the system text a demand without a schema must stand to be meant for this answer. */
const CLOSING_WORDS = 2000;

/** One of them stands at the top of every schema that says anything. */
const SCHEMA_KEYWORDS = ["type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items", "contains"];

/** Families without a JSON mode are told in words, with the schema written out behind them. */
function jsonByInstruction(system: readonly string[]): { schema?: JsonObject } | undefined {
  const text = system.at(-1) ?? "";
  const demands = [...text.matchAll(JSON_DEMAND)];
  for (const { index } of demands.slice(-MAX_DEMANDS).toReversed()) {
    const schema = jsonObjectIn(text, index);
    if (schema && SCHEMA_KEYWORDS.some((keyword) => keyword in schema)) return { schema };
  }
  const closing = text.slice(-CLOSING_WORDS);
  const isDemanded = demands.some(({ index }) => text.length - index <= CLOSING_WORDS);
  return isDemanded && /\bonly\b|\bnothing (?:but|else)\b/i.test(closing) ? {} : undefined;
}

function thoughts({ prompt, results, media }: LatestTurn, calls: readonly PlannedCall[]): string {
  const sentences = [
    results.length > 0
      ? `The results of ${results.length} tool call(s) have arrived.`
      : prompt === ""
        ? "There is no question in this turn."
        : `The user wrote: “${shorten(prompt, 120)}”.`,
    ...(media.length > 0 ? [`There are ${media.length} attachment(s) to look at.`] : []),
    "I am only the offline demo, so I go by my few rules.",
    calls.length > 0
      ? `I should call ${calls.map(({ name }) => name).join(" and ")} first.`
      : "I can answer this at once.",
  ];
  return sentences.join(" ");
}

function announce(calls: readonly PlannedCall[]): string {
  return calls.length === 1 ? "Let me look that up with a tool.\n" : `Let me ask ${calls.length} times, in parallel.\n`;
}

const LONGEST_RESULT = 1500;

function quoteResults(latest: LatestTurn, scene: Scene): string {
  const quotes = latest.results.map(({ result, call }) => {
    const text = resultText(result.response);
    const fence = text.includes("```") ? "````" : "```";
    const args = call && Object.keys(call.args).length > 0 ? ` ${shorten(JSON.stringify(call.args), 160)}` : "";
    return `**${result.name}**${args && ` \`${args.trim().replaceAll("`", "'")}\``} answered:\n\n${fence}\n${text}\n${fence}`;
  });
  const media = latest.media.length > 0 ? [describe(latest.media)] : [];
  const further = latest.prompt === "" ? undefined : understood(scene, "before-tools");
  const closing = further ?? "That is all I can make of it: I am the offline demo and only repeat what tools say.";
  return [...quotes, ...media, closing].join("\n\n");
}

function resultText(response: JsonObject): string {
  const keys = Object.keys(response);
  const only = keys.length === 1 && keys[0] !== undefined ? response[keys[0]] : response;
  const text = typeof only === "string" ? only || "(nothing)" : JSON.stringify(only ?? response, null, 2);
  return text.length > LONGEST_RESULT
    ? `${text.slice(0, LONGEST_RESULT).toWellFormed()}\n… (${text.length} characters)`
    : text;
}

function describe(media: readonly DemoBlob[]): string {
  const lines = media.map(({ mimeType, data }, index) => {
    const bytes = Buffer.from(data, "base64");
    const size = pngSize(bytes);
    return `${index + 1}. \`${mimeType}\`, ${bytes.length} bytes${size ? `, ${size.width} × ${size.height} pixels` : ""}`;
  });
  const count = media.length === 1 ? "one attachment" : `${media.length} attachments`;
  return `I received ${count}:\n\n${lines.join("\n")}\n\nThe offline demo cannot see, but every byte arrived.`;
}

function picture(request: DemoRequest, prompt: string): Answer {
  const png = paintPicture(prompt, request.aspectRatio, request.imageSize);
  const data = Buffer.from(png).toString("base64");
  return { thinking: "", text: "", calls: [], media: [{ mimeType: "image/png", data }] };
}

/** What is left of a prompt that says no more than that something shall be searched for. */
const SEARCH_ORDER = /^perform a web search for (?:the query:)?\s*/i;

/** A made-up search result. Offsets are UTF-8 bytes into the answer, as upstream counts them. */
function searched(prompt: string): Reply {
  const query = shorten(prompt.replace(SEARCH_ORDER, ""), 80);
  const first = `The offline demo did not search the web for “${query}”, but this is how a cited answer looks.`;
  const second = "Each sentence rests on pages of its own.";
  const startIndex = Buffer.byteLength(`${first} `);
  const endIndex = startIndex + Buffer.byteLength(second);
  return {
    text: `${first} ${second}`,
    grounding: {
      webSearchQueries: [query],
      groundingChunks: [
        { web: { uri: "https://example.com/", title: "Example Domain" } },
        { web: { uri: "https://example.org/", title: "Another Example Domain" } },
      ],
      groundingSupports: [
        { segment: { endIndex: startIndex - 1, text: first }, groundingChunkIndices: [0, 1] }, // zeros are left out
        { segment: { startIndex, endIndex, text: second }, groundingChunkIndices: [1] },
      ],
    },
  };
}
