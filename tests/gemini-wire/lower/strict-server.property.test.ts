import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Repair } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { Content, GenerateRequest, Part } from "../../../src/core/request.ts";
import { lowerRequest } from "../../../src/gemini-wire/lower.ts";
import { toolNames } from "../../../src/gemini-wire/tool-names.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import type { IssuedSignatures } from "../../support/cloudcode/issued-signatures.ts";
import { bench, envelope } from "../../support/cloudcode/samples.ts";
import { claude, flash25, gemini3, gptOss, imageModel, request, tool } from "./support.ts";

const { world, judge } = bench();
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

const drawn: fc.Arbitrary<Drawn> = fc.record({
  signed: fc.boolean(),
  part: fc.oneof<fc.Arbitrary<Part>[]>(
    fc.record({ text: texts }),
    fc.record({ text: texts, thought: fc.constant(true) }),
    fc.record({ inlineData: media }),
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

const options = fc.record({
  system: fc.array(texts, { maxLength: 2 }),
  tools: fc.constantFrom(
    [],
    declared.map((name) => tool(name)),
    [tool("look", { type: "array" }), tool("look"), tool("")],
  ),
  toolChoice: fc.constantFrom(undefined, { mode: "auto" }, { mode: "none" }, { mode: "any" }, { mode: "validated" }),
  webSearch: fc.constantFrom(undefined, {}),
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
  ),
  outputFormat: fc.constantFrom(
    undefined,
    { type: "json" },
    { type: "json-schema", schema: { type: "object", additionalProperties: false } },
  ),
});

const thoughts = new Map<string, string>();

const repairs = fc.subarray<Repair>(["drop-thinking", "thinking-other-form", "thinking-config-off"]);

function sign({ part, signed }: Drawn, { family }: ModelProfile, signatures: IssuedSignatures): Part {
  if (!signed || family === "gpt-oss" || part.functionResponse) return part;
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
  const thoughtSignature = (kind === "thinking" && thoughts.get(key)) || signatures.issue(what);
  thoughts.set(key, thoughtSignature);
  return { ...part, thoughtSignature };
}

const asValue = (body: JsonObject): JsonValue => JSON.parse(JSON.stringify(body)) as JsonValue;

const image: ModelProfile = { ...imageModel, id: "gemini-3.1-flash-image", maxOutputTokens: 32_768 };

const flash: ModelProfile = { ...gemini3, id: "gemini-3-flash" };

test.each([claude, gemini3, flash, flash25, gptOss, image])(
  "$id: the strict server takes whatever a client may send",
  (model) => {
    fc.assert(
      fc.property(history, options, repairs, fc.boolean(), (turns, fields, tried, asksAtTheEnd) => {
        const contents: Content[] = turns.map(({ role, parts }) => ({
          role,
          parts: parts.map((each) => sign(each, model, world.signatures)),
        }));
        const question: Content = { role: "user", parts: [{ text: "and now?" }] };
        if (asksAtTheEnd) contents.push(question);
        else contents.unshift(question);
        const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
        const asked: GenerateRequest = { ...request(), ...given, contents };
        const before = JSON.stringify(asked);
        const { body, requestType } = lowerRequest(asked, model, new Set(tried));
        expect(JSON.stringify(asked)).toBe(before);
        expect(judge(envelope(model.id, asValue(body) as JsonObject, { requestType }))).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  },
);
