import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type OpenAI from "openai";
import { calls, SENTINELS, text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { type Bench, MODES, type Mode, startBench } from "./support/bench.ts";
import { PNG } from "./support/media.ts";
import { askChat, type ChatParams, functionCalls, messageOf, reasoningOf, userSays } from "./support/openai.ts";
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
  TOOLS,
} from "./support/tool-loop.ts";
import { contentsOf, lastRequest, partsOf, toolTurns } from "./support/wire.ts";

const MODELS = [CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS];

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const ask = (mode: Mode, params: ChatParams) => askChat(bench.openai(), mode, params);

function declaration({ name, description, schema }: (typeof TOOLS)[number]): OpenAI.ChatCompletionFunctionTool {
  return { type: "function", function: { name, description, parameters: schema } };
}

for (const model of MODELS) {
  for (const mode of MODES) {
    test(`runTools goes through five turns of parallel calls with ${model}, ${mode}`, async () => {
      const { upstream } = bench;
      scriptLoop(upstream);
      const { executed, ids, content } = await runTools(model, mode);

      expect(content).toBe(FINAL_TEXT);
      expect(executed).toEqual(PLANNED_CALLS);
      const turns = expectPairedLoop(upstream);
      expect(turns.flatMap(({ calls: called }) => called.map(({ id }) => id))).toEqual(ids);
      expectResults(turns, { result: BROKEN_MESSAGE });
      expectGrowingPrefix(upstream);
      if (model === CLAUDE) expectSignedThinking(upstream, turns);
      if (model === GEMINI_3) expectSignedCalls(upstream, turns);
    });
  }
}

/** The SDK's own agent loop over the plan; what the tools were called with, and the ids the client saw. */
async function runTools(model: string, mode: Mode) {
  const executed: { name: string; args: unknown }[] = [];
  const tools = TOOLS.map((tool) => ({
    type: "function" as const,
    function: {
      name: tool.name,
      description: tool.description,
      parameters: tool.schema,
      parse(written: string): object {
        const args: unknown = JSON.parse(written);
        executed.push({ name: tool.name, args });
        if (tool === BROKEN) throw new Error(BROKEN_MESSAGE);
        return { args };
      },
      function: ({ args }: { args?: unknown }) => resultText(tool, args),
    },
  }));
  const params = {
    model,
    tools,
    messages: [{ role: "user" as const, content: "Do it." }],
    ...(model !== GPT_OSS && { reasoning_effort: "medium" as const }),
  };
  const { completions } = bench.openai().chat;
  const runner =
    mode === "streamed"
      ? completions.runTools({ ...params, stream: true })
      : completions.runTools({ ...params, stream: false });
  const content = await runner.finalContent();
  const ids = runner.allChatCompletions().flatMap((completion) => functionCalls(completion).map(({ id }) => id));
  return { executed, ids, content };
}

describe("tools", () => {
  for (const model of MODELS) {
    test(`a picture in a tool's result reaches ${model} where it can be seen`, async () => {
      bench.upstream.next(callTurn([{ tool: SCREENSHOT }, { tool: NOW }], 0));
      const params = { ...userSays("Look.", model), tools: TOOLS.map(declaration) };
      const reply = await ask("whole", params);
      const [shot, now] = functionCalls(reply);
      const picture = [
        { type: "text", text: "the screen" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
      ];
      // The SDK's types know text results only; clients send pictures all the same.
      const body = {
        ...params,
        messages: [
          ...params.messages,
          messageOf(reply),
          { role: "tool", tool_call_id: now?.id, content: "12:00" },
          { role: "tool", tool_call_id: shot?.id, content: picture },
        ],
      };
      await bench.openai().post("/chat/completions", { body });
      expect(bench.upstream.refusals()).toEqual([]);
      expectPicture(bench.upstream, model === GEMINI_3 ? "nested" : model === GPT_OSS ? "note" : "beside");
      const [answered] = toolTurns(lastRequest(bench.upstream));
      expect(answered?.responses.map(({ response }) => response)).toEqual([
        { result: "the screen" },
        { result: "12:00" },
      ]);
    });
  }

  for (const mode of MODES) {
    test(`a custom tool is called with plain text and its result goes back, ${mode}`, async () => {
      bench.upstream.next(turn([calls([{ name: "apply_patch", args: { input: "*** Begin\n+ü" } }])]));
      const params: ChatParams = {
        ...userSays("Patch.", GEMINI_3),
        tools: [{ type: "custom", custom: { name: "apply_patch", description: "Applies a patch" } }],
      };
      const reply = await ask(mode, params);
      const [call] = messageOf(reply).tool_calls ?? [];
      expect(call).toMatchObject({ type: "custom", custom: { name: "apply_patch", input: "*** Begin\n+ü" } });
      await ask(mode, {
        ...params,
        messages: [...params.messages, messageOf(reply), { role: "tool", tool_call_id: call?.id ?? "", content: "ok" }],
      });
      expect(bench.upstream.refusals()).toEqual([]);
      expect(toolTurns(lastRequest(bench.upstream))).toMatchObject([
        {
          calls: [{ name: "apply_patch", args: { input: "*** Begin\n+ü" } }],
          responses: [{ response: { result: "ok" } }],
        },
      ]);
    });
  }

  test("a Gemini call gets its own signature back by its id, whatever the client kept of it", async () => {
    bench.upstream.next(callTurn([{ tool: NOW }], 0, [NOW]));
    const params = { ...userSays("When?", GEMINI_3), tools: [declaration(NOW)] };
    const [call] = functionCalls(await ask("streamed", params));
    const bare = { id: call?.id ?? "", type: "function" as const, function: { name: NOW.name, arguments: "{}" } };
    await ask("whole", {
      ...params,
      messages: [
        ...params.messages,
        { role: "assistant", tool_calls: [bare] },
        { role: "tool", tool_call_id: bare.id, content: "12:00" },
      ],
    });
    expect(bench.upstream.refusals()).toEqual([]);
    expectSignedCalls(bench.upstream, toolTurns(lastRequest(bench.upstream)));
  });

  test("a Gemini call from elsewhere gets the stand-in that upstream takes", async () => {
    const foreign = { id: "call_abc123", type: "function" as const, function: { name: NOW.name, arguments: "{}" } };
    await ask("whole", {
      ...userSays("", GEMINI_3),
      tools: [declaration(NOW)],
      messages: [
        { role: "user", content: "When?" },
        { role: "assistant", tool_calls: [foreign] },
        { role: "tool", tool_call_id: foreign.id, content: "12:00" },
      ],
    });
    expect(bench.upstream.refusals()).toEqual([]);
    const [call] = partsOf(contentsOf(lastRequest(bench.upstream))[1]);
    expect(SENTINELS.has(call?.thoughtSignature ?? "")).toBe(true);
  });
});

describe("thinking", () => {
  for (const model of [CLAUDE, GEMINI_3, GEMINI_25]) {
    test(`of ${model} comes out as reasoning_content, streamed and whole`, async () => {
      const answer = turn([thinking("First… then.", { deltas: 3 }), text("So.")]);
      bench.upstream.script([answer, answer]);
      const params: ChatParams = { ...userSays("hi", model), reasoning_effort: "high" };
      const whole = messageOf(await ask("whole", params));
      expect([reasoningOf(whole), whole.content]).toEqual(["First… then.", "So."]);
      const streamed = ["", ""];
      for await (const { choices } of await bench.openai().chat.completions.create({ ...params, stream: true })) {
        streamed[0] += reasoningOf(choices[0]?.delta ?? {});
        streamed[1] += choices[0]?.delta.content ?? "";
      }
      expect(streamed).toEqual(["First… then.", "So."]);
      expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toEqual({
        includeThoughts: true,
        thinkingBudget: 24_576,
      });
    });
  }

  test(`of Claude is put back before its calls, though this client cannot carry it`, async () => {
    bench.upstream.next(callTurn([{ tool: NOW }], 0, [NOW]));
    const params: ChatParams = { ...userSays("When?"), tools: [declaration(NOW)], reasoning_effort: "low" };
    const [call] = functionCalls(await ask("whole", params));
    const { response } = await bench
      .openai()
      .chat.completions.create({
        ...params,
        messages: [
          ...params.messages,
          { role: "assistant", content: null, tool_calls: call ? [call] : [] },
          { role: "tool", tool_call_id: call?.id ?? "", content: "12:00" },
        ],
      })
      .withResponse();
    expect(bench.upstream.refusals()).toEqual([]);
    expect(response.headers.has("x-ag-loss")).toBe(false);
    expectSignedThinking(bench.upstream, toolTurns(lastRequest(bench.upstream)));
  });

  test(`that the client switched off is not asked for`, async () => {
    await ask("whole", { ...userSays("hi"), reasoning_effort: "none" });
    expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toBeUndefined();
    await ask("whole", { ...userSays("hi", "gemini-2.5-flash"), reasoning_effort: "none" });
    expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toEqual({ thinkingBudget: 0 });
    expect(bench.upstream.refusals()).toEqual([]);
  });

  test(`asked for in the model's name wins over the body`, async () => {
    const reply = await ask("streamed", { ...userSays("hi", `${CLAUDE}(2048)`), reasoning_effort: "high" });
    expect(reply.model).toBe(`${CLAUDE}(2048)`);
    expect(reasoningOf(messageOf(reply))).not.toBe("");
    expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toMatchObject({ thinkingBudget: 2048 });
  });
});
