import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { calls, image, text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS, IMAGE } from "../support/cloudcode/samples.ts";
import { askMessages, type MessageParams, textOf, userSays } from "./support/anthropic.ts";
import { type Bench, failureOf, MODES, type Mode, startBench } from "./support/bench.ts";
import { PDF, PNG } from "./support/media.ts";
import { contentsOf, lastRequest, partsOf, spoken, systemText } from "./support/wire.ts";

const MODELS = [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS];

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const ask = (mode: Mode, params: MessageParams) => askMessages(bench.anthropic(), mode, params);

/** Without what is new in every reply. */
function comparable({ content, ...message }: Anthropic.Message) {
  const blocks = content.map((block) =>
    block.type === "tool_use" ? { ...block, id: "" } : block.type === "thinking" ? { ...block, signature: "" } : block,
  );
  return { ...message, content: blocks, id: "", parsed_output: undefined };
}

for (const model of MODELS) {
  describe(model, () => {
    for (const mode of MODES) {
      test(`a conversation with system text is answered ${mode}`, async () => {
        const message = await ask(mode, {
          model,
          max_tokens: 500,
          system: [{ type: "text", text: "Be brief." }],
          messages: [
            { role: "user", content: "one" },
            { role: "assistant", content: "first" },
            { role: "user", content: [{ type: "text", text: "two" }] },
          ],
        });
        expect(message).toMatchObject({ role: "assistant", model, stop_reason: "end_turn" });
        expect(textOf(message)).toBe("pong: two");
        expect(bench.upstream.refusals()).toEqual([]);
        const request = lastRequest(bench.upstream);
        expect(systemText(request)).toBe("Be brief.");
        expect(spoken(request)).toEqual([
          ["user", "one"],
          ["model", "first"],
          ["user", "two"],
        ]);
        expect(request.generationConfig).toMatchObject({ maxOutputTokens: 500 });
      });
    }

    test("the stream's helpers and final message agree with the whole reply", async () => {
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
      const params: MessageParams = {
        ...userSays("hi", model),
        ...(thinks && { thinking: { type: "enabled", budget_tokens: 2048 } }),
        tools: [{ name: "lookup", input_schema: { type: "object", properties: { q: { type: "string" } } } }],
      };
      const seen = { text: "", thinking: "", blocks: [] as Anthropic.ContentBlock[] };
      const stream = bench
        .anthropic()
        .messages.stream(params)
        .on("text", (delta) => void (seen.text += delta))
        .on("thinking", (delta) => void (seen.thinking += delta))
        .on("contentBlock", (block) => void seen.blocks.push(block));
      const streamed = await stream.finalMessage();
      const whole = await bench.anthropic().messages.create(params);

      expect(comparable(streamed)).toEqual(comparable(whole));
      expect(seen).toEqual({
        text: "Grüße\n\n👋🏽 from „here“",
        thinking: thinks ? "Let me think. 🤔" : "",
        blocks: streamed.content,
      });
      expect(streamed).toMatchObject({
        stop_reason: "tool_use",
        usage: { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 7 },
      });
      const used = streamed.content.flatMap((block) => (block.type === "tool_use" ? [block] : []));
      expect(used.map(({ name, input }) => ({ name, input }))).toEqual([
        { name: "lookup", input: { q: 'é\u2028"' } },
        { name: "lookup", input: {} },
      ]);
      expect(new Set(used.map(({ id }) => id)).size).toBe(2);
    });
  });
}

describe("media", () => {
  const attachments: Anthropic.ContentBlockParam[] = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    { type: "image", source: { type: "url", url: `data:image/png;base64,${PNG}` } },
    { type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } },
    { type: "document", source: { type: "text", media_type: "text/plain", data: "plain words" } },
    { type: "text", text: "What is this?" },
  ];

  for (const model of [CLAUDE, GEMINI_3, GEMINI_25]) {
    test(`images and documents reach ${model}`, async () => {
      await ask("streamed", userSays(attachments, model));
      expect(bench.upstream.refusals()).toEqual([]);
      expect(partsOf(contentsOf(lastRequest(bench.upstream))[0])).toEqual([
        { inlineData: { mimeType: "image/png", data: PNG } },
        { inlineData: { mimeType: "image/png", data: PNG } },
        { inlineData: { mimeType: "application/pdf", data: PDF } },
        { text: "plain words" },
        { text: "What is this?" },
      ]);
    });
  }

  test("a model that cannot see is told so, and so is the client", async () => {
    const { response } = await bench.anthropic().messages.create(userSays(attachments, GPT_OSS)).withResponse();
    expect(response.headers.get("x-ag-loss")).toContain("image/png content was left out");
    expect(bench.upstream.refusals()).toEqual([]);
    const [first] = partsOf(contentsOf(lastRequest(bench.upstream))[0]);
    expect(first).toEqual({ text: expect.stringContaining("image/png") });
  });

  for (const mode of MODES) {
    test(`a picture that the model makes is readable in the reply and is a picture again in the history, ${mode}`, async () => {
      bench.upstream.next(turn([image(PNG, { draft: true }), text("Here:"), image(PNG, { signature: true })]));
      const first = userSays("Draw.", IMAGE);
      const reply = await ask(mode, first);
      expect(textOf(reply)).toBe(`Here:![image](data:image/png;base64,${PNG})`);
      await ask(mode, {
        ...first,
        messages: [
          ...first.messages,
          { role: "assistant", content: reply.content },
          { role: "user", content: "Redder." },
        ],
      });
      expect(bench.upstream.refusals()).toEqual([]);
      expect(partsOf(contentsOf(lastRequest(bench.upstream))[1])).toEqual([
        { text: "Here:" },
        { inlineData: { mimeType: "image/png", data: PNG } },
      ]);
    });
  }
});

describe("structured output", () => {
  const format = jsonSchemaOutputFormat({
    type: "object",
    properties: { city: { type: "string" }, degrees: { type: "number" } },
    required: ["city", "degrees"],
    additionalProperties: false,
  });

  for (const model of [GEMINI_3, GEMINI_25]) {
    test(`is enforced by ${model} and parsed by the SDK`, async () => {
      bench.upstream.next(`{"city":"Zürich","degrees":21.5}`);
      const message = await bench
        .anthropic()
        .messages.parse({ ...userSays("Weather?", model), output_config: { format } });
      expect(message.parsed_output).toEqual({ city: "Zürich", degrees: 21.5 });
      expect(bench.upstream.refusals()).toEqual([]);
      expect(lastRequest(bench.upstream).generationConfig).toMatchObject({
        responseMimeType: "application/json",
        responseSchema: {
          type: "object",
          properties: { city: { type: "string" }, degrees: { type: "number" } },
          required: ["city", "degrees"],
        },
      });
    });
  }

  test("is asked of Claude in words, and what comes is checked and stripped of words and fences", async () => {
    bench.upstream.next('Here you are:\n```json\n{"city":"Zürich","degrees":21.5}\n```');
    const { data, response } = await bench
      .anthropic()
      .messages.create({ ...userSays("Weather?"), output_config: { format } })
      .withResponse();
    expect(data.content).toMatchObject([{ type: "text", text: `{"city":"Zürich","degrees":21.5}` }]);
    expect(systemText(lastRequest(bench.upstream))).toContain(`"degrees"`);
    expect(response.headers.get("x-ag-loss")).toBeNull();
    expect(bench.upstream.refusals()).toEqual([]);
  });
});

describe("models", () => {
  test("are listed page by page with their limits, and found by id and by alias", async () => {
    const { models } = bench.anthropic();
    const listed: Anthropic.ModelInfo[] = [];
    for await (const model of models.list({ limit: 3 })) listed.push(model);
    expect(listed.map(({ id }) => id)).toEqual([...bench.upstream.world.models.keys()]);
    expect(await models.retrieve(CLAUDE)).toMatchObject({
      id: CLAUDE,
      display_name: "Claude Opus 4.6 (Thinking)",
      max_input_tokens: 200_000,
      max_tokens: 64_000,
    });
    expect(await models.retrieve("claude-opus-4-5-20251101")).toMatchObject({ id: CLAUDE });
  });

  test("that do not exist are a NotFoundError", async () => {
    const error = await failureOf(bench.anthropic().models.retrieve("no-such-model"));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
  });
});

for (const mode of MODES) {
  test(`the reply's headers tell the request, the model, the account and the attempts, ${mode}`, async () => {
    const params = userSays("hi", "claude-opus-4-5");
    const { messages } = bench.anthropic();
    const { data, response, request_id } =
      mode === "streamed" ? await messages.stream(params).withResponse() : await messages.create(params).withResponse();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-ag-request-id": request_id,
      "x-ag-model": CLAUDE,
      "x-ag-account": "a1",
      "x-ag-attempts": "1",
      "x-ag-waited-ms": "0",
    });
    expect(response.headers.has("x-ag-loss")).toBe(false);
    const message = "finalMessage" in data ? await data.finalMessage() : data;
    expect(message.model).toBe("claude-opus-4-5");
    if (mode === "whole") expect(message).toHaveProperty("_request_id", request_id);
  });
}
