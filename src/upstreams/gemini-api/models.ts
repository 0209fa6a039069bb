import * as v from "valibot";
import { GatewayError } from "../../core/errors.ts";
import type { DiscoveredModel, Discovery } from "../../core/models.ts";
import type { CredentialOf } from "../../core/upstream.ts";
import type { JsonValue } from "../../lib/json.ts";
import { lenient } from "../../lib/schema.ts";
import { readObject } from "../shared/http.ts";
import { type ApiDeps, callApi } from "./call.ts";

/** The most that the service gives at once. */
const PAGE_SIZE = 1000;
/** The list has some dozens of entries; a service that always promises more must not keep us for ever. */
const MOST_PAGES = 20;

/** The models that the key may use for conversations and for pictures. Throws GatewayError. */
export async function fetchModels(
  credential: CredentialOf<"gemini-api-key">,
  signal: AbortSignal,
  deps: ApiDeps,
): Promise<Discovery> {
  const models: DiscoveredModel[] = [];
  let pageToken: string | undefined;
  for (let page = 1; page <= MOST_PAGES; page++) {
    const query = new URLSearchParams({ pageSize: String(PAGE_SIZE), ...(pageToken !== undefined && { pageToken }) });
    const response = await callApi({ method: "GET", path: `models?${query}`, credential }, signal, deps);
    const answer = v.parse(Page, await readObject(response, signal));
    if (!answer.models && page === 1) throw new GatewayError("unavailable", "Upstream sent no model list");
    for (const entry of answer.models ?? []) models.push(...modelIn(entry));
    pageToken = answer.nextPageToken;
    if (pageToken === undefined) break;
  }
  // Every one that answers in words searches; the list does not say so (docs/wire.md, "Official API").
  const webSearchIds = models.map(({ id }) => id).filter((id) => !id.includes("image"));
  return { models, replacedIds: {}, ...(webSearchIds.length > 0 && { webSearchIds }) };
}

const count = lenient(v.pipe(v.number(), v.minValue(1)));
const text = lenient(v.pipe(v.string(), v.nonEmpty()));

const Page = v.looseObject({
  models: lenient(v.array(v.custom<JsonValue>(() => true))),
  nextPageToken: text,
});

const Entry = v.looseObject({
  name: v.pipe(v.string(), v.startsWith("models/")),
  supportedGenerationMethods: v.array(v.string()),
  displayName: text,
  inputTokenLimit: count,
  outputTokenLimit: count,
  // A protobuf flag that is not set is not written.
  thinking: v.fallback(v.optional(v.boolean(), false), false),
});

/** Words in an id that mark a model for another purpose than conversations and pictures, whatever methods it lists. */
const OTHER_PURPOSES: ReadonlySet<string> = new Set([
  "audio",
  "computer",
  "embedding",
  "live",
  "robotics",
  "transcribe",
  "translate",
  "tts",
]);

/** None for what is no model for people, or cannot be read: it must not cost the others. */
function modelIn(written: JsonValue): DiscoveredModel[] {
  const read = v.safeParse(Entry, written);
  if (!read.success) return [];
  const { name, supportedGenerationMethods, displayName, inputTokenLimit, outputTokenLimit, thinking } = read.output;
  const id = name.slice("models/".length);
  const [family, ...words] = id.split("-");
  const serves = supportedGenerationMethods.includes("generateContent");
  if (family !== "gemini" || !serves || words.some((word) => OTHER_PURPOSES.has(word))) return [];
  return [
    {
      id,
      ...(displayName !== undefined && { displayName }),
      ...(inputTokenLimit !== undefined && { contextTokens: inputTokenLimit }),
      ...(outputTokenLimit !== undefined && { maxOutputTokens: outputTokenLimit }),
      supportsThinking: thinking,
    },
  ];
}
