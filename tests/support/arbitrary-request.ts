import fc from "fast-check";
import type { Repair } from "../../src/core/errors.ts";
import type { ModelProfile } from "../../src/core/models.ts";
import type { Content, FunctionTool, GenerateRequest, Part } from "../../src/core/request.ts";
import { toolNames } from "../../src/gemini-wire/tool-names.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import type { IssuedSignatures } from "./cloudcode/issued-signatures.ts";

const declared = ["look", "find.it"];

/** A part as a client may send it; `signed` ones get a signature of the target's own. */
interface Drawn {
  part: Part;
  signed: boolean;
}

const ids = fc.constantFrom("", "a", "b", "a.b", "c:1");
const texts = fc.constantFrom("", " ", "(no content)", "hello", " x ");
const media = fc.record({
  mimeType: fc.constantFrom(
    "image/png",
    "image/heic",
    "audio/wav",
    "application/pdf",
    "text/csv",
    "IMAGE/JPG; q=1",
    "image/gif",
    "image/svg+xml",
    "image/p_g",
    "video/x-unheard-of",
    "x/y",
  ),
  data: fc.constant("aGk="),
});

const besideMedia = fc.constantFrom<JsonObject>({ videoMetadata: { fps: 2 } }, { mediaResolution: { level: "x" } }, {});
const ownData = fc.constantFrom<JsonObject>(
  { fileData: { mimeType: "video/mp4", fileUri: "https://example.com/film" } },
  { executableCode: { language: "PYTHON", code: "print(1)" } },
  { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } },
);

const drawn: fc.Arbitrary<Drawn> = fc.record({
  signed: fc.boolean(),
  part: fc.oneof<fc.Arbitrary<Part>[]>(
    fc.record({ text: texts }),
    fc.record({ text: texts, thought: fc.constant(true) }),
    fc.record({ inlineData: media }),
    fc.record({ inlineData: media, native: besideMedia }),
    fc.record({ native: ownData }),
    fc.record({
      functionCall: fc.record({ id: ids, name: fc.constantFrom(...declared, "gone"), args: fc.constant({ at: "x" }) }),
    }),
    fc.record({
      functionResponse: fc.record({
        id: ids,
        name: fc.constantFrom(...declared, ""),
        response: fc.constantFrom<JsonObject>({}, { result: "r" }),
        media: fc.array(media, { maxLength: 2 }),
      }),
    }),
  ),
});

const history = fc.array(
  fc.record({ role: fc.constantFrom("user" as const, "model" as const), parts: fc.array(drawn, { maxLength: 4 }) }),
  { maxLength: 7 },
);

const tool = (name: string, schema?: JsonObject): FunctionTool => ({ name, ...(schema && { schema }) });

const options = fc.record({
  system: fc.array(texts, { maxLength: 2 }),
  tools: fc.constantFrom(
    [],
    declared.map((name) => tool(name)),
    [tool("look", { type: "array" }), tool("look"), tool("")],
  ),
  toolChoice: fc.constantFrom(undefined, { mode: "auto" }, { mode: "none" }, { mode: "any" }, { mode: "validated" }),
  webSearch: fc.constantFrom(
    undefined,
    {},
    { allowedDomains: ["example.org"] },
    { native: { timeRangeFilter: {}, includedDomains: ["example.org"] } },
  ),
  image: fc.constantFrom(undefined, {}, { aspectRatio: "16:9" }, { aspectRatio: "1:1", size: "2K" }, { size: "1K" }),
  gemini: fc.constantFrom(
    undefined,
    {},
    { urlContext: {}, safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }] },
    { codeExecution: {}, toolConfig: { retrievalConfig: { languageCode: "en" } } },
    {
      toolConfig: { includeServerSideToolInvocations: true },
      generationConfig: {
        mediaResolution: "MEDIA_RESOLUTION_LOW",
        speechConfig: {},
        audioTimestamp: true,
        routingConfig: {},
        responseModalities: ["text", "image"],
        candidateCount: 4,
        temperature: 9,
        somethingNew: 1,
      },
    },
  ),
  sampling: fc.record(
    {
      maxOutputTokens: fc.constantFrom(1, 1024, 20_000, 200_000),
      temperature: fc.constantFrom(0, 0.5, 1, 2),
      topP: fc.constantFrom(0.5, 1),
      topK: fc.constantFrom(0, 4, 2 ** 31),
      stopSequences: fc.array(fc.constantFrom("", "a", "b", "\n"), { maxLength: 8 }),
      presencePenalty: fc.constant(1),
      seed: fc.constantFrom(0, 1, -5, 2 ** 40),
    },
    { requiredKeys: [] },
  ),
  thinking: fc.constantFrom(
    undefined,
    { type: "off" },
    { type: "adaptive" },
    { type: "budget", tokens: 100 },
    { type: "budget", tokens: 60_000 },
    { type: "effort", effort: "max" },
    { type: "effort", effort: "minimal", asLevel: true },
    { type: "effort", effort: "xhigh", asLevel: true },
  ),
  outputFormat: fc.constantFrom(
    undefined,
    { type: "json" },
    { type: "json-schema", schema: { type: "object", additionalProperties: false } },
  ),
});

const repairs = fc.subarray<Repair>(["drop-thinking", "thinking-other-form", "thinking-config-off"]);

const thoughts = new WeakMap<IssuedSignatures, Map<string, string>>();

function sign({ part, signed }: Drawn, { family }: ModelProfile, signatures: IssuedSignatures): Part {
  if (!signed || family === "gpt-oss" || part.functionResponse || part.native) return part;
  const kind = part.functionCall ? "call" : part.inlineData ? "media" : part.thought ? "thinking" : "text";
  const callName = part.functionCall ? toolNames([]).toWire(part.functionCall.name) : undefined;
  const what = {
    family,
    kind,
    ...(part.text === undefined ? {} : { text: part.text }),
    ...(callName === undefined ? {} : { callName }),
  } as const;
  // A client may write one thought twice; what else is said twice was said twice.
  const key = JSON.stringify(what);
  const known = thoughts.get(signatures) ?? new Map<string, string>();
  thoughts.set(signatures, known);
  const thoughtSignature = (kind === "thinking" && known.get(key)) || signatures.issue(what);
  known.set(key, thoughtSignature);
  return { ...part, thoughtSignature };
}

/** Drawn anew for each run: what a client may send, for a model yet to be chosen, and what was tried already. */
export interface DrawnCall {
  repairs: ReadonlySet<Repair>;
  /** The request, its signed parts signed by the target's own service. */
  request(model: ModelProfile, signatures: IssuedSignatures): GenerateRequest;
}

/** Requests of every shape that client parsers let through: unmerged, unpaired, blank, with media of all kinds. */
export const arbitraryCall: fc.Arbitrary<DrawnCall> = fc
  .tuple(history, options, repairs, fc.boolean())
  .map(([turns, fields, tried, asksAtTheEnd]) => ({
    repairs: new Set(tried),
    request(model, signatures) {
      const contents: Content[] = turns.map(({ role, parts }) => ({
        role,
        parts: parts.map((each) => sign(each, model, signatures)),
      }));
      const question: Content = { role: "user", parts: [{ text: "and now?" }] };
      if (asksAtTheEnd) contents.push(question);
      else contents.unshift(question);
      const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      return { model: "m", system: [], tools: [], sampling: {}, ...given, contents };
    },
  }));
