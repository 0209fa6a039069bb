import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { calls, image, text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS, IMAGE } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, MODES, type Mode, startBench } from "./support/bench.ts";
import { PDF, PNG, WAV } from "./support/media.ts";
import { askChat, type ChatParams, functionCalls, messageOf, reasoningOf, userSays } from "./support/openai.ts";
import { contentsOf, lastRequest, partsOf, spoken, systemText } from "./support/wire.ts";

const MODELS = [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS];

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const ask = (mode: Mode, params: ChatParams) => askChat(bench.openai(), mode, params);

for (const model of MODELS) {
  describe(model, () => {
    for (const mode of MODES) {
      test(`a conversation with system and developer text is answered ${mode}`, async () => {
        const completion = await ask(mode, {
          model,
          max_completion_tokens: 500,
          stop: "END",
          messages: [
            { role: "system", content: "Be brief." },
            { role: "developer", content: [{ type: "text", text: "Be kind." }] },
            { role: "user", content: "one" },
            { role: "assistant", content: "first" },
            { role: "user", content: [{ type: "text", text: "two" }] },
          ],
        });
        expect(completion).toMatchObject({ model, choices: [{ index: 0, finish_reason: "stop" }] });
        expect(messageOf(completion)).toMatchObject({ role: "assistant", content: "pong: two" });
        expect(bench.upstream.refusals()).toEqual([]);
        const request = lastRequest(bench.upstream);
        expect(systemText(request)).toBe("Be brief.\nBe kind.");
        expect(spoken(request)).toEqual([
          ["user", "one"],
          ["model", "first"],
          ["user", "two"],
        ]);
        expect(request.generationConfig).toMatchObject({ maxOutputTokens: 500, stopSequences: ["END"] });
      });
    }

    test("the stream's helpers and final completion agree with the whole reply", async () => {
      const thinks = model !== GPT_OSS;
      const answer = turn(
        [
          ...(thinks ? [thinking("Let me think. 🤔", { deltas: 4 })] : []),
          text("Grüße\n\n👋🏽 from „here“", { deltas: 7 }),
          calls([{ name: "lookup", args: { q: 'é\u2028"' } }, { name: "lookup" }], { spread: "event-each" }),
        ],
        {
          usage: { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 7, totalTokenCount: 107 },
        },
      );
      bench.upstream.script([answer, answer]);
      const parameters = { type: "object", properties: { q: { type: "string" } } };
      const params: ChatParams = {
        ...userSays("hi", model),
        ...(thinks && { reasoning_effort: "low" }),
        tools: [{ type: "function", function: { name: "lookup", parameters } }],
      };
      const seen = { content: "", reasoning: "", arguments: [] as string[] };
      const stream = bench
        .openai()
        .chat.completions.stream({ ...params, stream_options: { include_usage: true } })
        .on("chunk", ({ choices }) => void (seen.reasoning += reasoningOf(choices[0]?.delta ?? {})))
        .on("content", (delta) => void (seen.content += delta))
        .on("tool_calls.function.arguments.done", (call) => void seen.arguments.push(call.arguments));
      const streamed = await stream.finalChatCompletion();
      const whole = await bench.openai().chat.completions.create(params);

      const said = {
        role: "assistant",
        content: "Grüße\n\n👋🏽 from „here“",
        refusal: null,
        tool_calls: ['{"q":"é\u2028\\""}', "{}"].map((written) => ({
          id: expect.stringMatching(/^call_[\w-]{24}$/),
          type: "function",
          function: { name: "lookup", arguments: written },
        })),
      };
      for (const completion of [streamed, whole]) {
        expect(messageOf(completion)).toMatchObject(said);
        expect(completion.choices[0]?.finish_reason).toBe("tool_calls");
        expect(completion.object).toBe("chat.completion");
        expect(completion.usage).toEqual({
          prompt_tokens: 100,
          completion_tokens: 7,
          total_tokens: 107,
          prompt_tokens_details: { cached_tokens: 60 },
          completion_tokens_details: { reasoning_tokens: 0 },
        });
        expect(new Set(functionCalls(completion).map(({ id }) => id)).size).toBe(2);
      }
      const reasoning = thinks ? "Let me think. 🤔" : "";
      expect(seen).toEqual({ content: said.content, reasoning, arguments: ['{"q":"é\u2028\\""}', "{}"] });
      expect(reasoningOf(messageOf(whole))).toBe(reasoning);
    });
  });
}

describe("media", () => {
  const picture = { type: "image_url" as const, image_url: { url: `data:image/png;base64,${PNG}` } };
  const file = { type: "file" as const, file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } };
  const sound = { type: "input_audio" as const, input_audio: { data: WAV, format: "wav" as const } };
  const question = { type: "text" as const, text: "What is this?" };

  for (const model of [CLAUDE, GEMINI_3, GEMINI_25]) {
    test(`pictures and documents reach ${model}`, async () => {
      await ask("streamed", userSays([picture, file, question], model));
      expect(bench.upstream.refusals()).toEqual([]);
      expect(partsOf(contentsOf(lastRequest(bench.upstream))[0])).toEqual([
        { inlineData: { mimeType: "image/png", data: PNG } },
        { inlineData: { mimeType: "application/pdf", data: PDF } },
        { text: "What is this?" },
      ]);
    });
  }

  for (const model of [GEMINI_3, GEMINI_25]) {
    test(`sound reaches ${model}`, async () => {
      await ask("whole", userSays([sound, question], model));
      expect(bench.upstream.refusals()).toEqual([]);
      expect(partsOf(contentsOf(lastRequest(bench.upstream))[0])[0]).toEqual({
        inlineData: { mimeType: "audio/wav", data: WAV },
      });
    });
  }

  for (const [model, lost] of [
    [CLAUDE, "audio/wav"],
    [GPT_OSS, "image/png"],
  ] as const) {
    test(`what ${model} cannot take in is named in the loss report`, async () => {
      const { response } = await bench
        .openai()
        .chat.completions.create(userSays([picture, sound, question], model))
        .withResponse();
      expect(response.headers.get("x-ag-loss")).toContain(`${lost} content was left out`);
      expect(bench.upstream.refusals()).toEqual([]);
    });
  }

  for (const mode of MODES) {
    test(`a picture that the model makes is readable in the reply and is a picture again in the history, ${mode}`, async () => {
      bench.upstream.next(turn([image(PNG, { draft: true }), text("Here:"), image(PNG, { signature: true })]));
      const first = userSays("Draw.", IMAGE);
      const reply = messageOf(await ask(mode, first));
      expect(reply.content).toContain(`data:image/png;base64,${PNG}`);
      await ask(mode, { ...first, messages: [...first.messages, reply, { role: "user", content: "Redder." }] });
      expect(bench.upstream.refusals()).toEqual([]);
      const [words, drawn] = partsOf(contentsOf(lastRequest(bench.upstream))[1]);
      expect(words?.text).toContain("Here:");
      expect(drawn).toEqual({ inlineData: { mimeType: "image/png", data: PNG } });
    });
  }
});

describe("structured output", () => {
  const format: OpenAI.ResponseFormatJSONSchema = {
    type: "json_schema",
    json_schema: {
      name: "weather",
      strict: true,
      schema: {
        type: "object",
        properties: { city: { type: "string" }, degrees: { type: ["number", "null"] } },
        required: ["city", "degrees"],
        additionalProperties: false,
      },
    },
  };

  for (const model of [GEMINI_3, GEMINI_25]) {
    test(`is enforced by ${model} and parsed by the SDK`, async () => {
      bench.upstream.next(`{"city":"Zürich","degrees":21.5}`);
      const completion = await bench
        .openai()
        .chat.completions.parse({ ...userSays("Weather?", model), response_format: format });
      expect(completion.choices[0]?.message.parsed).toEqual({ city: "Zürich", degrees: 21.5 });
      expect(bench.upstream.refusals()).toEqual([]);
      expect(lastRequest(bench.upstream).generationConfig).toMatchObject({
        responseMimeType: "application/json",
        responseSchema: {
          type: "object",
          properties: { city: { type: "string" }, degrees: { type: "number", nullable: true } },
          required: ["city", "degrees"],
        },
      });
    });
  }

  test("is asked of Claude in words, and what comes is checked and stripped of words and fences", async () => {
    bench.upstream.next('Here you are:\n```json\n{"city":"Zürich","degrees":null}\n```');
    const { data, response } = await bench
      .openai()
      .chat.completions.create({ ...userSays("Weather?"), response_format: format })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(`{"city":"Zürich","degrees":null}`);
    expect(systemText(lastRequest(bench.upstream))).toContain(`"degrees"`);
    expect(response.headers.has("x-ag-loss")).toBe(false);
    expect(bench.upstream.refusals()).toEqual([]);
  });

  for (const mode of MODES) {
    test(`that Claude does not keep to is asked for once more, unseen, ${mode}`, async () => {
      bench.upstream.next("It is sunny.");
      bench.upstream.next(`{"city":"Zürich","degrees":21.5}`);
      const asked = bench.upstream.calls().length;
      const params = { ...userSays("Weather?"), response_format: format };
      const { completions } = bench.openai().chat;
      let text = "";
      if (mode === "streamed") {
        const stream = await completions.create({ ...params, stream: true });
        for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
      } else text = (await completions.create(params)).choices[0]?.message.content ?? "";
      expect(text).toBe(`{"city":"Zürich","degrees":21.5}`);
      expect(bench.upstream.calls().length - asked).toBe(2);
    });
  }
});

describe("models", () => {
  test("are listed, and found by id and by alias", async () => {
    const { models } = bench.openai();
    const listed: string[] = [];
    for await (const { id } of models.list()) listed.push(id);
    expect(listed).toEqual([...bench.upstream.world.models.keys()]);
    expect(await models.retrieve(GEMINI_25)).toMatchObject({ id: GEMINI_25, object: "model", owned_by: "google" });
    expect(await models.retrieve("gemini-2.5-pro-preview-05-06")).toMatchObject({ id: "gemini-2.5-pro" });
  });

  test("that do not exist are a NotFoundError", async () => {
    const error = await failureOf(bench.openai().models.retrieve("no-such-model"));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: "model_not_found" });
  });
});

for (const mode of MODES) {
  test(`the reply's headers tell the request, the model, the account and the attempts, ${mode}`, async () => {
    const params = userSays("hi", "gemini-3-flash-preview");
    const { completions } = bench.openai().chat;
    const { data, response, request_id } = await (mode === "streamed"
      ? completions.create({ ...params, stream: true }).withResponse()
      : completions.create(params).withResponse());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-ag-request-id": request_id,
      "x-ag-model": GEMINI_3,
      "x-ag-account": "a1",
      "x-ag-attempts": "1",
      "x-ag-waited-ms": "0",
    });
    expect(response.headers.has("x-ag-loss")).toBe(false);
    if ("choices" in data) {
      expect(data).toHaveProperty("_request_id", request_id);
      expect(data.model).toBe("gemini-3-flash-preview");
    } else {
      for await (const chunk of data) expect(chunk.model).toBe("gemini-3-flash-preview");
    }
  });
}

test("without include_usage no chunk speaks of usage; with it only the last one counts", async () => {
  const read = async (include_usage: boolean) => {
    const stream_options = { include_usage };
    const stream = await bench
      .openai()
      .chat.completions.create({ ...userSays("hi", GEMINI_3), stream: true, stream_options });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  };
  expect((await read(false)).filter((chunk) => "usage" in chunk)).toEqual([]);
  const counted = await read(true);
  expect(counted.slice(0, -1).filter(({ usage }) => usage !== null)).toEqual([]);
  expect(counted.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
});
