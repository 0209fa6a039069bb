import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Content, FunctionTool, GenerateRequest, Part } from "../../../src/core/request.ts";
import type { Turn } from "../../../src/core/turn.ts";
import { call, calls, gate, image, pause, text, thinking, turn } from "../../support/cloudcode/index.ts";
import { startGeminiApi } from "../../support/gemini-api/index.ts";
import { scriptedServer, sse } from "../../support/scripted-server.ts";
import { assertWellFormed, collectTurn } from "../../support/turn.ts";
import { api, asking, CREDENTIAL, FLASH_25, FLASH_3, IMAGE, lastBody, PRO_25, run } from "./support.ts";

const server = await startGeminiApi();
afterAll(() => server.stop());
beforeEach(() => server.reset());

const LOOK: FunctionTool = {
  name: "look",
  description: "Looks",
  schema: { type: "object", properties: { at: { type: "string" } }, required: ["at"] },
};
const PNG = { mimeType: "image/png", data: "iVBORw0KGgo=" };
const user = (...parts: Part[]): Content => ({ role: "user", parts });

async function answered(...args: Parameters<typeof run>): Promise<Turn> {
  const { events, error } = await run(...args);
  if (error) throw error;
  return collectTurn(events);
}

/** The model's turn as a client hands it back. */
function spoken({ blocks }: Turn): Content {
  const parts = blocks.map((block): Part => {
    const signed = block.signature === undefined ? {} : { thoughtSignature: block.signature };
    if (block.kind === "tool") return { functionCall: { id: block.id, name: block.name, args: block.args }, ...signed };
    if (block.kind === "media") return { inlineData: { mimeType: block.mimeType, data: block.data }, ...signed };
    return { text: block.text, ...(block.kind === "thinking" && { thought: true }), ...signed };
  });
  return { role: "model", parts };
}

const results = (turn: Turn): Content =>
  user(
    ...turn.blocks.flatMap((block): Part[] =>
      block.kind === "tool"
        ? [{ functionResponse: { id: block.id, name: block.name, response: { result: "seen" } } }]
        : [],
    ),
  );

describe("one attempt", () => {
  test("posts the bare body to the model's own path, with the key in a header and nothing else of anybody's", async () => {
    await using plain = scriptedServer(
      sse({ candidates: [{ content: { parts: [{ text: "Hello" }] }, finishReason: "STOP" }] }),
    );
    expect(await answered(plain.url)).toMatchObject({ blocks: [{ kind: "text", text: "Hello" }], reason: "end" });
    const [received] = plain.calls;
    expect(received?.path).toBe("/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse");
    expect(Object.fromEntries(received?.headers ?? [])).toEqual({
      accept: "text/event-stream",
      "accept-encoding": expect.any(String),
      connection: expect.any(String),
      "content-length": expect.stringMatching(/^\d+$/),
      "content-type": "application/json",
      host: expect.any(String),
      "user-agent": "ag/1.0.0",
      "x-goog-api-key": "AIza-test-key",
    });
    expect(JSON.parse(received?.body ?? "")).toEqual({
      contents: [{ role: "user", parts: [{ text: "List three primes — ünïcode €." }] }],
    });
  });

  test.each(["/v1beta", ""])("takes a base URL that ends in '%s'", async (ending) => {
    expect((await answered(`${server.url}${ending}`)).reason).toBe("end");
    expect(server.refusals()).toEqual([]);
  });

  test("a model's id cannot lead to another path", async () => {
    const id = "gemini-x/../../v1/files?x";
    await run(server.url, asking({}, { ...FLASH_3, id }));
    expect(server.log[0]?.path).toBe(`/v1beta/models/${encodeURIComponent(id)}:streamGenerateContent?alt=sse`);
  });

  test("text arrives while the answer is under way", async () => {
    const door = gate();
    server.next(turn([text("one "), pause(door), text("two")]));
    const signal = new AbortController().signal;
    const batches = api(server.url).stream(asking(), CREDENTIAL, signal)[Symbol.asyncIterator]();
    const first = await batches.next();
    expect(first.value?.map(({ type }: { type: string }) => type)).toEqual([
      "turn-start",
      "block-start",
      "block-delta",
    ]);
    door.open();
    for (let step = await batches.next(); !step.done; step = await batches.next());
    expect(server.refusals()).toEqual([]);
  });

  test("leaving the loop closes the connection", async () => {
    server.next(turn([text("one "), pause(gate()), text("two")]));
    const signal = new AbortController().signal;
    for await (const _ of api(server.url).stream(asking(), CREDENTIAL, signal)) break;
    await server.calls()[0]?.ended;
    expect(server.calls()[0]?.outcome).toBe("closed-by-client");
  });

  test("an abort is told as the client's", async () => {
    const controller = new AbortController();
    server.next(turn([text("one "), pause(gate()), text("two")]));
    const outcome = run(server.url, asking(), controller.signal);
    await server.call(1);
    controller.abort();
    expect((await outcome).error?.kind).toBe("cancelled");
  });

  test("what cannot be carried over is told as a loss", async () => {
    const { losses } = await run(server.url, asking({ sampling: { maxOutputTokens: 900_000 } }));
    expect(losses).toEqual([{ field: "max_tokens", why: expect.stringContaining("lowered to") }]);
    expect(server.refusals()).toEqual([]);
  });
});

describe("conversations that the official service takes", () => {
  test.each([FLASH_3, PRO_25, FLASH_25])("$id: a tool loop with thinking, signatures and words", async (model) => {
    const ask: Content = user({ text: "What is where?" });
    const options: Partial<GenerateRequest> = { tools: [LOOK], thinking: { type: "effort", effort: "low" } };
    server.next(
      turn([
        thinking("Look twice."),
        calls([
          { name: "look", args: { at: "here" } },
          { name: "look", args: { at: "there" } },
        ]),
      ]),
    );
    const first = await answered(server.url, asking({ ...options, contents: [ask] }, model));
    expect(first.blocks.map(({ kind }) => kind)).toEqual(["thinking", "tool", "tool"]);
    expect(first.reason).toBe("tool");

    server.next(turn([call("look", { at: "behind" })]));
    const second = await answered(
      server.url,
      asking({ ...options, contents: [ask, spoken(first), results(first)] }, model),
    );
    server.next(turn([text("All seen.", { signature: "carrier" })]));
    const contents = [ask, spoken(first), results(first), spoken(second), results(second)];
    const third = await answered(server.url, asking({ ...options, contents }, model));
    expect(third.blocks.map(({ text: said, signature }) => [said, typeof signature])).toEqual([
      ["All seen.", "string"],
    ]);

    const later = user({ text: "Thank you." });
    await answered(server.url, asking({ ...options, contents: [...contents, spoken(third), later] }, model));
    expect(server.refusals()).toEqual([]);
    const ids = lastBody(server).contents?.flatMap(({ parts = [] }) =>
      parts.flatMap((part) => part.functionCall?.id ?? []),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test("calls that lost their signatures, from another service, go with the sentinel", async () => {
    const contents: Content[] = [
      user({ text: "Look." }),
      { role: "model", parts: [{ functionCall: { id: "c1", name: "look", args: { at: "here" } } }] },
      user({ functionResponse: { id: "c1", name: "look", response: { result: "seen" } } }),
    ];
    await answered(server.url, asking({ contents, tools: [LOOK] }));
    expect(server.refusals()).toEqual([]);
    expect(lastBody(server).contents?.[1]?.parts?.[0]?.thoughtSignature).toBe("skip_thought_signature_validator");
  });

  test("a function without arguments declares no parameters, beside one that has some", async () => {
    const tools: FunctionTool[] = [{ name: "list_files" }, LOOK, { name: "stop", schema: { type: "object" } }];
    server.next(turn([call("list_files")]));
    const { blocks } = await answered(server.url, asking({ tools }));
    expect(blocks).toMatchObject([{ kind: "tool", name: "list_files", args: {} }]);
    expect(server.refusals()).toEqual([]);
    const [entry] = lastBody(server).tools ?? [];
    expect(entry?.functionDeclarations?.map(({ name, parameters }) => [name, parameters !== undefined])).toEqual([
      ["list_files", false],
      ["look", true],
      ["stop", false],
    ]);
  });

  test("a structured answer's schema leaves out what the service does not know, at every depth", async () => {
    const item = { type: "object", properties: { n: { type: "integer" } }, additionalProperties: false };
    const schema = {
      type: "object",
      properties: { list: { type: "array", items: item }, additionalProperties: { type: "string" } },
      additionalProperties: false,
    };
    await answered(server.url, asking({ outputFormat: { type: "json-schema", schema } }));
    expect(server.refusals()).toEqual([]);
    const config = lastBody(server).generationConfig;
    expect(config?.responseMimeType).toBe("application/json");
    expect(JSON.stringify(config?.responseSchema)).not.toContain('additionalProperties":false');
    expect(Object.keys(config?.responseSchema?.properties ?? {})).toEqual(["list", "additionalProperties"]);
  });

  test("forced and validated calls, search, sampling and images go as they are", async () => {
    await answered(server.url, asking({ tools: [LOOK], toolChoice: { mode: "any", only: ["look"] } }));
    await answered(server.url, asking({ tools: [LOOK], toolChoice: { mode: "validated" } }));
    await answered(server.url, asking({ webSearch: {} }));
    const sampling = { temperature: 1.5, topP: 0.9, topK: 4, seed: 7, stopSequences: ["END"], presencePenalty: 0.5 };
    await answered(server.url, asking({ sampling }));
    await answered(server.url, asking({ contents: [user({ text: "What is this?" }, { inlineData: PNG })] }));
    const contents: Content[] = [
      user({ text: "Look." }),
      { role: "model", parts: [{ functionCall: { id: "c1", name: "look", args: { at: "here" } } }] },
      user({ functionResponse: { id: "c1", name: "look", response: { result: "seen" }, media: [PNG] } }),
    ];
    for (const model of [FLASH_3, FLASH_25]) await answered(server.url, asking({ contents, tools: [LOOK] }, model));
    expect(server.refusals()).toEqual([]);
  });

  test("an image model makes a picture, and takes it back to change it", async () => {
    server.next(turn([text("Here."), image(PNG.data, { signature: true })]));
    const first = await answered(server.url, asking({ system: ["Be brief."] }, IMAGE));
    expect(first.blocks.map(({ kind }) => kind)).toEqual(["text", "media"]);
    const contents = [user({ text: "A boat." }), spoken(first), user({ text: "Make it red." })];
    await answered(server.url, asking({ contents }, IMAGE));
    expect(server.refusals()).toEqual([]);
  });

  test("a request without thinking for a model that cannot think", async () => {
    const { thinking: _, ...model } = { ...FLASH_25, id: "gemini-2.0-flash", maxOutputTokens: 8192 };
    await answered(server.url, asking({ thinking: { type: "effort", effort: "high" } }, model));
    expect(server.refusals()).toEqual([]);
  });
});

test("the events of an answer are in order, and its end is upstream's", async () => {
  server.next(turn([thinking("hm"), text("2, 3, 5")], { finishReason: "MAX_TOKENS" }));
  const { events } = await run(server.url);
  assertWellFormed(events);
  expect(events.at(-1)).toMatchObject({ type: "turn-end", reason: "length", usage: { thinking: expect.any(Number) } });
});
