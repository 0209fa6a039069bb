import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { call, gate, maxTokens, pacedText, silent, text, thinking, turn } from "../../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../../support/cloudcode/samples.ts";
import { type Bench, failureOf, MODES, type Mode, NO_WAITING, startBench } from "./bench.ts";
import { BROKEN_ANSWERS, BROKEN_BEGINNING, SECRETS, TROUBLES } from "./failures.ts";
import { PNG } from "./media.ts";
import type { Question, RunningTool, Sdk, SdkDriver } from "./sdk.ts";
import {
  BROKEN,
  BROKEN_MESSAGE,
  expectGrowingPrefix,
  expectPairedLoop,
  expectResults,
  expectSignedCalls,
  expectSignedThinking,
  FINAL_TEXT,
  PLANNED_CALLS,
  resultText,
  scriptLoop,
  TOOLS,
} from "./tool-loop.ts";
import { contentsOf, declaredNames, lastRequest, partsOf, spoken, systemText } from "./wire.ts";

const MODELS = [CLAUDE, GEMINI_3];

/** What every program expects of a gateway, whatever SDK it was written with. */
export function describeSdk(driver: SdkDriver): void {
  describe(driver.name, () => {
    let bench: Bench;
    let sdk: Sdk;
    beforeAll(async () => {
      bench = await startBench({ config: NO_WAITING });
      sdk = driver.open(bench.url(), "none");
    });
    afterAll(() => bench[Symbol.asyncDispose]());
    beforeEach(() => bench.upstream.reset());

    for (const model of MODELS) describe(model, () => describeAnswers(driver, model, () => ({ bench, sdk })));
    describeAbort(() => ({ bench, sdk }));
    describeErrors(driver, () => ({ bench, sdk }));
  });
}

type Use = () => { bench: Bench; sdk: Sdk };

function describeAnswers(driver: SdkDriver, model: string, use: Use): void {
  for (const mode of MODES) {
    test(`a conversation with system text is answered, ${mode}`, async () => {
      const { bench, sdk } = use();
      const usage = {
        promptTokenCount: 100,
        cachedContentTokenCount: 60,
        candidatesTokenCount: 7,
        totalTokenCount: 107,
      };
      bench.upstream.next(turn(text("Grüße 👋🏽 from „here“", { deltas: 5 }), { usage }));
      const reply = await sdk.ask({ model, system: "Be brief.", before: [["one", "first"]], prompt: "two" }, mode);
      expect(reply).toEqual({
        text: "Grüße 👋🏽 from „here“",
        thinking: "",
        finish: driver.finishes.end,
        usage: { input: 100, output: 7 },
      });
      expect(bench.upstream.refusals()).toEqual([]);
      const request = lastRequest(bench.upstream);
      expect(systemText(request)).toBe("Be brief.");
      expect(spoken(request)).toEqual([
        ["user", "one"],
        ["model", "first"],
        ["user", "two"],
      ]);
    });

    test(`an answer cut off at the limit says so, ${mode}`, async () => {
      const { bench, sdk } = use();
      bench.upstream.next(maxTokens("half"));
      const asked = sdk.ask({ model, prompt: "hi" }, mode);
      if (driver.throwsAtLimit) return expect(String(await failureOf(asked))).toContain("incomplete");
      const { text: said, finish } = await asked;
      expect({ said, finish }).toEqual({ said: "half", finish: driver.finishes.length });
    });

    test(`a picture arrives beside the words, ${mode}`, async () => {
      const { bench, sdk } = use();
      await sdk.ask({ model, prompt: "What is this?", image: PNG }, mode);
      expect(bench.upstream.refusals()).toEqual([]);
      const [content] = contentsOf(lastRequest(bench.upstream));
      expect(partsOf(content)).toEqual([
        { text: "What is this?" },
        { inlineData: { mimeType: "image/png", data: PNG } },
      ]);
    });

    test(`thinking is asked for and ${driver.showsThinking ? "shown" : "kept out of the text"}, ${mode}`, async () => {
      const { bench, sdk } = use();
      bench.upstream.next(turn([thinking("First… then.", { deltas: 3 }), text("So.", { deltas: 2 })]));
      const reply = await sdk.ask({ model, prompt: "hi", thinks: true }, mode);
      expect(bench.upstream.refusals()).toEqual([]);
      expect(lastRequest(bench.upstream).generationConfig?.thinkingConfig).toMatchObject({ includeThoughts: true });
      expect(reply).toMatchObject({ text: "So.", thinking: driver.showsThinking ? "First… then." : "" });
    });

    test(`five turns of parallel calls come back whole, paired and signed, ${mode}`, async () => {
      const { bench, sdk } = use();
      scriptLoop(bench.upstream);
      const executed: { name: string; args: unknown }[] = [];
      const said = await sdk.loop({ model, prompt: "Do it.", thinks: true }, runningTools(executed), mode);
      const turns = expectPairedLoop(bench.upstream);
      expect(executed).toEqual(PLANNED_CALLS);
      expect(said).toBe(FINAL_TEXT);
      expectResults(turns, driver.failedTool(BROKEN_MESSAGE), driver.doneTool);
      expectGrowingPrefix(bench.upstream);
      if (model === CLAUDE) expectSignedThinking(bench.upstream, turns);
      else expectSignedCalls(bench.upstream, turns);
    });
  }

  test("a stream's words come while upstream still speaks", async () => {
    const { bench, sdk } = use();
    const gates = [gate(), gate(), gate()];
    bench.upstream.next(pacedText("abc", gates));
    gates[0]?.open();
    let said = "";
    const onText = (piece: string) => {
      said += piece;
      gates[said.length]?.open();
    };
    const reply = await sdk.ask({ model, prompt: "hi", onText }, "streamed");
    expect([said, reply.text]).toEqual(["abc", "abc"]);
  });

  test("structured output is asked for and parsed", async () => {
    const { bench, sdk } = use();
    const weather = { city: "Zürich", degrees: 21.5 };
    bench.upstream.next((context) => {
      // Some SDKs have a tool called instead of asking for a form.
      const [tool] = declaredNames(context.body.request ?? {});
      return turn(tool === undefined ? text(JSON.stringify(weather)) : call(tool, weather))(context);
    });
    expect(await sdk.structured({ model, prompt: "Weather?" })).toEqual(weather);
    expect(bench.upstream.refusals()).toEqual([]);
    const { tools, generationConfig, systemInstruction } = lastRequest(bench.upstream);
    const asked = tools ?? (model === CLAUDE ? systemInstruction?.parts?.[0]?.text : generationConfig);
    expect(JSON.stringify(asked)).toMatch(/degrees[\\": {]+type/);
  });
}

function runningTools(executed: { name: string; args: unknown }[]): RunningTool[] {
  return TOOLS.map((tool) => ({
    ...tool,
    run(args) {
      executed.push({ name: tool.name, args });
      if (tool === BROKEN) throw new Error(BROKEN_MESSAGE);
      return resultText(tool, args);
    },
  }));
}

function describeAbort(use: Use): void {
  /** Upstream saw the connection close, and the account serves the next request as if nothing had happened. */
  async function expectFree() {
    const { bench, sdk } = use();
    const entry = await bench.upstream.call(1);
    await entry.ended;
    expect(entry.closedByClient).toBe(true);
    expect((await sdk.ask({ model: CLAUDE, prompt: "again" }, "whole")).text).toBe("pong: again");
    expect(bench.upstream.calls()).toHaveLength(2);
  }

  test("an abort in the middle of a stream ends upstream's answer", async () => {
    const { bench, sdk } = use();
    const gates = [gate(), gate()];
    bench.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    const controller = new AbortController();
    const { signal } = controller;
    await failureOf(sdk.ask({ model: CLAUDE, prompt: "hi", signal, onText: () => controller.abort() }, "streamed"));
    await expectFree();
  });

  for (const mode of MODES) {
    test(`an abort while upstream is silent ends the request, ${mode}`, async () => {
      const { bench, sdk } = use();
      bench.upstream.next(silent());
      const controller = new AbortController();
      const failed = failureOf(sdk.ask({ model: CLAUDE, prompt: "hi", signal: controller.signal }, mode));
      await bench.upstream.call(1);
      controller.abort();
      await failed;
      await expectFree();
    });
  }
}

function describeErrors(driver: SdkDriver, use: Use): void {
  const question: Question = { model: CLAUDE, prompt: "hi" };

  for (const mode of MODES) {
    test(`an unknown model is a 404 with the nearest names, and is asked for once, ${mode}`, async () => {
      const { bench } = use();
      const { told, requests } = await failing(driver, bench, { ...question, model: "gemini-3-falsh" }, mode);
      expect(told).toEqual({ status: 404, message: expect.stringContaining(GEMINI_3) });
      expect(requests).toBe(1);
      expect(bench.upstream.calls()).toEqual([]);
    });

    test(`a prompt that is too long is a 400 in the words that clients know, and is sent once, ${mode}`, async () => {
      const { bench } = use();
      bench.upstream.script(TROUBLES["a prompt that is too long"]);
      const { told, requests } = await failing(driver, bench, question, mode);
      expect(told).toEqual({ status: 400, message: expect.stringContaining("prompt is too long") });
      expect(requests).toBe(1);
    });

    test(`a used-up quota is a 429 without a word about the account, ${mode}`, async () => {
      await using bench = await startBench({ config: NO_WAITING });
      bench.upstream.script(TROUBLES["a used-up quota"]);
      const error = await failureOf(driver.open(bench.url(), "none").ask(question, mode));
      expect(driver.told(error)).toEqual({ status: 429, message: expect.not.stringMatching(SECRETS) });
    });
  }

  for (const { name, answer } of BROKEN_ANSWERS) {
    test(`an answer that breaks off is never a finished one: ${name}`, async () => {
      const { bench, sdk } = use();
      const heard = Promise.withResolvers<void>();
      bench.upstream.next(answer(heard.promise));
      let said = "";
      const onText = (piece: string) => {
        said += piece;
        heard.resolve();
      };
      await failureOf(sdk.ask({ ...question, onText }, "streamed"));
      expect(said).toBe(BROKEN_BEGINNING);
    });
  }
}

/** What the SDK throws with its usual retries, and how often it asked the gateway. */
async function failing(driver: SdkDriver, bench: Bench, question: Question, mode: Mode) {
  const usual = globalThis.fetch;
  let requests = 0;
  const counting = (...input: Parameters<typeof fetch>) => {
    const [target] = input;
    const url = target instanceof Request ? target.url : String(target);
    if (url.startsWith(bench.url())) requests++;
    return usual(...input);
  };
  globalThis.fetch = Object.assign(counting, { preconnect: usual.preconnect });
  try {
    const error = await failureOf(driver.open(bench.url(), "usual").ask(question, mode));
    return { told: driver.told(error), requests };
  } finally {
    globalThis.fetch = usual;
  }
}
