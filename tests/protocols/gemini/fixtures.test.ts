import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { gemini } from "../../../src/protocols/gemini/index.ts";
import { collect, context, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { type Form, parse, partsIn, SHOWN, signed } from "./support.ts";
import { HELLO, image, opaque, SIGNATURE } from "./support.ts";

const folder = join(import.meta.dir, "../../fixtures/gemini");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

const CALLED = turnEvents(
  [
    signed(thinking("I need ", "both cities.")),
    text("Looking up", " both."),
    signed(tool("call_oslo", "get_weather", { city: "Oslo" })),
    tool("call_rome", "get_weather", { city: "Rome" }),
  ],
  "tool",
  { finishReason: "OTHER", modelVersion: "upstream", responseId: "upstream" },
);

const GROUNDED = turnEvents([text("Zürich "), signed(text("is sunny."))], "end", {
  finishReason: "STOP",
  grounding: {
    webSearchQueries: ["weather Zürich"],
    groundingChunks: [{ web: { uri: "https://example.test/weather", title: "Weather" } }],
    groundingSupports: [{ segment: { endIndex: 17, text: "Zürich is sunny." }, groundingChunkIndices: [0] }],
  },
  safety: [{ category: "HARM_CATEGORY_HARASSMENT", probability: "NEGLIGIBLE" }],
});

const RAN_CODE = turnEvents([
  signed(opaque({ executableCode: { language: "PYTHON", code: "print(6 * 7)" } })),
  opaque({ codeExecutionResult: { outcome: "OUTCOME_OK", output: "42\n" } }),
  text("It is 42."),
]);

const DREW = turnEvents([text("Here it is:"), signed(image("iVBORw0KGgo="))]);
const BLOCKED = turnEvents([], "filtered", { filter: "PROHIBITED_CONTENT" });

const GOLDEN: [file: string, form: Form, events: readonly TurnEvent[], fields: object][] = [
  ["thoughts-text-and-parallel-calls.sse.txt", "sse", CALLED, SHOWN],
  ["hidden-thoughts-leave-no-signature.sse.txt", "sse", CALLED, {}],
  ["a-list-is-one-document.txt", "array", CALLED, SHOWN],
  ["grounding-comes-with-the-last-chunk.sse.txt", "sse", GROUNDED, {}],
  ["code-and-its-result-untouched.sse.txt", "sse", RAN_CODE, {}],
  ["a-picture-with-its-signature.sse.txt", "sse", DREW, {}],
  ["a-blocked-prompt-ends-all-the-same.sse.txt", "sse", BLOCKED, {}],
];

describe("golden answers", () => {
  test.each(GOLDEN)("%s", (file, form, events, fields) => {
    expect(
      parse({ ...HELLO, ...fields }, form)
        .reply.stream(context())
        .push(events),
    ).toBe(read(file));
  });

  test("a-whole-reply.json", () => {
    const reply = parse({ ...HELLO, ...SHOWN }).reply.whole(collect(CALLED), context());
    expect(reply).toEqual(JSON.parse(read("a-whole-reply.json")));
  });
});

describe("an answer that comes back", () => {
  const back = (parts: unknown[]) =>
    parse({ contents: [HELLO.contents[0], { role: "model", parts }] }).request.contents[1];

  test.each<[string, readonly TurnEvent[], unknown[]]>([
    [
      "calls",
      CALLED,
      [
        { text: "I need both cities.", thought: true, thoughtSignature: SIGNATURE },
        { text: "Looking up both." },
        { functionCall: { id: "call_oslo", name: "get_weather", args: { city: "Oslo" } }, thoughtSignature: SIGNATURE },
        { functionCall: { id: "call_rome", name: "get_weather", args: { city: "Rome" } } },
      ],
    ],
    ["signed text", GROUNDED, [{ text: "Zürich is sunny.", thoughtSignature: SIGNATURE }]],
    [
      "code",
      RAN_CODE,
      [
        { native: { executableCode: { language: "PYTHON", code: "print(6 * 7)" } }, thoughtSignature: SIGNATURE },
        { native: { codeExecutionResult: { outcome: "OUTCOME_OK", output: "42\n" } } },
        { text: "It is 42." },
      ],
    ],
    [
      "a picture",
      DREW,
      [
        { text: "Here it is:" },
        { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" }, thoughtSignature: SIGNATURE },
      ],
    ],
  ])("is what it was, streamed or whole, signatures included: %s", (_, events, parts) => {
    const call = parse({ ...HELLO, ...SHOWN }, "array");
    const streamed = JSON.parse(call.reply.stream(context()).push(events)) as unknown[];
    const whole = call.reply.whole(collect(events), context());
    expect(back(partsIn(streamed))).toEqual({ role: "model", parts: parts as never });
    expect(back(partsIn([whole]))).toEqual({ role: "model", parts: parts as never });
  });
});

describe("requests shaped like those of real clients", () => {
  const SUFFIX = ".request.json";
  const names = readdirSync(folder).filter((file) => file.endsWith(SUFFIX));

  test.each(names)("%s is understood without a loss", (name) => {
    const address = { model: "gemini-test", method: "generateContent", query: new URLSearchParams() };
    const { request, losses } = gemini.parse({ body: JSON.parse(read(name)), headers: new Headers(), address });
    expect(losses).toEqual([]);
    expect(request).toEqual(JSON.parse(read(name.replace(SUFFIX, ".canonical.json"))));
  });
});
