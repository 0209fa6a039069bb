import { afterAll, beforeAll, beforeEach, describe, expect } from "bun:test";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";
import { eventsIn } from "../support/clients.ts";
import {
  call,
  calls,
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
import { sealThinking } from "../../src/protocols/openai-responses/sealed.ts";
import { anthropicDirectSignature, claudeSignature } from "../support/signature-samples.ts";
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
    fetch(`${url()}/v1/responses`, {
      method: "POST",
      headers: { ...headers },
      body: JSON.stringify({ model, ...body, stream: mode === "streamed" }),
    }),
  collect(stream) {
    const events = eventsIn(stream).map(({ data }) => JSON.parse(data) as JsonObject);
    const ends = events.filter(({ type }) => /^response\.(completed|incomplete|failed)$/.test(String(type)));
    expect(ends).toHaveLength(1);
    expect(events.at(-1)).toEqual(object(ends[0]));
    const response = object(ends[0]?.["response"]);
    const done = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => object(item));
    expect(done).toEqual(objects(response["output"]));
    return response;
  },
};

// ---- what a conversation is made of ----

const user = (content: JsonValue): JsonObject => ({ role: "user", content });
const said = (content: JsonValue): JsonObject => ({ role: "assistant", content });
const called = (id: string, name = "lookup", args: JsonValue = "{}"): JsonObject => ({
  type: "function_call",
  call_id: id,
  name,
  arguments: args,
});
const output = (id: string, result: JsonValue): JsonObject => ({
  type: "function_call_output",
  call_id: id,
  output: result,
});
const tool = (name: string, parameters: JsonObject | null = { type: "object", properties: {} }): JsonObject => ({
  type: "function",
  name,
  parameters,
});
const lookup = [tool("lookup", { type: "object", properties: { q: { type: "string" } } })];
/** A tool's schema, in a request that says hi. */
const schema = (properties: JsonObject, rest: JsonObject = {}): JsonObject => ({
  input: "hi",
  tools: [tool("lookup", { type: "object", properties, ...rest })],
});
const parametersOf = ({ tools }: { tools?: { functionDeclarations?: { parameters?: object }[] }[] }) =>
  tools?.[0]?.functionDeclarations?.[0]?.parameters;

const outputOf = (reply: JsonObject, type: string) => objects(reply["output"]).filter((item) => item["type"] === type);
const textOf = (reply: JsonObject) =>
  outputOf(reply, "message")
    .flatMap((item) => objects(item["content"]))
    .map((part) => part["text"] ?? "")
    .join("");

const LONG_ID = `call_${"x".repeat(995)}`;
const ODD_NAME = "mcp.server/do it";
const JSON_TEXT = `[{"a":1}]`;

const ENVELOPE: Traps = [
  [
    3,
    {
      says: "a client's billing project is not passed on",
      body: { input: "hi" },
      headers: { "x-goog-user-project": "somebody-elses" },
      check: () => {
        expect(bench.upstream.calls().at(-1)?.headers).not.toHaveProperty("x-goog-user-project");
      },
    },
  ],
  [
    4,
    {
      says: "a repeated call has another request id",
      body: { input: "hi" },
      answers: [malformedCall(), turn(text("now"))],
      check: ({ reply }) => {
        const ids = bench.upstream.calls().map(({ body }) => object(body)["requestId"]);
        expect(new Set(ids).size).toBe(2);
        expect(textOf(reply)).toBe("now");
      },
    },
  ],
  [
    7,
    {
      says: "fields of another protocol stay out of the request and are told as lost",
      body: { input: "hi", anthropic_version: "x", max_tokens: 5, system: "y", metadata: { user_id: "u" } },
      check: ({ request, loss }) => {
        expect(Object.keys(request).sort()).toEqual(["contents", "sessionId"]);
        for (const field of ["anthropic_version", "max_tokens", "system"]) expect(loss).toContain(field);
      },
    },
  ],
  [
    8,
    {
      says: "cache_control is left out wherever it stands",
      body: {
        input: [
          { role: "user", content: [{ type: "input_text", text: "hi", cache_control: { type: "ephemeral" } }] },
          called("c1"),
          { ...output("c1", [{ type: "input_text", text: "x", cache_control: {} }]), cache_control: {} },
        ],
        tools: [{ ...tool("lookup"), cache_control: { type: "ephemeral" } }],
      },
      model: CLAUDE,
      check: ({ request }) => expect(JSON.stringify(request)).not.toContain("cache_control"),
    },
  ],
  [
    14,
    {
      says: "Claude's thoughts are there without a stream too",
      body: { input: "hi", reasoning: { effort: "low", summary: "auto" } },
      model: CLAUDE,
      answers: [turn([thinking("Hm."), text("Yes.")])],
      check: ({ reply }) => {
        expect(outputOf(reply, "reasoning")[0]?.["summary"]).toEqual([{ type: "summary_text", text: "Hm." }]);
      },
    },
  ],
  ...([21, 22] as const).map(
    (number) =>
      [
        number,
        {
          says: number === 21 ? "counts that come after the finish are told" : "counts of every event are not summed",
          body: { input: "hi" },
          answers: [
            turn(text("Hello you", { deltas: 3 }), {
              usage: { promptTokenCount: 9, candidatesTokenCount: 4, totalTokenCount: 13 },
              usageAt: number === 21 ? "after-finish" : "every",
            }),
          ],
          check: ({ reply }) => {
            expect(reply["usage"]).toMatchObject({ input_tokens: 9, output_tokens: 4, total_tokens: 13 });
          },
        },
      ] as Traps[number],
  ),
];

const CONVERSATION: Traps = [
  [
    29,
    {
      says: "a system item in mid-conversation keeps its place",
      body: { input: [user("a"), said("b"), { role: "system", content: "Be brief." }, user("c")] },
      check: ({ request }) => {
        expect(spoken(request)).toEqual([
          ["user", "a"],
          ["model", "b"],
          ["user", "Be brief.|c"],
        ]);
      },
    },
  ],
  [
    30,
    {
      says: "system text alone is what is asked",
      body: { input: [{ role: "system", content: "Say hi." }] },
      check: ({ request }) => {
        expect(spoken(request)).toEqual([["user", "Say hi."]]);
        expect(request.systemInstruction).toBeUndefined();
      },
    },
  ],
  [
    30,
    {
      says: "instructions alone are what is asked",
      body: { instructions: "Say hi.", input: "" },
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "Say hi."]]),
    },
  ],
  [
    31,
    {
      says: "a developer's words are system text",
      body: { instructions: "One.", input: [{ role: "developer", content: "Two." }, user("hi")] },
      check: ({ request }) => expect(systemText(request)).toBe("One.\nTwo."),
    },
  ],
  ...([GEMINI_3, CLAUDE] as const).map(
    (model) =>
      [
        32,
        {
          says: `a conversation that begins with the model is answered by ${model}`,
          body: { input: [said("Hello!"), user("hi")] },
          model,
          check: ({ request }) => expect(spoken(request).at(-2)).toEqual(["model", "Hello!"]),
        },
      ] as Traps[number],
  ),
  [
    33,
    {
      says: "the beginning of an answer is asked to be gone on with",
      body: { input: [user("hi"), said("Once upon")] },
      check: ({ request }) => {
        expect(contentsOf(request)).toHaveLength(1);
        expect(spoken(request)[0]?.[1]).toEndWith("Once upon");
      },
    },
  ],
  [
    34,
    {
      says: "calls at the end are no beginning of an answer: they get results",
      body: { input: [user("hi"), called("c1")], tools: lookup },
      check: ({ request }) =>
        expect(toolTurns(request)).toMatchObject([{ calls: [{ id: "c1" }], responses: [{ id: "c1" }] }]),
    },
  ],
  [
    35,
    {
      says: "two items of the user are one turn",
      body: { input: [user("a"), user("b")] },
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "a|b"]]),
    },
  ],
  ...([CLAUDE, GEMINI_3] as const).flatMap((model) =>
    (
      [
        [36, "after", [user("hi"), called("c1"), output("c1", "4"), user("go on")]],
        [51, "before", [user("hi"), called("c1"), user("go on"), output("c1", "4")]],
      ] as const
    ).map(
      ([number, where, input]) =>
        [
          number,
          {
            says: `results come before words that stand ${where} them, ${model}`,
            body: { input: [...input], tools: lookup },
            model,
            check: ({ request }) => {
              expect(toolTurns(request)).toMatchObject([
                { responses: [{ id: "c1", name: "lookup", response: { result: "4" } }], beside: [{ text: "go on" }] },
              ]);
            },
          },
        ] as Traps[number],
    ),
  ),
  [
    37,
    {
      says: "empty contents leave nothing",
      body: {
        input: [
          user(""),
          user([]),
          said(null),
          said([{ type: "output_text", text: "" }]),
          user([{ type: "input_text", text: "hi" }]),
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
      body: {
        input: [user("hi"), said([{ type: "output_text", text: "" }]), called("c1"), output("c1", "4")],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => expect(partsOf(contentsOf(request)[1])).toMatchObject([{ functionCall: { id: "c1" } }]),
    },
  ],
  [
    39,
    {
      says: "white space of an answer is kept",
      body: { input: "hi" },
      answers: [turn([text("a"), text(" "), text("\n\n"), text("b")])],
      check: ({ reply }) => expect(textOf(reply)).toBe("a \n\nb"),
    },
  ],
  [
    40,
    {
      says: "texts that are none are read as what they mean",
      body: {
        input: [
          user([
            { type: "input_text", text: 42 },
            { type: "input_text", text: { text: "x" } },
          ]),
        ],
      },
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "42|x"]]),
    },
  ],
  [
    41,
    {
      says: "[undefined] is nothing",
      body: {
        input: "hi",
        instructions: "[undefined]",
        temperature: "[undefined]",
        tools: "[undefined]",
        reasoning: "[undefined]",
        text: { format: "[undefined]", verbosity: "[undefined]" },
        previous_response_id: "[undefined]",
      },
      check: ({ request }) => expect(Object.keys(request).sort()).toEqual(["contents", "sessionId"]),
    },
  ],
  [
    43,
    {
      says: "empty system texts are no system text",
      body: {
        instructions: "",
        input: [{ role: "developer", content: " " }, { role: "system", content: [] }, user("hi")],
      },
      check: ({ request }) => expect(request.systemInstruction).toBeUndefined(),
    },
  ],
  [
    45,
    {
      says: "a picture is asked for in the user's role",
      body: { input: "a boat" },
      model: IMAGE,
      answers: [turn(image(PNG))],
      check: ({ request, envelope }) => {
        expect(spoken(request)).toEqual([["user", "a boat"]]);
        expect(envelope.requestType).toBe("image_gen");
      },
    },
  ],
  [
    46,
    {
      says: "items without a type are messages, texts the user's",
      body: { input: ["a", user("b"), { role: "user", content: "c" }] },
      check: ({ request }) => expect(spoken(request)).toEqual([["user", "a|b|c"]]),
    },
  ],
  [
    47,
    {
      says: "what is an answer's text is the model's, whoever it is said to be of",
      body: { input: [user("a"), { role: "user", content: [{ type: "output_text", text: "b" }] }, user("c")] },
      check: ({ request }) => expect(spoken(request).map(([role]) => role)).toEqual(["user", "model", "user"]),
    },
  ],
  [
    48,
    {
      says: "calls of every kind are in the history",
      body: {
        input: [
          user("hi"),
          called("c1"),
          { type: "custom_tool_call", call_id: "c2", name: "exec", input: "ls" },
          { type: "local_shell_call", call_id: "c3", action: { type: "exec", command: ["ls"] }, status: "completed" },
          output("c1", "1"),
          { type: "custom_tool_call_output", call_id: "c2", output: "2" },
          { type: "local_shell_call_output", id: "c3", output: "3" },
        ],
        tools: [...lookup, { type: "custom", name: "exec" }, { type: "local_shell" }],
      },
      check: ({ request }) => {
        expect(toolTurns(request)).toMatchObject([
          {
            calls: [{ name: "lookup" }, { name: "exec", args: { input: "ls" } }, { name: "local_shell" }],
            responses: [{ response: { result: "1" } }, { response: { result: "2" } }, { response: { result: "3" } }],
          },
        ]);
      },
    },
  ],
];

const three = [user("hi"), called("c1"), called("c2", "other"), called("c3")];

const CALLS: Traps = [
  ...([CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS] as const).flatMap((model) =>
    (
      [
        [49, "three results of one turn are one content", ["c1", "c2", "c3"]],
        [50, "results in another order are put in that of the calls", ["c3", "c1", "c2"]],
        [54, "of two results for a call the first counts", ["c1", "c1", "c2", "c3", "c3"]],
      ] as const
    ).map(
      ([number, says, order]) =>
        [
          number,
          {
            says: `${says}, ${model}`,
            body: { input: [...three, ...order.map((id, index) => output(id, `${id}-${index}`))], tools: lookup },
            model,
            check: ({ request }) => {
              const [only, ...others] = toolTurns(request);
              expect(others).toEqual([]);
              expect(only?.responses.map(({ name, response }) => [name, response["result"]])).toEqual(
                ["c1", "c2", "c3"].map((id) => [
                  id === "c2" ? "other" : "lookup",
                  `${id}-${(order as readonly string[]).indexOf(id)}`,
                ]),
              );
            },
          },
        ] as Traps[number],
    ),
  ),
  [
    52,
    {
      says: "a call without a result is given one",
      body: { input: [user("hi"), called("c1"), user("never mind")], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request)).toMatchObject([
          { responses: [{ id: "c1", response: { error: expect.any(String) } }] },
        ]);
      },
    },
  ],
  [
    53,
    {
      says: "a result without a call is told in words",
      body: { input: [user("hi"), output("gone", "forty"), user("so?")], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => {
        expect(JSON.stringify(request)).not.toContain("functionResponse");
        expect(spoken(request)[0]?.[1]).toContain("forty");
      },
    },
  ],
  [
    58,
    {
      says: "odd ids reach Claude as ones it takes, and stay paired",
      body: {
        input: [user("hi"), called("a:b.c|d"), called("a/b.c|d"), output("a/b.c|d", "2"), output("a:b.c|d", "1")],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        const [only] = toolTurns(request);
        const ids = only?.calls.map(({ id }) => id) ?? [];
        expect(only?.responses.map(({ id, response }) => [id, response["result"]])).toEqual([
          [ids[0], "1"],
          [ids[1], "2"],
        ] as never);
        expect(new Set(ids).size).toBe(2);
      },
    },
  ],
  [
    58,
    {
      says: "an id of a thousand characters stays whole",
      body: { input: [user("hi"), called(LONG_ID), output(LONG_ID, "1")], tools: lookup },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request)).toMatchObject([{ calls: [{ id: LONG_ID }], responses: [{ id: LONG_ID }] }]);
      },
    },
  ],
  [
    59,
    {
      says: "an id that is used again pairs within its own turn",
      body: {
        input: [
          user("hi"),
          called("c1"),
          output("c1", "1"),
          said("ok"),
          user("again"),
          called("c1"),
          output("c1", "2"),
        ],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        expect(toolTurns(request).map(({ responses }) => responses.map(({ response }) => response))).toEqual([
          [{ result: "1" }],
          [{ result: "2" }],
        ]);
      },
    },
  ],
  [
    60,
    {
      says: "arguments are an object, whatever was sent",
      body: {
        input: [
          user("hi"),
          ...["", "{broken", "[1]", "7", "null", `{"q":"x"}`].map((args, index) => called(`c${index}`, "lookup", args)),
          called("c6", "lookup", { q: "y" }),
        ],
        tools: lookup,
      },
      model: CLAUDE,
      check: ({ request }) => {
        const [only] = toolTurns(request);
        expect(only?.calls.map(({ args }) => args)).toEqual([
          {},
          { params: "{broken" },
          { params: [1] },
          { params: 7 },
          {},
          { q: "x" },
          { q: "y" },
        ]);
      },
    },
  ],
  [
    62,
    {
      says: "arguments of the history are not cleaned",
      body: {
        input: [
          user("hi"),
          called("c1", "lookup", `{"format":"a","title":"b","default":null,"$ref":"#","__proto__":{"x":1}}`),
          output("c1", "1"),
        ],
        tools: lookup,
      },
      check: ({ request }) => {
        expect(JSON.stringify(toolTurns(request)[0]?.calls[0]?.args)).toBe(
          `{"format":"a","title":"b","default":null,"$ref":"#","__proto__":{"x":1}}`,
        );
      },
    },
  ],
  [
    63,
    {
      says: "a call without arguments has an empty object of them",
      body: { input: "hi", tools: [tool("now", null)] },
      model: CLAUDE,
      answers: [turn(call("now"))],
      check: ({ reply }) => expect(outputOf(reply, "function_call")).toMatchObject([{ name: "now", arguments: "{}" }]),
    },
  ],
  ...(
    [
      [64, "a list that was written as text is a list where the schema says so", "array", [{ a: 1 }]],
      [65, "text that happens to be JSON stays text", "string", JSON_TEXT],
    ] as const
  ).map(
    ([number, says, type, value]) =>
      [
        number,
        {
          says,
          body: schema({ content: { type, ...(type === "array" && { items: { type: "object" } }) } }),
          answers: [turn(call("lookup", { content: JSON_TEXT }))],
          check: ({ reply }) => {
            const [{ arguments: args = "" } = {}] = outputOf(reply, "function_call");
            expect(JSON.parse(String(args))).toEqual({ content: value } as never);
          },
        },
      ] as Traps[number],
  ),
  ...([CLAUDE, GEMINI_3] as const).map(
    (model) =>
      [
        66,
        {
          says: `a picture among a call's results reaches ${model} behind them or within`,
          body: {
            input: [
              user("hi"),
              called("c1"),
              called("c2"),
              output("c1", [
                { type: "input_text", text: "the screen" },
                { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
              ]),
              output("c2", "12:00"),
            ],
            tools: lookup,
          },
          model,
          check: ({ request }) => {
            const [only] = toolTurns(request);
            expect(only?.responses.map(({ response }) => response)).toEqual([
              { result: "the screen" },
              { result: "12:00" },
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
        input: [
          user("hi"),
          called("c1"),
          called("c2"),
          called("c3"),
          output("c1", null),
          output("c2", ""),
          output("c3", []),
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
      says: "a result that is JSON text stays text",
      body: { input: [user("hi"), called("c1"), output("c1", JSON_TEXT)], tools: lookup },
      check: ({ request }) => expect(toolTurns(request)[0]?.responses[0]?.response).toEqual({ result: JSON_TEXT }),
    },
  ],
  [
    69,
    {
      says: "a patch that failed is told as an error",
      body: {
        input: [
          user("hi"),
          {
            type: "apply_patch_call",
            call_id: "c1",
            operation: { type: "delete_file", path: "a" },
            status: "completed",
          },
          { type: "apply_patch_call_output", call_id: "c1", status: "failed", output: "no such file" },
        ],
        tools: [{ type: "apply_patch" }],
      },
      check: ({ request }) => expect(toolTurns(request)[0]?.responses[0]?.response).toEqual({ error: "no such file" }),
    },
  ],
  [
    70,
    {
      says: "tools without a name and of the same name are left out",
      body: { input: "hi", tools: [tool("a"), { type: "function", parameters: {} }, tool("a"), tool("b")] },
      check: ({ request, loss }) => {
        expect(declaredNames(request)).toEqual(["a", "b"]);
        expect(loss).toContain("tools[1]");
        expect(loss).toContain("tools[2]");
      },
    },
  ],
  [
    70,
    {
      says: "a list of no tools is no list",
      body: { input: "hi", tools: [] },
      check: ({ request }) => expect(request.tools).toBeUndefined(),
    },
  ],
  [
    71,
    {
      says: "what else is said of a tool stays here",
      body: {
        input: "hi",
        tools: [
          { ...tool("a"), strict: true, eager_input_streaming: true, external_web_access: false, defer_loading: false },
        ],
      },
      check: ({ request }) => {
        expect(request.tools).toEqual([
          { functionDeclarations: [{ name: "a", parameters: expect.anything() as never }] },
        ]);
      },
    },
  ],
  ...([CLAUDE, GEMINI_3] as const).map(
    (model) =>
      [
        73,
        {
          says: `odd names of tools are legal for ${model} and come back as they were`,
          body: {
            input: [user("hi"), called("c1", ODD_NAME), output("c1", "1")],
            tools: [tool(ODD_NAME), tool("9lives"), tool("y".repeat(90))],
            tool_choice: { type: "function", name: ODD_NAME },
          },
          model,
          answers: [
            (context) => turn(call(context.body.request?.contents?.[1]?.parts?.[0]?.functionCall?.name ?? ""))(context),
          ],
          check: ({ request, reply }) => {
            const names = declaredNames(request);
            for (const name of names) expect(name).toMatch(/^[A-Za-z_][\w-]{0,63}$/);
            expect(request.toolConfig?.functionCallingConfig?.allowedFunctionNames).toEqual([names[0] ?? ""]);
            expect(outputOf(reply, "function_call")).toMatchObject([{ name: ODD_NAME }]);
          },
        },
      ] as Traps[number],
  ),
  [
    74,
    {
      says: "names that are alike once they are legal stay two",
      body: { input: "hi", tools: [tool("a.b"), tool("a/b"), tool("a_b")] },
      check: ({ request }) => expect(new Set(declaredNames(request)).size).toBe(3),
    },
  ],
  [
    74,
    {
      says: "a tool of a namespace and one that is named like it stay two",
      body: {
        input: "hi",
        tools: [tool("mcp__ag__odd"), { type: "namespace", name: "mcp__ag", tools: [tool("odd")] }],
      },
      answers: [
        (context) =>
          turn(
            calls((context.body.request?.tools?.[0]?.functionDeclarations ?? []).map(({ name = "" }) => ({ name }))),
          )(context),
      ],
      check: ({ reply }) => {
        const found = outputOf(reply, "function_call");
        expect(found.map(({ name, namespace }) => [name, namespace])).toEqual([
          ["mcp__ag__odd", undefined],
          ["odd", "mcp__ag"],
        ] as never);
      },
    },
  ],
  [
    76,
    {
      says: "where no call is wanted none can be made",
      body: { input: "hi", tools: lookup, tool_choice: "none" },
      model: CLAUDE,
      check: ({ request }) => expect(request.toolConfig?.functionCallingConfig?.mode).toBe("NONE"),
    },
  ],
  [
    77,
    {
      says: "calls of the history are declared though no tool is left",
      body: { input: [user("hi"), called("c1"), output("c1", "1"), user("and?")] },
      model: CLAUDE,
      check: ({ request }) => {
        expect(declaredNames(request)).toEqual(["lookup"]);
        expect(request.toolConfig?.functionCallingConfig?.mode).toBe("NONE");
      },
    },
  ],
  [
    78,
    {
      says: "a search that is offered beside functions is left out and told",
      body: { input: "hi", tools: [...lookup, { type: "web_search" }] },
      check: ({ request, loss }) => {
        expect(JSON.stringify(request.tools)).not.toContain("googleSearch");
        expect(loss).toContain("tools");
      },
    },
  ],
  [
    79,
    {
      says: "a search after a long conversation is one question that knows the last words before it",
      body: {
        input: Array.from({ length: 40 }, (_, index) => [
          user(`question ${index}`),
          called(`c${index}`),
          output(`c${index}`, "x"),
          said(`answer ${index}`),
        ])
          .flat()
          .concat(user("And in Zürich?")),
        tools: [{ type: "web_search" }],
      },
      answers: [searched([{ text: "Regen in Zürich.", pages: ["https://a.example.test/"] }])],
      check: ({ request, reply, envelope }) => {
        expect(envelope.requestType).toBe("web_search");
        expect(request.tools?.filter(({ googleSearch }) => googleSearch)).toHaveLength(1);
        expect(contentsOf(request)).toHaveLength(1);
        expect(JSON.stringify(contentsOf(request))).toMatch(/answer 39[^]*And in Zürich\?/);
        expect(JSON.stringify(reply["output"])).toContain("https://a.example.test/");
      },
    },
  ],
  ...([{ input: "ls -l" }, { command: "ls -l" }, {}, { a: "x", b: "y" }] as const).map(
    (args, index) =>
      [
        80,
        {
          says: `a tool without a schema takes one text and is called with it, ${index}`,
          body: { input: "hi", tools: [{ type: "custom", name: "exec" }] },
          model: CLAUDE,
          answers: [turn(call("exec", { ...args }))],
          check: ({ reply }) => {
            const input = ["ls -l", "ls -l", "", `{"a":"x","b":"y"}`][index] ?? "";
            expect(outputOf(reply, "custom_tool_call")).toMatchObject([{ name: "exec", input }]);
          },
        },
      ] as Traps[number],
  ),
  [
    81,
    {
      says: "a name that no tool has is not guessed at",
      body: { input: "hi", tools: [tool("mcp__files__read")] },
      answers: [turn(call("read", {}))],
      check: ({ reply }) => expect(outputOf(reply, "function_call")).toMatchObject([{ name: "read" }]),
    },
  ],
];

const SCHEMAS: Traps = [
  [
    82,
    {
      says: "properties named like keywords stay",
      body: schema({
        title: { type: "string" },
        format: { type: "string" },
        default: { type: "string" },
        $id: { type: "string" },
        properties: { type: "string" },
        type: { type: "string" },
        enum: { type: "string" },
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
        ]);
      },
    },
  ],
  [
    83,
    {
      says: "every known oddity of a schema is taken by upstream",
      body: schema(
        {
          a: { type: ["string", "null"] },
          b: { type: "array", items: [{ type: "string" }, { type: "number" }] },
          c: { type: "array" },
          d: { anyOf: [{ const: "x" }, { const: "y" }] },
          e: { enum: [1, true, null] },
          f: { $ref: "#/$defs/node" },
          g: false,
          h: { type: "string", required: true },
          i: { type: "object", additionalProperties: { type: "string" } },
          j: { type: "string", "x-odd": 1, deprecated: true, encrypted: true, contentEncoding: "base64" },
          k: { type: "array", prefixItems: [{ type: "string" }], items: false },
        },
        {
          $schema: "https://json-schema.org/draft/2020-12/schema",
          $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
          required: ["a", "gone"],
          additionalProperties: false,
          propertyNames: { pattern: "^a" },
        },
      ),
      model: CLAUDE,
      check: ({ request }) => expect(Object.keys(parametersOf(request) ?? {})).toContain("properties"),
    },
  ],
  [
    95,
    {
      says: "what fills an empty schema does not come back",
      body: { input: "hi", tools: [tool("now", {})] },
      model: CLAUDE,
      answers: [
        (context) => {
          const [filled = ""] = Object.keys(
            context.body.request?.tools?.[0]?.functionDeclarations?.[0]?.parameters?.properties ?? {},
          );
          return turn(call("now", { [filled]: true }))(context);
        },
      ],
      check: ({ reply }) => expect(outputOf(reply, "function_call")).toMatchObject([{ arguments: "{}" }]),
    },
  ],
  ...([null, { type: "array", items: { type: "string" } }, {}] as const).map(
    (parameters, index) =>
      [
        96,
        {
          says: `a root that is no object is one, ${index}`,
          body: { input: "hi", tools: [tool("a", parameters as JsonObject | null)] },
          model: CLAUDE,
          check: ({ request }) =>
            expect(parametersOf(request)).toMatchObject({ type: expect.stringMatching(/^object$/i) as never }),
        },
      ] as Traps[number],
  ),
  [
    97,
    {
      says: "a schema of two hundred levels is cut",
      body: schema({ a: nested(200) }),
      check: ({ request }) => expect(request.tools).toHaveLength(1),
    },
  ],
  [
    98,
    {
      says: "the schema of an answer is not filled up",
      body: {
        input: "hi",
        text: {
          format: {
            type: "json_schema",
            name: "x",
            strict: true,
            schema: { type: "object", properties: {}, additionalProperties: false },
          },
        },
      },
      answers: [turn(text("{}"))],
      check: ({ request, reply }) => {
        expect(request.generationConfig).toMatchObject({ responseMimeType: "application/json" });
        expect(Object.keys(request.generationConfig?.responseSchema?.properties ?? {})).toEqual([]);
        expect(textOf(reply)).toBe("{}");
      },
    },
  ],
  [
    98,
    {
      says: "Claude's answer is the JSON alone",
      body: {
        input: "hi",
        text: {
          format: {
            type: "json_schema",
            name: "x",
            schema: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
          },
        },
      },
      model: CLAUDE,
      answers: [turn(text('Here:\n```json\n{"a":1}\n```'))],
      check: ({ reply }) => expect(JSON.parse(textOf(reply))).toEqual({ a: 1 }),
    },
  ],
];

function nested(levels: number): JsonObject {
  let inner: JsonObject = { type: "string" };
  for (let level = 0; level < levels; level++) inner = { type: "object", properties: { a: inner } };
  return inner;
}

const SETTINGS: Traps = [
  [
    100,
    {
      says: "more tokens than a model writes are cut and told",
      body: { input: "hi", max_output_tokens: 128_000 },
      model: CLAUDE,
      check: ({ request, loss }) => {
        expect(request.generationConfig?.maxOutputTokens).toBe(64_000);
        expect(loss).toContain("max_output_tokens");
      },
    },
  ],
  ...(["minimal", "low", "medium", "high", "xhigh", "max"] as const).flatMap((effort) =>
    [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS, "gemini-3.1-pro-low"].map(
      (model) =>
        [
          116,
          {
            says: `an effort of ${effort} is taken by ${model}`,
            body: { input: "hi", reasoning: { effort }, max_output_tokens: 1000 },
            model,
            check: ({ request }) => {
              const { thinkingBudget, thinkingLevel } = request.generationConfig?.thinkingConfig ?? {};
              expect(thinkingBudget !== undefined && thinkingLevel !== undefined).toBe(false);
            },
          },
        ] as Traps[number],
    ),
  ),
  [
    109,
    {
      says: "no reasoning is no reasoning",
      body: { input: "hi", reasoning: { effort: "none" } },
      model: GEMINI_25,
      check: ({ request }) => expect(request.generationConfig?.thinkingConfig).toEqual({ thinkingBudget: 0 }),
    },
  ],
  [
    110,
    {
      says: "a model of pictures is not told to think",
      body: { input: "a boat", reasoning: { effort: "high", summary: "auto" } },
      model: IMAGE,
      answers: [turn(image(PNG))],
      check: ({ request }) => expect(request.generationConfig).not.toHaveProperty("thinkingConfig"),
    },
  ],
  [
    111,
    {
      says: "stops of another API are made fit",
      body: { input: "hi", stop: ["", "a", "b", "c", "d", "e", "f"] },
      check: ({ request }) => expect(request.generationConfig?.stopSequences).toEqual(["a", "b", "c", "d", "e"]),
    },
  ],
  [
    112,
    {
      says: "a temperature is not rounded",
      body: { input: "hi", temperature: 0.95, top_p: 0.1 },
      check: ({ request }) => expect(request.generationConfig).toEqual({ temperature: 0.95, topP: 0.1 }),
    },
  ],
  [
    113,
    {
      says: "Claude is given no sampling while it thinks",
      body: { input: "hi", temperature: 0.5, top_p: 0.9, reasoning: { effort: "low" } },
      model: CLAUDE,
      check: ({ request, loss }) => {
        expect(request.generationConfig).not.toHaveProperty("temperature");
        expect(loss).toContain("temperature");
      },
    },
  ],
  [
    114,
    {
      says: "json_object asks for JSON",
      body: { input: "JSON please", text: { format: { type: "json_object" } } },
      answers: [turn(text('{"a":1}'))],
      check: ({ request }) => expect(request.generationConfig).toMatchObject({ responseMimeType: "application/json" }),
    },
  ],
  ...(["gemini-2.5-flash(8192)", "gemini-2.5-flash(high)"] as const).map(
    (model) =>
      [
        117,
        {
          says: `${model} is a model and what it shall think`,
          body: { input: "hi" },
          model,
          check: ({ request, envelope, reply }) => {
            expect(envelope.model).toBe("gemini-2.5-flash");
            expect(request.generationConfig?.thinkingConfig?.thinkingBudget).toBeGreaterThan(8000);
            expect(reply["model"]).toBe(model);
          },
        },
      ] as Traps[number],
  ),
];

const foreign: JsonObject = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAAABo_not_ours" };

const SIGNATURES: Traps = [
  [
    118,
    {
      says: "an unknown call is signed for Gemini",
      body: { input: [user("hi"), called("c1"), output("c1", "1")], tools: lookup },
      check: ({ request }) => {
        const part = partsOf(contentsOf(request)[1])[0];
        expect(SENTINELS).toContain(String(part?.thoughtSignature));
      },
    },
  ],
  [
    119,
    {
      says: "only the first of parallel calls is signed",
      body: { input: [...three, ...["c1", "c2", "c3"].map((id) => output(id, id))], tools: lookup },
      check: ({ request }) => {
        expect(partsOf(contentsOf(request)[1]).map((part) => part.thoughtSignature !== undefined)).toEqual([
          true,
          false,
          false,
        ]);
      },
    },
  ],
  ...([CLAUDE, GEMINI_3] as const).map(
    (model) =>
      [
        122,
        {
          says: `reasoning of elsewhere is left out for ${model}`,
          body: {
            input: [
              user("hi"),
              foreign,
              { ...foreign, id: "rs_2", encrypted_content: anthropicDirectSignature("elsewhere") },
              { type: "reasoning", id: "rs_3", summary: [{ type: "summary_text", text: "Never thought here." }] },
              called("c1"),
              output("c1", "1"),
            ],
            tools: lookup,
            reasoning: { effort: "low" },
          },
          model,
          check: ({ request }) => {
            const parts = contentsOf(request).flatMap(partsOf);
            expect(parts.some(({ thought }) => thought)).toBe(false);
          },
        },
      ] as Traps[number],
  ),
  [
    129,
    {
      says: "a loop that lost its thinking goes on without",
      body: { input: [user("hi"), called("c1"), output("c1", "1")], tools: lookup, reasoning: { effort: "high" } },
      model: CLAUDE,
      check: ({ request, loss }) => {
        expect(request.generationConfig?.thinkingConfig).toBeUndefined();
        expect(loss).toContain("reasoning");
      },
    },
  ],
  // What was refused once is not tried again: each mode has a signature of its own.
  ...MODES.map((only) => {
    const signature = claudeSignature(`forged, ${only}`);
    const sealed = sealThinking({ text: "Hm.", signature });
    return [
      140,
      {
        says: "reasoning that upstream refuses is left out, and the request sent once more",
        only,
        body: {
          input: [
            user("hi"),
            { type: "reasoning", summary: [], encrypted_content: sealed },
            called("c1"),
            output("c1", "1"),
          ],
          tools: lookup,
          reasoning: { effort: "low" },
        },
        model: CLAUDE,
        refusedBy: "claude-signature",
        check: ({ request, loss, calls: asked }) => {
          expect(asked).toBe(2);
          expect(JSON.stringify(request)).not.toContain(signature);
          expect(loss).toContain("reasoning");
        },
      },
    ] as Traps[number];
  }),
  [
    131,
    {
      says: "a signature in a part of its own is in the reasoning item",
      body: { input: "hi", reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] },
      model: CLAUDE,
      answers: [turn([thinking("Hm.", { signature: "empty-part", deltas: 2 }), text("Yes.")])],
      check: ({ reply }) => {
        expect(outputOf(reply, "reasoning")).toMatchObject([
          { encrypted_content: expect.stringMatching(/./) as never },
        ]);
      },
    },
  ],
  [
    132,
    {
      says: "a signed text is text",
      body: { input: "hi", reasoning: { summary: "auto" } },
      answers: [turn(text("Yes.", { signature: "part" }))],
      check: ({ reply }) => {
        expect(textOf(reply)).toBe("Yes.");
        expect(outputOf(reply, "reasoning")).toEqual([]);
      },
    },
  ],
  [
    134,
    {
      says: "two thoughts with signatures are two items",
      body: { input: "hi", reasoning: { effort: "low", summary: "auto" } },
      model: CLAUDE,
      answers: [turn([thinking("One."), thinking("Two."), text("Yes.")])],
      check: ({ reply }) => {
        expect(outputOf(reply, "reasoning").map((item) => objects(item["summary"])[0]?.["text"])).toEqual([
          "One.",
          "Two.",
        ]);
      },
    },
  ],
];

const ANSWERS: Traps = [
  ...([CLAUDE, GEMINI_3] as const).map(
    (model) =>
      [
        141,
        {
          says: `a turn of calls is completed, ${model}`,
          body: { input: "hi", tools: lookup },
          model,
          answers: [turn([text("Let me see."), call("lookup", { q: "x" })])],
          check: ({ reply }) => {
            expect(reply["status"]).toBe("completed");
            expect(outputOf(reply, "function_call")).toMatchObject([{ status: "completed", arguments: `{"q":"x"}` }]);
          },
        },
      ] as Traps[number],
  ),
  [
    142,
    {
      says: "an answer that is cut says so",
      body: { input: "hi" },
      answers: [maxTokens("Once")],
      check: ({ reply }) => {
        expect(reply).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
        expect(textOf(reply)).toBe("Once");
      },
    },
  ],
  ...(
    [
      [stoppedFor("SAFETY"), "an answer that is withheld"],
      [stoppedFor("PROHIBITED_CONTENT", "I will"), "an answer that is broken off for what it says"],
      [promptBlocked("PROHIBITED_CONTENT"), "a prompt that is refused"],
    ] as const
  ).map(
    ([answer, what]) =>
      [
        143,
        {
          says: `${what} is filtered`,
          body: { input: "hi" },
          answers: [answer],
          check: ({ reply, calls: asked }) => {
            expect(reply).toMatchObject({ status: "incomplete", incomplete_details: { reason: "content_filter" } });
            expect(asked).toBe(1);
          },
        },
      ] as Traps[number],
  ),
  [
    145,
    {
      says: "an answer of counts alone is asked for again",
      body: { input: "hi" },
      answers: [usageOnly(), turn(text("now"))],
      check: ({ reply }) => expect(textOf(reply)).toBe("now"),
    },
  ],
  [
    146,
    {
      says: "an answer of thinking alone ends properly",
      body: { input: "hi", reasoning: { effort: "low" } },
      model: CLAUDE,
      answers: [turn(thinking("Hm.")), turn(thinking("Hm.")), turn(thinking("Hm."))],
      check: ({ reply }) => expect(reply["status"]).toBe("completed"),
    },
  ],
  [
    147,
    {
      says: "two texts of one event are both there",
      body: { input: "hi" },
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
          body: { input: "hi", tools: lookup },
          answers: [
            turn(
              calls(
                [1, 2, 3].map(() => ({ name: "lookup", args: { q: "x" } })),
                { spread },
              ),
            ),
          ],
          check: ({ reply }) => {
            const found = outputOf(reply, "function_call");
            expect(found.map((item) => item["arguments"])).toEqual([1, 2, 3].map(() => `{"q":"x"}`));
            expect(new Set(found.map((item) => item["call_id"])).size).toBe(3);
            expect(new Set(found.map((item) => item["id"])).size).toBe(3);
          },
        },
      ] as Traps[number],
  ),
  [
    150,
    {
      says: "cached tokens are part of the input",
      body: { input: "hi" },
      answers: [
        turn(text("a"), {
          usage: { promptTokenCount: 100, cachedContentTokenCount: 80, candidatesTokenCount: 5, totalTokenCount: 105 },
        }),
      ],
      check: ({ reply }) => {
        expect(reply["usage"]).toMatchObject({
          input_tokens: 100,
          input_tokens_details: { cached_tokens: 80 },
          output_tokens: 5,
        });
      },
    },
  ],
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
          body: { input: "hi" },
          answers: [turn(text("a"), { usage: { promptTokenCount: 100, thoughtsTokenCount: 10, ...counts } })],
          check: ({ reply }) => {
            expect(reply["usage"]).toMatchObject({
              output_tokens: 15,
              output_tokens_details: { reasoning_tokens: 10 },
              total_tokens: 115,
            });
          },
        },
      ] as Traps[number],
  ),
  [
    153,
    {
      says: "grounding that nobody asked for makes no search",
      body: { input: "hi" },
      answers: [
        turn(text("a"), {
          grounding: { webSearchQueries: ["x"], groundingChunks: [{ web: { uri: "https://a.example.test/" } }] },
        }),
      ],
      check: ({ reply }) => expect(outputOf(reply, "web_search_call")).toEqual([]),
    },
  ],
  [
    154,
    {
      says: "a picture is an item, its drafts are not",
      body: { input: "a boat" },
      model: IMAGE,
      answers: [turn([image("AAAA", { draft: true }), image(PNG)])],
      check: ({ reply }) =>
        expect(outputOf(reply, "image_generation_call")).toMatchObject([{ result: PNG, status: "completed" }]),
    },
  ],
  [
    157,
    {
      says: "thinking is not in the text",
      body: { input: "hi", reasoning: { summary: "auto" } },
      answers: [turn([thinking("Hm."), text("<think>x</think> Yes.")])],
      check: ({ reply }) => {
        expect(textOf(reply)).toBe("<think>x</think> Yes.");
        expect(JSON.stringify(outputOf(reply, "message"))).not.toContain("Hm.");
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
