import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { fakeClock, frozenClock, type Part, testClient, userText } from "./client.ts";

const THINK = { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } };
const WEATHER: JsonObject = {
  functionDeclarations: [
    {
      name: "get_weather",
      description: "The weather of a city",
      parameters: { type: "OBJECT", properties: { city: { type: "STRING" } }, required: ["city"] },
    },
  ],
};
const MODELS = ["claude-sonnet-4-6", "gemini-3-flash", "gemini-2.5-pro", "gpt-oss-120b-medium"];

function signed(parts: readonly Part[]): Part[] {
  return parts.filter(({ thoughtSignature }) => thoughtSignature !== undefined);
}

describe("framing", () => {
  test("every event is one data line with CRLF ends, and the reply is an event stream", async () => {
    const response = await testClient().generate({ contents: [userText("hello in many languages")] });
    const body = await response.text();
    const frames = body.split("\r\n\r\n");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(frames.pop()).toBe("");
    expect(frames.length).toBeGreaterThan(5);
    for (const frame of frames) {
      expect(frame).toStartWith("data: {");
      expect(frame).not.toMatch(/[\r\n]/);
    }
  });

  test.each(MODELS)("documents of %s have the service's shape and one finish reason", async (model) => {
    const { documents, finishReasons } = await testClient().say("write a haiku", { model });
    const { responseId, modelVersion } = documents[0]!.response;
    for (const { response, traceId } of documents) {
      expect(response).toMatchObject({ responseId, modelVersion, createTime: "2026-08-20T10:30:00.000Z" } as object);
      expect(traceId).toBe(documents[0]!.traceId);
      for (const { content } of response.candidates) if (content) expect(content.role).toBe("model");
    }
    expect(modelVersion).toBe(model);
    expect(responseId.startsWith("msg_vrtx_")).toBe(model.startsWith("claude"));
    expect(finishReasons).toEqual(["STOP"]);
  });

  test("many scripts arrive whole however the text was divided", async () => {
    const { text } = await testClient().say("say hello in many languages");
    for (const hello of ["Grüße aus der Schweiz", "안녕하세요 세계", "👋🏽🌍 👩‍💻 🇪🇺"]) expect(text).toContain(hello);
    expect(text.isWellFormed()).toBe(true);
  });

  test("the same request to a new demo is answered with the same bytes", async () => {
    const request = { contents: [userText("weather in Oslo?")], tools: [WEATHER], generationConfig: THINK };
    const bytes = async () => (await testClient().generate(request)).text();
    expect(await bytes()).toBe(await bytes());
  });

  test("the source of chance picks between poems", async () => {
    const first = await testClient({ random: () => 0 }).say("write a haiku");
    const last = await testClient({ random: () => 0.99 }).say("write a haiku");
    expect(first.text).toContain("lamp's hum");
    expect(last.text).toContain("古池や");
  });
});

describe("usage", () => {
  test.each(MODELS)("counts of %s only rise and always add up", async (model) => {
    const { documents, usage } = await testClient().ask(
      { contents: [userText("what are you?")], generationConfig: THINK },
      { model },
    );
    let total = 0;
    for (const { response } of documents) {
      const counts = response.usageMetadata;
      if (!counts) continue;
      const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0, totalTokenCount = 0 } = counts;
      expect(promptTokenCount + candidatesTokenCount + thoughtsTokenCount).toBe(totalTokenCount);
      expect(totalTokenCount).toBeGreaterThanOrEqual(total);
      total = totalTokenCount;
    }
    expect(usage).toMatchObject({ totalTokenCount: total });
    expect(usage["candidatesTokenCount"]).toBeGreaterThan(10);
    expect((usage["thoughtsTokenCount"] ?? 0) > 0).toBe(model !== "gpt-oss-120b-medium");
  });

  test("a later turn of a session is cached on the account that had the earlier one, and only there", async () => {
    const client = testClient();
    const first = userText("hello");
    const later = {
      sessionId: "-123",
      systemInstruction: { parts: [{ text: "Be kind. ".repeat(50) }] },
      contents: [first, { role: "model", parts: [{ text: "Hello!" }] }, userText("count to 3")],
    };
    const opening = await client.ask({ ...later, contents: [first] });
    const followed = await client.ask(later);
    const elsewhere = await client.ask(later, { account: 1 });
    expect(opening.usage["cachedContentTokenCount"]).toBeUndefined();
    expect(followed.usage["cachedContentTokenCount"]).toBe(opening.usage["promptTokenCount"]!);
    expect(followed.usage["cachedContentTokenCount"]).toBeLessThan(followed.usage["promptTokenCount"]!);
    expect(elsewhere.usage["cachedContentTokenCount"]).toBeUndefined();
  });

  test("system text, tools and media count as prompt", async () => {
    const client = testClient();
    const prompt = async (request: JsonObject) => (await client.ask(request)).usage["promptTokenCount"] ?? 0;
    const contents = [userText("hello")];
    const bare = await prompt({ contents });
    expect(await prompt({ contents, systemInstruction: { parts: [{ text: "x".repeat(400) }] } })).toBe(bare + 100);
    expect(await prompt({ contents, tools: [WEATHER] })).toBeGreaterThan(bare);
    const image = { inlineData: { mimeType: "image/png", data: "AAAA" } };
    expect(await prompt({ contents: [{ role: "user", parts: [image, { text: "hello" }] }] })).toBe(bare + 258);
  });
});

describe("limits", () => {
  test.each([
    ["counting stops at the limit", 5, "count to 100"],
    ["one token is enough to say something", 1, "hello"],
    ["characters of several bytes are never divided", 3, "say 👋👋👋👋👋👋"],
  ])("%s", async (_name, maxOutputTokens, prompt) => {
    const { text, finishReasons, usage } = await testClient().ask({
      contents: [userText(prompt)],
      generationConfig: { maxOutputTokens },
    });
    expect(finishReasons).toEqual(["MAX_TOKENS"]);
    expect(usage["candidatesTokenCount"]).toBeLessThanOrEqual(maxOutputTokens);
    expect(text).not.toBe("");
    expect(text.isWellFormed()).toBe(true);
  });

  test("thoughts count against the limit", async () => {
    const { usage, finishReasons } = await testClient().ask({
      contents: [userText("what is the meaning of life?")],
      generationConfig: { ...THINK, maxOutputTokens: 100 },
    });
    expect(finishReasons).toEqual(["MAX_TOKENS"]);
    expect(usage["thoughtsTokenCount"]).toBeGreaterThan(0);
    expect(usage["thoughtsTokenCount"]! + usage["candidatesTokenCount"]!).toBeLessThanOrEqual(100);
  });

  test("a call that does not fit is left out whole", async () => {
    const { calls, finishReasons } = await testClient().ask({
      contents: [userText("weather in Oslo?")],
      tools: [WEATHER],
      generationConfig: { maxOutputTokens: 10 },
    });
    expect([calls, finishReasons]).toEqual([[], ["MAX_TOKENS"]]);
  });

  test("text ends before the earliest stop sequence, with STOP", async () => {
    const { text, finishReasons } = await testClient().ask({
      contents: [userText("count to 10")],
      generationConfig: { stopSequences: ["9", ", 5", ""] },
    });
    expect([text, finishReasons]).toEqual(["1, 2, 3, 4", ["STOP"]]);
  });
});

describe("thinking and signatures", () => {
  const contents = [userText("hello")];

  test("Claude signs its thinking in an empty last thought and ends the stream with usage alone", async () => {
    const { parts, thinking, documents } = await testClient().ask(
      { contents, generationConfig: THINK },
      { model: "claude-opus-4-6-thinking" },
    );
    const lastThought = parts.findLast(({ thought }) => thought);
    expect(thinking).toContain("hello");
    expect(signed(parts)).toEqual([{ thought: true, text: "", thoughtSignature: expect.stringMatching(/^R/) }]);
    expect(lastThought?.text).toBe("");
    expect(documents.at(-1)?.response.candidates).toEqual([]);
    expect(documents.at(-2)?.response.candidates[0]).toEqual({ index: 0, finishReason: "STOP" } as object);
  });

  test("Gemini 3 signs text in a trailing carrier beside the finish reason", async () => {
    const { parts, documents } = await testClient().ask({ contents, generationConfig: THINK });
    expect(signed(parts)).toEqual([{ text: "", thoughtSignature: expect.stringMatching(/^E/) }]);
    expect(documents.at(-1)?.response.candidates[0]?.finishReason).toBe("STOP");
  });

  test("Gemini 3 signs the first of several calls only, thinking shown or not", async () => {
    const { parts } = await testClient().ask({ contents: [userText("weather in Oslo and Rome?")], tools: [WEATHER] });
    const calls = parts.filter(({ functionCall }) => functionCall);
    expect(calls.map(({ thoughtSignature }) => thoughtSignature !== undefined)).toEqual([true, false]);
    expect(signed(parts)).toHaveLength(1);
  });

  test("Claude's calls have an id, are unsigned, and end the turn with OTHER", async () => {
    const { calls, parts, finishReasons } = await testClient().ask(
      { contents: [userText("weather in Oslo?")], tools: [WEATHER] },
      { model: "claude-sonnet-4-6" },
    );
    expect(calls).toEqual([{ id: expect.stringMatching(/^toolu_vrtx_/), name: "get_weather", args: { city: "Oslo" } }]);
    expect(signed(parts)).toEqual([]);
    expect(finishReasons).toEqual(["OTHER"]);
  });

  test("a signature belongs to its text: another text has another", async () => {
    const client = testClient();
    const sign = async (text: string) =>
      signed(
        (await client.ask({ contents: [userText(text)], generationConfig: THINK }, { model: "claude-sonnet-4-6" }))
          .parts,
      )[0]?.thoughtSignature;
    expect(await sign("hello")).toBe(await sign("hello"));
    expect(await sign("hello")).not.toBe(await sign("hello there"));
  });

  test.each([
    ["nobody asked", {}],
    ["the budget is zero", { thinkingConfig: { includeThoughts: true, thinkingBudget: 0 } }],
    ["thoughts are not to be shown", { thinkingConfig: { includeThoughts: false, thinkingBudget: 2000 } }],
  ])("there are no thoughts when %s", async (_name, generationConfig: JsonObject) => {
    const { thinking, usage } = await testClient().ask({ contents, generationConfig });
    expect([thinking, usage["thoughtsTokenCount"]]).toEqual(["", undefined]);
  });
});

describe("pace and ends", () => {
  test("a person sees streaming: by default every event waits a little", async () => {
    const clock = fakeClock();
    const { documents } = await testClient({ clock, pace: "default" }).say("count to 20");
    expect(clock.slept).toEqual(documents.map(() => 15));
  });

  test("nothing is prepared ahead of the reader", async () => {
    const clock = fakeClock();
    const response = await testClient({ clock, pace: "default" }).generate({ contents: [userText("count to 500")] });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.read();
    await new Promise(setImmediate);
    expect(clock.slept).toHaveLength(2);
    await reader.cancel();
  });

  test("an abort between two reads errors the body with its reason and stops the pulling", async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const response = await testClient({ clock, pace: "default" }).generate(
      { contents: [userText("count to 500")] },
      { signal: stop.signal },
    );
    const reader = response.body!.getReader();
    await reader.read();
    const reason = new Error("client gone");
    stop.abort(reason);
    await expect(reader.read()).rejects.toBe(reason);
    await expect(reader.read()).rejects.toBe(reason);
    expect(clock.slept).toHaveLength(1);
  });

  test("an abort during a wait ends the wait and errors the body", async () => {
    const clock = frozenClock();
    const stop = new AbortController();
    const response = await testClient({ clock, pace: "default" }).generate(
      { contents: [userText("hello")] },
      { signal: stop.signal },
    );
    const read = response.body!.getReader().read();
    const reason = new Error("client gone");
    stop.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(clock.slept).toEqual([15]);
  });

  test("cancelling the body ends a wait that is under way", async () => {
    const clock = frozenClock();
    const response = await testClient({ clock, pace: "default" }).generate({ contents: [userText("hello")] });
    const reader = response.body!.getReader();
    const read = reader.read();
    await reader.cancel();
    expect(await read).toEqual({ done: true, value: undefined });
  });
});
