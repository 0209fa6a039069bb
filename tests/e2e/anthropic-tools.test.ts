import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { askMessages, type MessageParams, textOf, userSays } from "./support/anthropic.ts";
import { type Bench, MODES, type Mode, startBench } from "./support/bench.ts";
import { PNG } from "./support/media.ts";
import {
  BROKEN,
  BROKEN_MESSAGE,
  callTurn,
  expectGrowingPrefix,
  expectPairedLoop,
  expectPicture,
  expectResults,
  expectSignedCalls,
  expectSignedThinking,
  FINAL_TEXT,
  NOW,
  PLANNED_CALLS,
  resultText,
  SCREENSHOT,
  scriptLoop,
  thoughtOf,
  TOOLS,
} from "./support/tool-loop.ts";
import { contentsOf, lastRequest, partsOf } from "./support/wire.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const ask = (mode: Mode, params: MessageParams) => askMessages(bench.anthropic(), mode, params);

for (const model of [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS]) {
  for (const mode of MODES) {
    test(`the tool runner goes through five turns of parallel calls with ${model}, ${mode}`, async () => {
      const { upstream } = bench;
      scriptLoop(upstream);
      const { executed, ids, text: said } = await runTools(model, mode);

      expect(said).toBe(FINAL_TEXT);
      expect(executed).toEqual(PLANNED_CALLS);
      const turns = expectPairedLoop(upstream);
      expect(turns.flatMap(({ calls: called }) => called.map(({ id }) => id))).toEqual(ids);
      expectResults(turns, { error: `Error: ${BROKEN_MESSAGE}` });
      expectPicture(upstream, model === GEMINI_3 ? "nested" : model === GPT_OSS ? "note" : "beside");
      expectGrowingPrefix(upstream);
      if (model === CLAUDE) expectSignedThinking(upstream, turns);
      if (model === GEMINI_3) expectSignedCalls(upstream, turns);
    });
  }
}

/** The SDK's own agent loop over the plan; what the tools were called with, and the ids the client saw. */
async function runTools(model: string, mode: Mode) {
  const executed: { name: string; args: unknown }[] = [];
  const ids: string[] = [];
  const tools = TOOLS.map((tool) =>
    betaTool({
      name: tool.name,
      description: tool.description,
      inputSchema: tool.schema,
      run: (args, context) => {
        executed.push({ name: tool.name, args });
        if (context) ids.push(context.toolUse.id);
        if (tool === BROKEN) throw new Error(BROKEN_MESSAGE);
        const words = { type: "text" as const, text: resultText(tool, args) };
        if (tool !== SCREENSHOT) return words.text;
        return [words, { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } }];
      },
    }),
  );
  const { messages } = bench.anthropic().beta;
  const params = { model, max_tokens: 20_000, tools, messages: [{ role: "user" as const, content: "Do it." }] };
  const thinks = model !== GPT_OSS && { thinking: { type: "enabled" as const, budget_tokens: 2048 } };
  const final =
    mode === "streamed"
      ? await messages.toolRunner({ ...params, ...thinks, stream: true }).runUntilDone()
      : await messages.toolRunner({ ...params, ...thinks, stream: false }).runUntilDone();
  return { executed, ids, text: final.content.map((block) => (block.type === "text" ? block.text : "")).join("") };
}

test("the tool runner asks for a server-side thread once and goes on without one after the typed refusal", async () => {
  const { upstream } = bench;
  upstream.script([callTurn([{ tool: NOW }], 0, [NOW]), "It is noon."]);
  const sent: { thread: unknown; status: number }[] = [];
  const client = bench.anthropic({
    async fetch(input, init) {
      const { thread } = JSON.parse(String(init?.body));
      const response = await fetch(input, init);
      sent.push({ thread, status: response.status });
      return response;
    },
  });
  const tool = betaTool({ name: NOW.name, description: "", inputSchema: NOW.schema, run: () => "12:00" });
  await client.beta.messages.toolRunner({ ...userSays("When?"), stream: false, tools: [tool] }).runUntilDone();
  expect(sent).toEqual([
    { thread: { type: "create" }, status: 400 },
    { thread: undefined, status: 200 },
    { thread: undefined, status: 200 },
  ]);
  expect(upstream.calls()).toHaveLength(2);
});

test("what stands in for the arguments of a tool without any never reaches the client", async () => {
  bench.upstream.next(callTurn([{ tool: NOW, args: { _ag_noop: true } }], 0, [NOW]));
  const message = await ask("whole", { ...userSays("When?"), tools: [{ name: NOW.name, input_schema: NOW.schema }] });
  expect(message.content.map((block) => (block.type === "tool_use" ? block.input : block))).toEqual([{}]);
});

describe("thinking", () => {
  const tools = [{ name: NOW.name, input_schema: NOW.schema }];
  const thinkingOn = { type: "enabled", budget_tokens: 2048 } as const;
  const callNow = callTurn([{ tool: NOW }], 0, [NOW]);

  /** One call of a tool, its result, and the history as `edit` brings it back; returns what upstream got of the call's turn. */
  async function roundTrip(
    mode: Mode,
    over: Partial<MessageParams>,
    edit = (content: Anthropic.ContentBlock[]) => content,
  ) {
    bench.upstream.script([callNow]);
    const first: MessageParams = { ...userSays("When?"), tools, thinking: thinkingOn, ...over };
    const reply = await ask(mode, first);
    const id = reply.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []))[0] ?? "";
    const { data, response } = await bench
      .anthropic()
      .messages.create({
        ...first,
        messages: [
          ...first.messages,
          { role: "assistant", content: edit(reply.content) },
          { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "12:00" }] },
        ],
      })
      .withResponse();
    expect(bench.upstream.refusals()).toEqual([]);
    expect(textOf(data)).toBe("pong: When?");
    const request = lastRequest(bench.upstream);
    return { reply, request, parts: partsOf(contentsOf(request)[1]), loss: response.headers.get("x-ag-loss") };
  }

  const signedThought = { thought: true, text: thoughtOf(0), thoughtSignature: expect.any(String) };
  const isThinking = ({ type }: Anthropic.ContentBlock) => type === "thinking";

  for (const mode of MODES) {
    test(`is shown with its signature and taken back as it was, ${mode}`, async () => {
      const { reply, parts } = await roundTrip(mode, {});
      expect(parts[0]).toEqual(signedThought);
      const signature = parts[0]?.thoughtSignature ?? "";
      expect(reply.content[0]).toEqual({ type: "thinking", thinking: thoughtOf(0), signature });
    });

    test(`with display "omitted" the client gets the signature alone and upstream the whole text, ${mode}`, async () => {
      const { reply, parts } = await roundTrip(mode, { thinking: { ...thinkingOn, display: "omitted" } });
      expect(reply.content[0]).toEqual({ type: "thinking", thinking: "", signature: expect.stringMatching(/^R/) });
      expect(parts[0]).toEqual(signedThought);
    });
  }

  test("that was omitted before an answer in words is whole again upstream", async () => {
    bench.upstream.next(turn([thinking("At length."), text("In short.")]));
    const first: MessageParams = { ...userSays("hi"), thinking: { ...thinkingOn, display: "omitted" } };
    const reply = await ask("streamed", first);
    expect(reply.content[0]).toMatchObject({ type: "thinking", thinking: "" });
    await ask("whole", {
      ...first,
      messages: [...first.messages, { role: "assistant", content: reply.content }, { role: "user", content: "go on" }],
    });
    expect(bench.upstream.refusals()).toEqual([]);
    expect(partsOf(contentsOf(lastRequest(bench.upstream))[1])).toEqual([
      { thought: true, text: "At length.", thoughtSignature: expect.any(String) },
      { text: "In short." },
    ]);
  });

  test("is restored when the client leaves it out of the history", async () => {
    const { parts, loss } = await roundTrip("whole", {}, (content) => content.filter((block) => !isThinking(block)));
    expect(parts[0]).toEqual(signedThought);
    expect(loss).toBeNull();
  });

  test("is replaced by the genuine one when the client has changed its text", async () => {
    const { parts } = await roundTrip("whole", {}, (content) =>
      content.map((block) => (block.type === "thinking" ? { ...block, thinking: "…" } : block)),
    );
    expect(parts[0]).toEqual(signedThought);
  });

  test("redacted by another service is left out, and the loop goes on with what is known here", async () => {
    const { parts } = await roundTrip("whole", {}, (content) => [
      { type: "redacted_thinking", data: "EmwKAhgBEgy3va3pzix" },
      ...content.filter((block) => !isThinking(block)),
    ]);
    expect(parts[0]).toEqual(signedThought);
    expect(parts).toHaveLength(2);
  });

  test("without a usable past is given up for one loop only, and the loss says so", async () => {
    const history: Anthropic.MessageParam[] = [
      { role: "user", content: "When?" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "From elsewhere.", signature: "EqoBCkYIARgCKkA=" },
          { type: "tool_use", id: "toolu_01Elsewhere", name: NOW.name, input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_01Elsewhere", content: "12:00" }] },
    ];
    const params: MessageParams = { ...userSays(""), thinking: thinkingOn, tools, messages: history };
    const { data, response } = await bench.anthropic().messages.create(params).withResponse();
    expect(response.headers.get("x-ag-loss")).toContain("thinking");
    expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toBeUndefined();

    await ask("whole", {
      ...params,
      messages: [...history, { role: "assistant", content: data.content }, { role: "user", content: "And now?" }],
    });
    expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toMatchObject({ thinkingBudget: 2048 });
    expect(bench.upstream.refusals()).toEqual([]);
  });

  test("of two signed blocks in one turn stays two", async () => {
    bench.upstream.next(turn([thinking("One."), thinking("Two."), text("Said.")]));
    const first: MessageParams = { ...userSays("hi"), thinking: thinkingOn };
    const reply = await ask("streamed", first);
    expect(reply.content.filter(isThinking)).toHaveLength(2);
    await ask("whole", {
      ...first,
      messages: [...first.messages, { role: "assistant", content: reply.content }, { role: "user", content: "go on" }],
    });
    expect(bench.upstream.refusals()).toEqual([]);
    expect(partsOf(contentsOf(lastRequest(bench.upstream))[1]).map((part) => part.text)).toEqual([
      "One.",
      "Two.",
      "Said.",
    ]);
  });

  for (const [model, config] of [
    [CLAUDE, { thinkingBudget: 24_576, includeThoughts: true }],
    [GEMINI_3, { thinkingBudget: 24_576, includeThoughts: true }],
    [GPT_OSS, undefined],
  ] as const) {
    test(`adaptive with high effort reaches ${model} in its own form`, async () => {
      await ask("streamed", {
        ...userSays("hi", model),
        max_tokens: 32_000,
        thinking: { type: "adaptive" },
        output_config: { effort: "high" },
      });
      expect(bench.upstream.refusals()).toEqual([]);
      expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toEqual(config);
    });
  }

  test("that comes although it was switched off is not shown", async () => {
    bench.upstream.script([
      turn([thinking("Secretly."), text("Openly.")]),
      turn([thinking("Secretly."), text("Openly.")]),
    ]);
    for (const mode of MODES) {
      const { content } = await ask(mode, { ...userSays("hi", GEMINI_25), thinking: { type: "disabled" } });
      expect(content).toEqual([{ type: "text", text: "Openly.", citations: null }]);
    }
  });
});
