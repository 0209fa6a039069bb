import { afterAll, beforeAll, beforeEach, describe, expect } from "bun:test";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";
import { eventsIn } from "../support/clients.ts";
import {
  call,
  calls,
  emptyCandidates,
  image,
  malformedCall,
  maxTokens,
  parts,
  promptBlocked,
  searched,
  SENTINELS,
  stoppedFor,
  text,
  thinking,
  turn,
  usageOnly,
} from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS, IMAGE } from "../support/cloudcode/samples.ts";
import { claudeSignature, geminiSignature } from "../support/signature-samples.ts";
import { type Bench, MODES, startBench } from "./support/bench.ts";
import { PNG } from "./support/media.ts";
import { object, objects, testTraps, type TrapProtocol, type Traps } from "./support/traps.ts";
import { contentsOf, declaredNames, mediaOf, partsOf, spoken, systemText, toolTurns } from "./support/wire.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const protocol: TrapProtocol = {
  model: GEMINI_3,
  post: ({ url }, { body, model, headers }, mode) =>
    fetch(
      `${url()}/v1beta/models/${model}:${mode === "streamed" ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      {
        method: "POST",
        headers: { ...headers },
        body: JSON.stringify(body),
      },
    ),
  collect(stream) {
    const chunks = eventsIn(stream).map(({ data }) => JSON.parse(data) as JsonObject);
    const candidates = chunks.map((chunk) => objects(chunk["candidates"])[0] ?? {});
    const finished = candidates.filter(({ finishReason }) => finishReason !== undefined);
    expect(finished).toEqual(candidates.slice(-1));
    const all = candidates.flatMap(({ content }) => objects(object(content)["parts"]));
    expect(chunks.at(-1)).toMatchObject({
      usageMetadata: { promptTokenCount: expect.any(Number), totalTokenCount: expect.any(Number) },
    });
    return { ...chunks.at(-1), candidates: [{ ...finished[0], content: { role: "model", parts: all } }] };
  },
};

// ---- what a conversation is made of ----

const user = (...said: (string | JsonObject)[]): JsonObject => ({ role: "user", parts: said.map(part) });
const model = (...said: (string | JsonObject)[]): JsonObject => ({ role: "model", parts: said.map(part) });
const part = (said: string | JsonObject): JsonObject => (typeof said === "string" ? { text: said } : said);
const called = (name = "lookup", more: JsonObject = {}): JsonObject => ({ functionCall: { name, ...more } });
const output = (response: JsonValue, name = "lookup", more: JsonObject = {}): JsonObject => ({
  functionResponse: { name, response, ...more },
});
const declare = (...names: string[]): JsonObject[] => [{ functionDeclarations: names.map((name) => ({ name })) }];
const lookup = [
  { functionDeclarations: [{ name: "lookup", parameters: { type: "OBJECT", properties: { q: { type: "STRING" } } } }] },
];
const hi = [user("hi")];
const schema = (spelling: string, properties: JsonObject, rest: JsonObject = {}): JsonObject => ({
  contents: hi,
  tools: [{ functionDeclarations: [{ name: "lookup", [spelling]: { type: "object", properties, ...rest } }] }],
});
const parametersOf = ({ tools }: { tools?: { functionDeclarations?: { parameters?: object }[] }[] }) =>
  tools?.[0]?.functionDeclarations?.[0]?.parameters;

const candidateOf = (reply: JsonObject): JsonObject => objects(reply["candidates"])[0] ?? {};
const replyParts = (reply: JsonObject) => objects(object(candidateOf(reply)["content"])["parts"]);
const textOf = (reply: JsonObject) =>
  replyParts(reply)
    .filter(({ thought }) => thought !== true)
    .map((each) => each["text"] ?? "")
    .join("");
const callsOf = (reply: JsonObject) =>
  replyParts(reply).flatMap(({ functionCall }) => (functionCall ? [object(functionCall)] : []));

const LONG_ID = `call_${"x".repeat(995)}`;
const ODD_NAME = "mcp.server/do it";
const JSON_TEXT = `[{"a":1}]`;
const BOTH = [CLAUDE, GEMINI_3] as const;

const ENVELOPE: Traps = [
  [
    3,
    {
      says: "a client's billing project and key are not passed on",
      body: { contents: hi },
      headers: { "x-goog-user-project": "somebody-elses", "x-goog-api-client": "genai-js/1" },
      check: () => {
        expect(Object.keys(bench.upstream.calls().at(-1)?.headers ?? {})).not.toContain("x-goog-user-project");
      },
    },
  ],
  [
    5,
    {
      says: "the model and the stream of a body stay here",
      body: { model: "models/other", contents: hi, stream: true },
      check: ({ request, envelope }) => {
        expect(envelope.model).toBe(GEMINI_3);
        expect(Object.keys(request).sort()).toEqual(["contents", "sessionId"]);
      },
    },
  ],
  [
    6,
    {
      says: "calling is configured within the request, in either spelling",
      body: {
        contents: hi,
        tools: lookup,
        tool_config: { function_calling_config: { mode: "any", allowed_function_names: ["lookup"] } },
      },
      check: ({ request }) => {
        expect(request.toolConfig).toEqual({
          functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["lookup"] },
        });
      },
    },
  ],
  [
    7,
    {
      says: "fields of another protocol stay out of the request and are told as lost",
      body: { contents: hi, anthropic_version: "x", max_tokens: 5 },
      check: ({ request, loss }) => {
        expect(Object.keys(request).sort()).toEqual(["contents", "sessionId"]);
        expect(loss).toContain("anthropic_version");
      },
    },
  ],
  [
    14,
    {
      says: "Claude's thoughts are there without a stream too",
      body: { contents: hi, generationConfig: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } },
      model: CLAUDE,
      answers: [turn([thinking("Hm."), text("Yes.")])],
      check: ({ reply }) => {
        expect(replyParts(reply).filter(({ thought }) => thought)[0]).toMatchObject({ text: "Hm." });
      },
    },
  ],
];

const CONVERSATION: Traps = [
  ...BOTH.map(
    (id) =>
      [
        32,
        {
          says: `a conversation that begins with the model is answered by ${id}`,
          body: { contents: [model("Hello!"), user("hi")] },
          model: id,
          check: ({ request }) => expect(spoken(request).at(-2)).toEqual(["model", "Hello!"]),
        },
      ] as Traps[number],
  ),
  [
    33,
    {
      says: "the beginning of an answer is asked to be gone on with",
      body: { contents: [user("hi"), model("Once upon")] },
      check: ({ request }) =>
        expect(spoken(request)).toEqual([["user", expect.stringMatching(/^hi\|.*Once upon$/s) as never]]),
    },
  ],
  [
    34,
    {
      says: "calls at the end are no beginning of an answer: they get results",
      body: { contents: [user("hi"), model(called())], tools: lookup },
      check: ({ request }) => expect(toolTurns(request)).toMatchObject([{ calls: [{}], responses: [{}] }]),
    },
  ],
  [
    35,
    {
      says: "two contents of the user are one turn",
      body: { contents: [user("a"), user("b")] },
      model: CLAUDE,
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "a|b"]]),
    },
  ],
  ...BOTH.flatMap((id) =>
    (
      [
        [36, "after", user(output({ result: "4" }), "go on")],
        [51, "before", user("go on", output({ result: "4" }))],
      ] as const
    ).map(
      ([number, where, last]) =>
        [
          number,
          {
            says: `results come before words that stand ${where} them, ${id}`,
            body: { contents: [user("hi"), model(called()), last], tools: lookup },
            model: id,
            check: ({ request }) => {
              expect(toolTurns(request)).toMatchObject([
                { responses: [{ name: "lookup", response: { result: "4" } }], beside: [{ text: "go on" }] },
              ]);
            },
          },
        ] as Traps[number],
    ),
  ),
  [
    37,
    {
      says: "empty parts leave nothing",
      body: {
        contents: [
          user(""),
          { role: "user", parts: [] },
          { role: "model", parts: null },
          model({ text: null }, {}),
          user("hi"),
        ],
      },
      model: CLAUDE,
      check: ({ request }) => expect(contentsOf(request)).toEqual([{ role: "user", parts: [{ text: "hi" }] }]),
    },
  ],
  [
    38,
    {
      says: "an empty text before a call is left out",
      body: { contents: [user("hi"), model("", called()), user(output({ result: 4 }))], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => expect(partsOf(contentsOf(request)[1])).toMatchObject([{ functionCall: {} }]),
    },
  ],
  [
    39,
    {
      says: "white space of an answer is kept",
      body: { contents: hi },
      answers: [turn([text("a"), text(" "), text("\n\n"), text("b")])],
      check: ({ reply }) => expect(textOf(reply)).toBe("a \n\nb"),
    },
  ],
  [
    40,
    {
      says: "texts that are none are read as what they mean",
      body: { contents: [user({ text: 42 }, { text: { text: "x" } })] },
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "42|x"]]),
    },
  ],
  [
    41,
    {
      says: "[undefined] is nothing",
      body: {
        contents: hi,
        systemInstruction: "[undefined]",
        tools: "[undefined]",
        safetySettings: "[undefined]",
        generationConfig: {
          temperature: "[undefined]",
          stopSequences: ["[undefined]"],
          thinkingConfig: { thinkingLevel: "[undefined]" },
        },
      },
      check: ({ request }) => expect(Object.keys(request).sort()).toEqual(["contents", "sessionId"]),
    },
  ],
  ...[
    "Be brief.",
    { text: "Be brief." },
    { parts: { text: "Be brief." } },
    [{ text: "Be brief." }],
    { role: "system", parts: [{ text: "Be brief." }] },
  ].map(
    (instruction, index) =>
      [
        42,
        {
          says: `a system instruction may be written in form ${index}`,
          body: {
            contents: hi,
            [index % 2 === 0 ? "systemInstruction" : "system_instruction"]: instruction as JsonValue,
          },
          check: ({ request }) => expect(systemText(request)).toBe("Be brief."),
        },
      ] as Traps[number],
  ),
  [
    43,
    {
      says: "a system instruction of nothing is none",
      body: { contents: hi, systemInstruction: { parts: [{ text: "" }, {}] } },
      check: ({ request }) => expect(request.systemInstruction).toBeUndefined(),
    },
  ],
  [
    45,
    {
      says: "a picture is asked for in the user's role",
      body: { contents: { parts: { text: "a boat" } }, generationConfig: { responseModalities: ["TEXT", "IMAGE"] } },
      model: IMAGE,
      answers: [turn(image(PNG))],
      check: ({ request, envelope }) => {
        expect(spoken(request)).toEqual([["user", "a boat"]]);
        expect(envelope.requestType).toBe("image_gen");
      },
    },
  ],
];

const three = model(called("lookup"), called("other"), called("lookup"));

const CALLS: Traps = [
  ...([CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS] as const).flatMap((id) => [
    [
      49,
      {
        says: `three results in contents of their own are one content, ${id}`,
        body: {
          contents: [
            user("hi"),
            three,
            user(output({ n: 1 })),
            { role: "function", parts: [output({ n: 2 }, "other")] },
            user(output({ n: 3 })),
          ],
          tools: lookup,
        },
        model: id,
        check: ({ request }) => {
          expect(toolTurns(request).map(({ responses }) => responses.map(({ response }) => response["n"]))).toEqual([
            [1, 2, 3],
          ]);
        },
      },
    ] as Traps[number],
    [
      57,
      {
        says: `results without ids go to their names' calls in order, ${id}`,
        body: {
          contents: [user("hi"), three, user(output({ n: 2 }, "other"), output({ n: 1 }), output({ n: 3 }))],
          tools: lookup,
        },
        model: id,
        check: ({ request }) => {
          const [only] = toolTurns(request);
          expect(only?.responses.map(({ response }) => response["n"])).toEqual([1, 2, 3]);
          expect(only?.responses.map(({ id: given }) => given)).toEqual(only?.calls.map(({ id: given }) => given));
          expect(new Set(only?.calls.map(({ id: given }) => given)).size).toBe(3);
        },
      },
    ] as Traps[number],
  ]),
  [
    57,
    {
      says: "Claude's calls have ids, also where the client will lose them",
      body: { contents: hi, tools: lookup },
      model: CLAUDE,
      answers: [turn(calls([{ name: "lookup" }, { name: "lookup" }]))],
      check: ({ reply }) => expect(new Set(callsOf(reply).map(({ id }) => id)).size).toBe(2),
    },
  ],
  [
    50,
    {
      says: "results in another order are put in that of the calls by their ids",
      body: {
        contents: [
          user("hi"),
          model(called("lookup", { id: "a" }), called("lookup", { id: "b" })),
          user(output({ n: "b" }, "lookup", { id: "b" }), output({ n: "a" }, "lookup", { id: "a" })),
        ],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) =>
        expect(toolTurns(request)[0]?.responses.map(({ response }) => response["n"])).toEqual(["a", "b"]),
    },
  ],
  [
    52,
    {
      says: "a call without a result is given one",
      body: { contents: [user("hi"), model(called()), user("never mind")], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request)).toMatchObject([
          { responses: [{ response: { error: expect.any(String) as never } }] },
        ]);
      },
    },
  ],
  [
    53,
    {
      says: "a result without a call is told in words",
      body: { contents: [user(output({ result: "forty" })), user("so?")], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => {
        expect(JSON.stringify(request)).not.toContain("functionResponse");
        expect(spoken(request)[0]?.[1]).toContain("forty");
      },
    },
  ],
  [
    54,
    {
      says: "of two results for a call the first counts",
      body: {
        contents: [
          user("hi"),
          model(called("lookup", { id: "a" })),
          user(output({ n: 1 }, "lookup", { id: "a" }), output({ n: 2 }, "lookup", { id: "a" })),
        ],
        tools: lookup,
      },
      check: ({ request }) =>
        expect(toolTurns(request)[0]?.responses.map(({ response }) => response)).toEqual([{ n: 1 }]),
    },
  ],
  [
    56,
    {
      says: "a result without a name has its call's",
      body: {
        contents: [user("hi"), model(called("lookup", { id: "a" })), user(output({ n: 1 }, "", { id: "a" }))],
        tools: lookup,
      },
      check: ({ request }) => expect(toolTurns(request)[0]?.responses).toMatchObject([{ name: "lookup" }]),
    },
  ],
  [
    58,
    {
      says: "odd ids reach Claude as ones it takes, and a long one stays whole",
      body: {
        contents: [
          user("hi"),
          model(called("lookup", { id: "a:b.c|d" }), called("lookup", { id: LONG_ID })),
          user(output({ n: 2 }, "lookup", { id: LONG_ID }), output({ n: 1 }, "lookup", { id: "a:b.c|d" })),
        ],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        const [only] = toolTurns(request);
        expect(only?.calls[1]?.id).toBe(LONG_ID);
        expect(only?.responses.map(({ response }) => response["n"])).toEqual([1, 2]);
      },
    },
  ],
  [
    59,
    {
      says: "an id that is used again pairs within its own turn",
      body: {
        contents: [1, 2]
          .flatMap((n) => [
            user(`q${n}`),
            model(called("lookup", { id: "a" })),
            user(output({ n }, "lookup", { id: "a" })),
            model("ok"),
          ])
          .concat(user("?")),
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request).map(({ responses }) => responses.map(({ response }) => response["n"]))).toEqual([
          [1],
          [2],
        ]);
      },
    },
  ],
  [
    61,
    {
      says: "arguments are an object, whatever was sent",
      body: {
        contents: [
          user("hi"),
          model(...[null, `{"q":"x"}`, [1], 7, "{broken"].map((args) => called("lookup", { args: args as JsonValue }))),
        ],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request)[0]?.calls.map(({ args }) => args)).toEqual([
          {},
          { q: "x" },
          { params: [1] },
          { params: 7 },
          { params: "{broken" },
        ]);
      },
    },
  ],
  [
    62,
    {
      says: "arguments and results of the history are not cleaned",
      body: {
        contents: [
          user("hi"),
          model(called("lookup", { args: { format: "a", title: "b", default: null, snake_case: 1 } })),
          user(output({ inline_data: { mime_type: "x" }, title: "t" })),
        ],
        tools: lookup,
      },
      check: ({ request }) => {
        const [only] = toolTurns(request);
        expect(only?.calls[0]?.args).toEqual({ format: "a", title: "b", default: null, snake_case: 1 });
        expect(only?.responses[0]?.response).toEqual({ inline_data: { mime_type: "x" }, title: "t" });
      },
    },
  ],
  [
    63,
    {
      says: "a call without arguments has an empty object of them",
      body: { contents: hi, tools: declare("now") },
      model: CLAUDE,
      answers: [turn(call("now"))],
      check: ({ reply }) => expect(callsOf(reply)).toMatchObject([{ name: "now", args: {} }]),
    },
  ],
  ...(
    [
      [64, "a list that was written as text is a list where the schema says so", "ARRAY", [{ a: 1 }]],
      [65, "text that happens to be JSON stays text", "STRING", JSON_TEXT],
    ] as const
  ).map(
    ([number, says, type, value]) =>
      [
        number,
        {
          says,
          body: schema("parameters", { content: { type, ...(type === "ARRAY" && { items: { type: "OBJECT" } }) } }),
          answers: [turn(call("lookup", { content: JSON_TEXT }))],
          check: ({ reply }) => expect(callsOf(reply)[0]?.["args"]).toEqual({ content: value } as never),
        },
      ] as Traps[number],
  ),
  ...BOTH.map(
    (id) =>
      [
        66,
        {
          says: `a picture among a call's results reaches ${id} behind them or within`,
          body: {
            contents: [
              user("hi"),
              model(called("lookup"), called("other")),
              user(
                output({ result: "seen" }, "lookup", { parts: [{ inlineData: { mimeType: "image/png", data: PNG } }] }),
                output({ n: 2 }, "other"),
              ),
            ],
            tools: lookup,
          },
          model: id,
          check: ({ request }) => {
            expect(toolTurns(request)[0]?.responses.map(({ response }) => response)).toEqual([
              { result: "seen" },
              { n: 2 },
            ]);
            expect(mediaOf(partsOf(contentsOf(request)[2]))).toEqual([{ mimeType: "image/png", data: PNG }]);
          },
        },
      ] as Traps[number],
  ),
  [
    67,
    {
      says: "a result of nothing is an empty text",
      body: {
        contents: [
          user("hi"),
          model(called(), called(), called()),
          user(output(null), output({}), { functionResponse: { name: "lookup" } }),
        ],
        tools: lookup,
      },
      check: ({ request }) => {
        expect(toolTurns(request)[0]?.responses.map(({ response }) => response)).toEqual(
          [1, 2, 3].map(() => ({ result: "" })),
        );
      },
    },
  ],
  [
    68,
    {
      says: "a result that is no object is one's result",
      body: { contents: [user("hi"), model(called(), called()), user(output(JSON_TEXT), output([1]))], tools: lookup },
      check: ({ request }) => {
        expect(toolTurns(request)[0]?.responses.map(({ response }) => response)).toEqual([
          { result: JSON_TEXT },
          { result: [1] },
        ]);
      },
    },
  ],
  [
    70,
    {
      says: "tools without a name and of the same name are left out",
      body: {
        contents: hi,
        tools: [{ functionDeclarations: [{ name: "a" }, { description: "x" }, { name: "a" }] }, ...declare("b"), {}],
      },
      check: ({ request, loss }) => {
        expect(request.tools).toHaveLength(1);
        expect(declaredNames(request)).toEqual(["a", "b"]);
        expect(loss).toContain("tools[0].functionDeclarations[1]");
      },
    },
  ],
  [
    70,
    {
      says: "a list of no tools is no list",
      body: { contents: hi, tools: [{ functionDeclarations: [] }] },
      check: ({ request }) => expect(request.tools).toBeUndefined(),
    },
  ],
  [
    71,
    {
      says: "what else is said of a tool stays here",
      body: {
        contents: hi,
        tools: [
          { functionDeclarations: [{ name: "a", behavior: "BLOCKING", response: { type: "OBJECT" }, strict: true }] },
        ],
      },
      check: ({ request }) => {
        expect(request.tools).toEqual([
          { functionDeclarations: [{ name: "a", parameters: expect.anything() as never }] },
        ]);
      },
    },
  ],
  ...BOTH.map(
    (id) =>
      [
        73,
        {
          says: `odd names of tools are legal for ${id} and come back as they were`,
          body: {
            contents: [user("hi"), model(called(ODD_NAME)), user(output({ n: 1 }, ODD_NAME))],
            tools: declare(ODD_NAME, "9lives", "y".repeat(90)),
            toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: [ODD_NAME] } },
          },
          model: id,
          answers: [
            (context) => turn(call(context.body.request?.contents?.[1]?.parts?.[0]?.functionCall?.name ?? ""))(context),
          ],
          check: ({ request, reply }) => {
            const names = declaredNames(request);
            for (const name of names) expect(name).toMatch(/^[A-Za-z_][\w-]{0,63}$/);
            expect(request.toolConfig?.functionCallingConfig?.allowedFunctionNames).toEqual([names[0] ?? ""]);
            expect(callsOf(reply)).toMatchObject([{ name: ODD_NAME }]);
          },
        },
      ] as Traps[number],
  ),
  [
    76,
    {
      says: "where no call is wanted none can be made",
      body: { contents: hi, tools: lookup, toolConfig: { functionCallingConfig: { mode: "NONE" } } },
      model: CLAUDE,
      check: ({ request }) => expect(request.toolConfig?.functionCallingConfig?.mode).toBe("NONE"),
    },
  ],
  [
    77,
    {
      says: "calls of the history are declared though no tool is left",
      body: { contents: [user("hi"), model(called()), user(output({ n: 1 })), user("and?")] },
      model: CLAUDE,
      check: ({ request }) => {
        expect(declaredNames(request)).toEqual(["lookup"]);
        expect(request.toolConfig?.functionCallingConfig?.mode).toBe("NONE");
      },
    },
  ],
  ...[
    { googleSearch: {} },
    { google_search: {} },
    { googleSearchRetrieval: {} },
    { urlContext: {} },
    { codeExecution: {} },
  ].map(
    (hosted) =>
      [
        78,
        {
          says: `${Object.keys(hosted)[0]} beside functions is left out and told`,
          body: { contents: hi, tools: [hosted as JsonObject, ...lookup] },
          check: ({ request, loss }) => {
            expect(request.tools).toHaveLength(1);
            expect(declaredNames(request)).toEqual(["lookup"]);
            expect(loss).toContain("tools");
          },
        },
      ] as Traps[number],
  ),
  [
    79,
    {
      says: "a search after a long conversation with calls knows all of it",
      body: {
        contents: Array.from({ length: 40 }, (_, n) => [
          user(`question ${n}`),
          model(called()),
          user(output({ n })),
          model(`answer ${n}`),
        ])
          .flat()
          .concat(user("And in Zürich?")),
        tools: [{ googleSearch: {} }],
      },
      answers: [searched([{ text: "Regen in Zürich.", pages: ["https://a.example.test/"] }])],
      check: ({ request, reply }) => {
        expect(request.tools?.filter(({ googleSearch }) => googleSearch)).toHaveLength(1);
        expect(contentsOf(request)).toHaveLength(161);
        expect(candidateOf(reply)["groundingMetadata"]).toMatchObject({
          groundingChunks: [{ web: { uri: "https://a.example.test/" } }],
        });
      },
    },
  ],
  [
    81,
    {
      says: "a name that no tool has is not guessed at",
      body: { contents: hi, tools: declare("mcp__files__read") },
      answers: [turn(call("read", {}))],
      check: ({ reply }) => expect(callsOf(reply)).toMatchObject([{ name: "read" }]),
    },
  ],
];

const SCHEMAS: Traps = [
  ...["parameters", "parametersJsonSchema", "parameters_json_schema"].flatMap((spelling) => [
    [
      82,
      {
        says: `properties named like keywords stay in ${spelling}`,
        body: schema(spelling, {
          title: { type: "string" },
          format: { type: "string" },
          default: { type: "string" },
          $id: { type: "string" },
          properties: { type: "string" },
          type: { type: "string" },
          enum: { type: "string" },
          any_of: { type: "string" },
        }),
        check: ({ request }) => {
          expect(Object.keys((parametersOf(request) as { properties: object }).properties)).toEqual([
            "title",
            "format",
            "default",
            "$id",
            "properties",
            "type",
            "enum",
            "any_of",
          ]);
        },
      },
    ] as Traps[number],
    [
      83,
      {
        says: `every known oddity of a schema is taken by upstream in ${spelling}`,
        body: schema(
          spelling,
          {
            a: { type: ["string", "null"] },
            b: { type: "array", items: [{ type: "string" }, { type: "number" }] },
            c: { type: "ARRAY" },
            d: { anyOf: [{ const: "x" }, { const: "y" }] },
            e: { enum: [1, true, null] },
            f: { $ref: "#/$defs/node" },
            g: false,
            h: { type: "string", required: true },
            i: { type: "object", additionalProperties: { type: "string" } },
            j: { type: "TYPE_UNSPECIFIED", "x-odd": 1, deprecated: true, nullable: true, propertyOrdering: ["x"] },
            k: { any_of: [{ type: "STRING" }, { type: "NULL" }], max_items: "3", min_length: "1" },
          },
          {
            $schema: "https://json-schema.org/draft/2020-12/schema",
            $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
            required: ["a", "gone"],
            additionalProperties: false,
            property_ordering: ["a"],
          },
        ),
        model: CLAUDE,
        check: ({ request }) => {
          expect(Object.keys((parametersOf(request) as { properties: object }).properties)).toContain("k");
        },
      },
    ] as Traps[number],
  ]),
  [
    95,
    {
      says: "what fills an empty schema does not come back",
      body: { contents: hi, tools: declare("now") },
      model: CLAUDE,
      answers: [
        (context) => {
          const [filled = ""] = Object.keys(
            context.body.request?.tools?.[0]?.functionDeclarations?.[0]?.parameters?.properties ?? {},
          );
          return turn(call("now", { [filled]: true }))(context);
        },
      ],
      check: ({ reply }) => expect(callsOf(reply)).toMatchObject([{ args: {} }]),
    },
  ],
  ...[null, { type: "ARRAY", items: { type: "STRING" } }, {}].map(
    (parameters, index) =>
      [
        96,
        {
          says: `a root that is no object is one, ${index}`,
          body: {
            contents: hi,
            tools: [{ functionDeclarations: [{ name: "a", parameters: parameters as JsonValue }] }],
          },
          model: CLAUDE,
          check: ({ request }) =>
            expect(parametersOf(request)).toMatchObject({ type: expect.stringMatching(/^object$/i) as never }),
        },
      ] as Traps[number],
  ),
  ...["responseSchema", "responseJsonSchema", "response_schema"].flatMap((spelling) =>
    BOTH.map(
      (id) =>
        [
          98,
          {
            says: `the answer of ${id} fits its ${spelling}, which nothing is put into`,
            body: {
              contents: hi,
              generationConfig: {
                responseMimeType: "application/json",
                [spelling]: {
                  type: "object",
                  properties: { a: { type: "integer", minimum: 0 } },
                  required: ["a"],
                  propertyOrdering: ["a"],
                },
              },
            },
            model: id,
            answers: [turn(text(id === CLAUDE ? 'Here:\n```json\n{"a":1}\n```' : '{"a":1}'))],
            check: ({ request, reply }) => {
              expect(JSON.parse(textOf(reply))).toEqual({ a: 1 });
              if (id === GEMINI_3)
                expect(Object.keys(request.generationConfig?.responseSchema?.properties ?? {})).toEqual(["a"]);
            },
          },
        ] as Traps[number],
    ),
  ),
];

const WORDS = { type: "STRING", enum: ["yes", "no"] };

const SETTINGS: Traps = [
  ...BOTH.map(
    (id) =>
      [
        98,
        {
          says: `a word to choose comes without quotes, ${id}`,
          body: { contents: hi, generationConfig: { responseMimeType: "text/x.enum", responseSchema: WORDS } },
          model: id,
          answers: [turn(text(id === CLAUDE ? "yes\n" : `"yes"`, { deltas: 2 }))],
          check: ({ reply }) => expect(textOf(reply)).toBe("yes"),
        },
      ] as Traps[number],
  ),
  [
    100,
    {
      says: "more tokens than a model writes are cut and told",
      body: { contents: hi, generation_config: { max_output_tokens: 128_000 } },
      model: CLAUDE,
      check: ({ request, loss }) => {
        expect(request.generationConfig?.maxOutputTokens).toBe(64_000);
        expect(loss).toContain("generation_config.max_output_tokens");
      },
    },
  ],
  [
    101,
    {
      says: "a limit below the thinking is raised",
      body: { contents: hi, generationConfig: { maxOutputTokens: 2000, thinkingConfig: { thinkingBudget: 4000 } } },
      model: CLAUDE,
      check: ({ request }) => expect(request.generationConfig?.maxOutputTokens).toBeGreaterThan(4000),
    },
  ],
  [
    102,
    {
      says: "thoughts that shall be shown are thought",
      body: { contents: hi, generationConfig: { thinkingConfig: { includeThoughts: true } } },
      model: CLAUDE,
      check: ({ request }) =>
        expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBeGreaterThanOrEqual(1024),
    },
  ],
  [
    103,
    {
      says: "a budget below Claude's least is raised to it",
      body: { contents: hi, generationConfig: { thinkingConfig: { thinkingBudget: 512 } } },
      model: CLAUDE,
      check: ({ request }) => expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBe(1024),
    },
  ],
  [
    104,
    {
      says: "a budget above a model's most is lowered to it",
      body: { contents: hi, generationConfig: { thinkingConfig: { thinkingBudget: 32_000 } } },
      model: GEMINI_25,
      check: ({ request }) => expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBe(24_576),
    },
  ],
  [
    105,
    {
      says: "of a level and a budget one is sent",
      body: { contents: hi, generationConfig: { thinkingConfig: { thinkingBudget: 2000, thinkingLevel: "LOW" } } },
      check: ({ request }) => {
        expect(request.generationConfig?.thinkingConfig).toEqual({ includeThoughts: true, thinkingBudget: 2000 });
      },
    },
  ],
  ...["MINIMAL", "low", "MEDIUM", "High", "THINKING_LEVEL_UNSPECIFIED"].flatMap((thinkingLevel) =>
    [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS, "gemini-3.1-pro-low"].map(
      (id) =>
        [
          thinkingLevel === "MINIMAL" ? 107 : 106,
          {
            says: `a level of ${thinkingLevel} is taken by ${id}`,
            body: { contents: hi, generationConfig: { maxOutputTokens: 1000, thinkingConfig: { thinkingLevel } } },
            model: id,
            check: ({ request }) => {
              const { thinkingBudget, thinkingLevel: level } = request.generationConfig?.thinkingConfig ?? {};
              expect(thinkingBudget !== undefined && level !== undefined).toBe(false);
            },
          },
        ] as Traps[number],
    ),
  ),
  [
    108,
    {
      says: "a budget that the model shall choose is a number",
      body: { contents: hi, generationConfig: { thinkingConfig: { thinkingBudget: -1 } } },
      check: ({ request }) => expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBeGreaterThan(0),
    },
  ],
  [
    109,
    {
      says: "a budget of nothing is no thinking",
      body: { contents: hi, generationConfig: { thinkingConfig: { thinkingBudget: 0, includeThoughts: true } } },
      model: GEMINI_25,
      check: ({ request }) => expect(request.generationConfig?.thinkingConfig).toEqual({ thinkingBudget: 0 }),
    },
  ],
  [
    110,
    {
      says: "a model of pictures is not told to think",
      body: {
        contents: hi,
        generationConfig: {
          thinkingConfig: { thinkingLevel: "HIGH" },
          imageConfig: { aspectRatio: "16:9", imageSize: "2k" },
        },
      },
      model: IMAGE,
      answers: [turn(image(PNG))],
      check: ({ request }) => {
        expect(request.generationConfig).toEqual({
          candidateCount: 1,
          imageConfig: { aspectRatio: "16:9", imageSize: "2K" },
        });
      },
    },
  ],
  [
    111,
    {
      says: "stops are made fit",
      body: { contents: hi, generationConfig: { stopSequences: ["", "a", "b", "c", "d", "e", "f"] } },
      check: ({ request }) => expect(request.generationConfig?.stopSequences).toEqual(["a", "b", "c", "d", "e"]),
    },
  ],
  [
    112,
    {
      says: "a temperature is not rounded",
      body: { contents: hi, generationConfig: { temperature: 0.95, topP: 0.1, topK: 40 } },
      check: ({ request }) => expect(request.generationConfig).toEqual({ temperature: 0.95, topP: 0.1, topK: 40 }),
    },
  ],
  [
    114,
    {
      says: "a media type of JSON asks for JSON",
      body: { contents: hi, generationConfig: { responseMimeType: "application/json" } },
      answers: [turn(text('{"a":1}'))],
      check: ({ request }) => expect(request.generationConfig).toEqual({ responseMimeType: "application/json" }),
    },
  ],
  [
    115,
    {
      says: "one candidate is one candidate",
      body: { contents: hi, generationConfig: { candidateCount: 1 } },
      check: ({ request }) => expect(request.generationConfig?.candidateCount ?? 1).toBe(1),
    },
  ],
  ...["gemini-2.5-flash(8192)", "gemini-2.5-flash(high)"].map(
    (id) =>
      [
        117,
        {
          says: `${id} is a model and what it shall think`,
          body: { contents: hi },
          model: id,
          check: ({ request, envelope, reply }) => {
            expect(envelope.model).toBe("gemini-2.5-flash");
            expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBeGreaterThan(8000);
            expect(reply["modelVersion"]).toBe(id);
          },
        },
      ] as Traps[number],
  ),
];

const SIGNATURES: Traps = [
  [
    118,
    {
      says: "an unknown call is signed, and only the first of parallel ones",
      body: {
        contents: [
          user("hi"),
          model(called("lookup"), called("other")),
          user(output({ n: 1 }), output({ n: 2 }, "other")),
        ],
        tools: lookup,
      },
      check: ({ request }) => {
        const signatures = partsOf(contentsOf(request)[1]).map((each) => each.thoughtSignature);
        expect(SENTINELS).toContain(String(signatures[0]));
        expect(signatures[1]).toBeUndefined();
      },
    },
  ],
  [
    126,
    {
      says: "a bare mark of a thought is nothing",
      body: { contents: [user("hi"), model({ thought: true }, { thought: true, text: "Hm." }, "Yes."), user("so?")] },
      model: CLAUDE,
      check: ({ request }) => expect(spoken(request)[1]).toEqual(["model", "Yes."]),
    },
  ],
  [
    129,
    {
      says: "a loop that lost its thinking goes on without",
      body: {
        contents: [user("hi"), model(called()), user(output({ n: 1 }))],
        tools: lookup,
        generationConfig: { thinkingConfig: { thinkingBudget: 2048 } },
      },
      model: CLAUDE,
      check: ({ request, loss }) => {
        expect(request.generationConfig?.thinkingConfig).toBeUndefined();
        expect(loss).toContain("thinkingBudget");
      },
    },
  ],
  // What was refused once is not tried again: each mode has a signature of its own.
  ...MODES.flatMap((only) =>
    BOTH.map((id) => {
      const signature = (id === CLAUDE ? claudeSignature : geminiSignature)(`forged, ${only}`);
      const thought = { thought: true, text: "Hm.", thoughtSignature: signature };
      const signed = id === CLAUDE ? [thought, called()] : [{ ...called(), thoughtSignature: signature }];
      return [
        140,
        {
          says: `a signature that upstream refuses is left out, and the request sent once more, ${id}`,
          only,
          body: {
            contents: [user("hi"), model(...signed), user(output({ n: 1 }))],
            tools: lookup,
            generationConfig: { thinkingConfig: { thinkingBudget: 2048 } },
          },
          model: id,
          refusedBy: id === CLAUDE ? "claude-signature" : "gemini-signature",
          check: ({ request, calls: asked }) => {
            expect(asked).toBe(2);
            expect(JSON.stringify(request)).not.toContain(signature);
          },
        },
      ] as Traps[number];
    }),
  ),
  [
    131,
    {
      says: "a signature in a part of its own comes after its text",
      body: { contents: hi },
      answers: [turn(text("Yes.", { signature: "carrier" }))],
      check: ({ reply }) => {
        expect(textOf(reply)).toBe("Yes.");
        expect(replyParts(reply).filter(({ thoughtSignature }) => thoughtSignature !== undefined)).toHaveLength(1);
      },
    },
  ],
  [
    135,
    {
      says: "a signature in the other spelling is one",
      body: { contents: hi, tools: lookup },
      answers: [turn(call("lookup"), { signatureField: "thought_signature" })],
      check: ({ reply }) =>
        expect(replyParts(reply)[0]).toMatchObject({ thoughtSignature: expect.stringMatching(/./) as never }),
    },
  ],
  [
    139,
    {
      says: "a signature of the user's is left out",
      body: {
        contents: [
          user({ text: "hi", thoughtSignature: "c2ln" }),
          model(called()),
          user({ ...output({ n: 1 }), thought_signature: "c2ln" }),
        ],
        tools: lookup,
      },
      check: ({ request }) => expect(JSON.stringify(request)).not.toContain("c2ln"),
    },
  ],
];

const ANSWERS: Traps = [
  ...BOTH.map(
    (id) =>
      [
        141,
        {
          says: `a turn of calls ends with STOP, ${id}`,
          body: { contents: hi, tools: lookup },
          model: id,
          answers: [turn([text("Let me see."), call("lookup", { q: "x" })])],
          check: ({ reply }) => expect(candidateOf(reply)["finishReason"]).toBe("STOP"),
        },
      ] as Traps[number],
  ),
  [
    142,
    {
      says: "an answer that is cut says so",
      body: { contents: hi },
      answers: [maxTokens("Once")],
      check: ({ reply }) => expect(candidateOf(reply)["finishReason"]).toBe("MAX_TOKENS"),
    },
  ],
  [
    143,
    {
      says: "an answer that is withheld says why",
      body: { contents: hi },
      answers: [stoppedFor("PROHIBITED_CONTENT")],
      check: ({ reply, calls: asked }) => {
        expect(candidateOf(reply)["finishReason"]).toBe("PROHIBITED_CONTENT");
        expect(asked).toBe(1);
      },
    },
  ],
  [
    143,
    {
      says: "a prompt that is refused says why",
      body: { contents: hi },
      answers: [promptBlocked("BLOCKLIST")],
      check: ({ reply, calls: asked }) => {
        expect(reply["promptFeedback"]).toEqual({ blockReason: "BLOCKLIST" });
        expect(asked).toBe(1);
      },
    },
  ],
  [
    144,
    {
      says: "a call that cannot be read is asked for again",
      body: { contents: hi },
      answers: [malformedCall(), turn(text("now"))],
      check: ({ reply }) => expect(textOf(reply)).toBe("now"),
    },
  ],
  ...[usageOnly(), emptyCandidates()].map(
    (answer, index) =>
      [
        145,
        {
          says: `an answer of nothing is asked for again, ${index}`,
          body: { contents: hi },
          answers: [answer, turn(text("now"))],
          check: ({ reply }) => expect(textOf(reply)).toBe("now"),
        },
      ] as Traps[number],
  ),
  [
    146,
    {
      says: "an answer of thinking alone has a part and an end",
      body: { contents: hi },
      model: CLAUDE,
      answers: [turn(thinking("Hm.")), turn(thinking("Hm.")), turn(thinking("Hm."))],
      check: ({ reply }) => {
        expect(replyParts(reply).length).toBeGreaterThan(0);
        expect(candidateOf(reply)["finishReason"]).toBe("STOP");
      },
    },
  ],
  [
    147,
    {
      says: "two texts of one event are both there",
      body: { contents: hi },
      answers: [turn(parts({ text: "a" }, { text: "b" }))],
      check: ({ reply }) => expect(textOf(reply)).toBe("ab"),
    },
  ],
  ...(["one-event", "event-each"] as const).map(
    (spread) =>
      [
        148,
        {
          says: `the same call three times is three calls, ${spread}`,
          body: { contents: hi, tools: lookup },
          answers: [
            turn(
              calls(
                [1, 2, 3].map(() => ({ name: "lookup", args: { q: "x" } })),
                { spread },
              ),
            ),
          ],
          check: ({ reply }) => {
            expect(callsOf(reply).map(({ args }) => args)).toEqual([1, 2, 3].map(() => ({ q: "x" })));
            expect(new Set(callsOf(reply).map(({ id }) => id)).size).toBe(3);
          },
        },
      ] as Traps[number],
  ),
  ...(
    [
      ["apart", { candidatesTokenCount: 5, totalTokenCount: 115 }],
      ["included", { candidatesTokenCount: 15, totalTokenCount: 115 }],
    ] as const
  ).map(
    ([how, counts]) =>
      [
        151,
        {
          says: `thoughts are counted once when they are counted ${how}`,
          body: { contents: hi },
          answers: [
            turn(text("a"), {
              usage: { promptTokenCount: 100, cachedContentTokenCount: 80, thoughtsTokenCount: 10, ...counts },
            }),
          ],
          check: ({ reply }) => {
            expect(reply["usageMetadata"]).toEqual({
              promptTokenCount: 100,
              cachedContentTokenCount: 80,
              candidatesTokenCount: 5,
              thoughtsTokenCount: 10,
              totalTokenCount: 115,
            });
          },
        },
      ] as Traps[number],
  ),
  [
    154,
    {
      says: "a picture is a part, its drafts are not",
      body: { contents: hi },
      model: IMAGE,
      answers: [turn([image("AAAA", { draft: true }), image(PNG)])],
      check: ({ reply }) => {
        expect(replyParts(reply).flatMap(({ inlineData }) => inlineData ?? [])).toEqual([
          { mimeType: "image/png", data: PNG },
        ]);
      },
    },
  ],
  [
    154,
    {
      says: "code that was run is there with what came of it",
      body: { contents: hi, tools: [{ codeExecution: {} }] },
      answers: [
        turn([
          parts({ executableCode: { language: "PYTHON", code: "print(1)" } }),
          parts({ codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } }),
          text("One."),
        ]),
      ],
      check: ({ request, reply }) => {
        expect(request.tools as unknown).toEqual([{ codeExecution: {} }]);
        expect(replyParts(reply).slice(0, 2)).toEqual([
          { executableCode: { language: "PYTHON", code: "print(1)" } },
          { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } },
        ]);
      },
    },
  ],
  [
    157,
    {
      says: "thinking is shown to those who ask for it only",
      body: { contents: hi },
      answers: [turn([thinking("Hm."), text("<think>x</think> Yes.")])],
      check: ({ reply }) => {
        expect(JSON.stringify(reply)).not.toContain("Hm.");
        expect(textOf(reply)).toBe("<think>x</think> Yes.");
      },
    },
  ],
];

describe("what the envelope and the events may hold", () => testTraps(ENVELOPE, protocol, () => bench));
describe("what a conversation may look like", () => testTraps(CONVERSATION, protocol, () => bench));
describe("what calls and tools may look like", () => testTraps(CALLS, protocol, () => bench));
describe("what schemas may look like", () => testTraps(SCHEMAS, protocol, () => bench));
describe("what may be asked for", () => testTraps(SETTINGS, protocol, () => bench));
describe("what signatures may be missing or foreign", () => testTraps(SIGNATURES, protocol, () => bench));
describe("what answers may look like", () => testTraps(ANSWERS, protocol, () => bench));
