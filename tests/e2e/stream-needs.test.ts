import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/lib/json.ts";
import { eventsIn } from "../support/clients.ts";
import { calls, type Step, streamError, text, thinking, turn, type TurnOptions } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, startBench } from "./support/bench.ts";

/** One test for each thing without which some client was seen to break, hang or ask without end. */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const SCHEMA = { type: "object", properties: { q: { type: "string" } } };
const MODELS = [CLAUDE, GEMINI_3];

/** Everything that an answer can hold beside each other. */
const RICH: readonly Step[] = [
  thinking("Hm, …", { deltas: 2 }),
  text("Grüße 👋🏽", { deltas: 3 }),
  calls([{ name: "lookup", args: { q: "ä" } }, { name: "lookup" }]),
];

interface Streamed {
  contentType: string | null;
  events: { event: string | undefined; data: JsonObject }[];
  /** What is no JSON: sentinels. */
  others: string[];
}

async function stream(path: string, body: JsonObject, options: TurnOptions = {}): Promise<Streamed> {
  bench.upstream.next(turn(RICH, options));
  const reply = await fetch(bench.url() + path, { method: "POST", body: JSON.stringify(body) });
  expect(reply.status).toBe(200);
  const events = eventsIn(await reply.text());
  return {
    contentType: reply.headers.get("content-type"),
    events: events.flatMap(({ event, data }) => (data.startsWith("{") ? [{ event, data: JSON.parse(data) }] : [])),
    others: events.flatMap(({ data }) => (data.startsWith("{") ? [] : [data])),
  };
}

/** The member at this place; fails when there is none. */
function at(value: JsonValue | undefined, ...path: (string | number)[]): JsonValue {
  let found: JsonValue | undefined = value;
  for (const key of path) {
    if (Array.isArray(found) && typeof key === "number") found = found.at(key);
    else if (isJsonObject(found)) found = found[key];
    else found = undefined;
  }
  if (found === undefined) throw new Error(`nothing stands at ${path.join(".")} of ${JSON.stringify(value)}`);
  return found;
}

function listAt(value: JsonValue | undefined, ...path: (string | number)[]): JsonValue[] {
  const found = at(value, ...path);
  if (!Array.isArray(found)) throw new Error(`no list stands at ${path.join(".")}`);
  return found;
}

for (const model of MODELS) {
  describe(`/v1/messages, ${model}`, () => {
    const body = {
      model,
      max_tokens: 8192,
      stream: true,
      thinking: { type: "enabled", budget_tokens: 2048 },
      tools: [{ name: "lookup", input_schema: SCHEMA }],
      messages: [{ role: "user", content: "hi" }],
    };
    const read = (options?: TurnOptions) => stream("/v1/messages", body, options);
    const only = ({ events }: Streamed, type: string) =>
      events.filter(({ data }) => data["type"] === type).map(({ data }) => data);

    test("is an event stream whose events are named as their data says", async () => {
      const { contentType, events } = await read();
      expect(contentType).toStartWith("text/event-stream");
      expect(events.map(({ event }) => event)).toEqual(events.map(({ data }) => String(data["type"])));
    });

    test("begins with message_start and its counts, and ends with message_delta, its counts and message_stop", async () => {
      for (const options of [{}, { usage: false as const }]) {
        const { events } = await read(options);
        expect(events[0]?.data).toMatchObject({
          type: "message_start",
          message: { usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) } },
        });
        expect(events.at(-2)?.data).toMatchObject({
          type: "message_delta",
          delta: { stop_reason: "tool_use" },
          usage: { output_tokens: expect.any(Number) },
        });
        expect(events.at(-1)?.data).toEqual({ type: "message_stop" });
      }
    });

    test("opens and closes each block, one after the other", async () => {
      const streamed = await read();
      const marks = streamed.events.flatMap(({ data }) =>
        String(data["type"]).startsWith("content_block_st") ? [[data["type"], data["index"]]] : [],
      );
      const blocks = only(streamed, "content_block_start");
      expect(blocks.map((block) => at(block, "content_block", "type"))).toEqual([
        "thinking",
        "text",
        "tool_use",
        "tool_use",
      ]);
      expect(marks).toEqual(
        blocks.flatMap((_, index) => [
          ["content_block_start", index],
          ["content_block_stop", index],
        ]),
      );
    });

    test("gives a tool's arguments in deltas, none of them with its beginning", async () => {
      const streamed = await read();
      const tools = only(streamed, "content_block_start").filter(
        (block) => at(block, "content_block", "type") === "tool_use",
      );
      expect(tools.map((block) => at(block, "content_block", "input"))).toEqual([{}, {}]);
      const written = tools.map(({ index }) =>
        only(streamed, "content_block_delta")
          .filter((delta) => delta["index"] === index)
          .map((delta) => at(delta, "delta", "partial_json"))
          .join(""),
      );
      expect(written.map((json) => JSON.parse(json || "{}"))).toEqual([{ q: "ä" }, {}]);
    });
  });

  describe(`/v1/responses, ${model}`, () => {
    const body = {
      model,
      stream: true,
      store: false,
      reasoning: { effort: "low", summary: "auto" },
      include: ["reasoning.encrypted_content"],
      tools: [{ type: "function", name: "lookup", parameters: SCHEMA, strict: false }],
      input: "hi",
    };
    const read = (options?: TurnOptions) => stream("/v1/responses", body, options);
    const only = ({ events }: Streamed, type: string) =>
      events.filter(({ data }) => data["type"] === type).map(({ data }) => data);

    test("is an event stream of numbered events named as their data says", async () => {
      const { contentType, events } = await read();
      expect(contentType).toStartWith("text/event-stream");
      expect(events.map(({ event }) => event)).toEqual(events.map(({ data }) => String(data["type"])));
      expect(events.map(({ data }) => data["sequence_number"])).toEqual([...events.keys()]);
    });

    test("begins with response.created and ends with the one response.completed", async () => {
      const streamed = await read();
      expect(streamed.events[0]?.data["type"]).toBe("response.created");
      const ends = streamed.events.filter(({ data }) =>
        /^response\.(completed|incomplete|failed)$/.test(String(data["type"])),
      );
      expect(ends.map(({ data }) => data["type"])).toEqual(["response.completed"]);
      expect(streamed.events.at(-1)).toEqual(ends[0]);
    });

    test("tells a failure twice: as the error that SDKs throw, and as the one response.failed at the end", async () => {
      bench.upstream.next(turn([text("half", { deltas: 2 }), streamError(500, "boom", "INTERNAL")]));
      const reply = await fetch(`${bench.url()}/v1/responses`, { method: "POST", body: JSON.stringify(body) });
      const events = eventsIn(await reply.text()).map(({ data }): JsonObject => JSON.parse(data));
      const failure = { code: "server_error", message: expect.stringMatching(/./) };
      expect(events.slice(-2)).toMatchObject([
        { type: "error", ...failure },
        { type: "response.failed", response: { status: "failed", error: failure } },
      ]);
      expect(events.filter(({ type }) => /^response\.(completed|incomplete|failed)$/.test(String(type)))).toHaveLength(
        1,
      );
    });

    test("gives each item begun, in pieces, and done, the same ones as in the completed response", async () => {
      const streamed = await read();
      const added = only(streamed, "response.output_item.added");
      const done = only(streamed, "response.output_item.done");
      expect(added.map((event) => [event["output_index"], at(event, "item", "id")])).toEqual(
        done.map((event) => [event["output_index"], at(event, "item", "id")]),
      );
      const output = listAt(only(streamed, "response.completed")[0], "response", "output");
      expect(done.map((event) => at(event, "item"))).toEqual(output);
      expect(output.map((item) => at(item, "type"))).toEqual([
        "reasoning",
        "message",
        "function_call",
        "function_call",
      ]);
      expect(at(output, 2)).toMatchObject({ name: "lookup", arguments: `{"q":"ä"}`, status: "completed" });
    });

    test("announces a text's part before its deltas, which are the whole text", async () => {
      const streamed = await read();
      const types = streamed.events.map(({ data }) => String(data["type"]));
      const order = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"];
      const places = order.map((type) => types.indexOf(`response.${type}`));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places).not.toContain(-1);
      const said = only(streamed, "response.output_text.delta").map(({ delta }) => delta);
      expect(said.join("")).toBe("Grüße 👋🏽");
    });

    test("gives arguments and reasoning in deltas, which are all of them", async () => {
      const streamed = await read();
      const joined = (type: string, item: JsonValue) =>
        only(streamed, type)
          .filter((event) => event["item_id"] === at(item, "id"))
          .map(({ delta }) => delta)
          .join("");
      const [reasoning = null, , ...called] = only(streamed, "response.output_item.done").map((done) =>
        at(done, "item"),
      );
      expect(joined("response.reasoning_summary_text.delta", reasoning)).toBe("Hm, …");
      expect(called.map((item) => joined("response.function_call_arguments.delta", item))).toEqual([`{"q":"ä"}`, "{}"]);
    });

    test("completes with the whole response, its counts too", async () => {
      for (const options of [{}, { usage: false as const }]) {
        const [completed] = only(await read(options), "response.completed");
        expect(completed?.["response"]).toMatchObject({
          id: expect.stringMatching(/^resp_/),
          object: "response",
          created_at: expect.any(Number),
          model,
          status: "completed",
          error: null,
          incomplete_details: null,
          tools: expect.any(Array),
          tool_choice: "auto",
          parallel_tool_calls: true,
          usage: {
            input_tokens: expect.any(Number),
            input_tokens_details: { cached_tokens: expect.any(Number) },
            output_tokens: expect.any(Number),
            output_tokens_details: { reasoning_tokens: expect.any(Number) },
            total_tokens: expect.any(Number),
          },
        });
      }
    });
  });

  describe(`/v1/chat/completions, ${model}`, () => {
    const body = {
      model,
      stream: true,
      tools: [{ type: "function", function: { name: "lookup", parameters: SCHEMA } }],
      messages: [{ role: "user", content: "hi" }],
    };
    const read = (options?: TurnOptions) => stream("/v1/chat/completions", body, options);

    test("is an event stream that begins with the role, ends with a finish reason and says that it is done", async () => {
      const { contentType, events, others } = await read();
      expect(contentType).toStartWith("text/event-stream");
      expect(at(events[0]?.data, "choices", 0, "delta", "role")).toBe("assistant");
      expect(at(events.at(-1)?.data, "choices", 0, "finish_reason")).toBe("tool_calls");
      expect(others).toEqual(["[DONE]"]);
    });

    test("begins each call with index, id, type and name", async () => {
      const { events } = await read();
      const begun = events.flatMap(({ data }) => {
        const delta = at(data, "choices", 0, "delta");
        return isJsonObject(delta) && Array.isArray(delta["tool_calls"]) ? delta["tool_calls"] : [];
      });
      const ids = new Set(begun.map((call) => at(call, "id")));
      expect(ids.size).toBe(2);
      expect(begun).toMatchObject(
        [0, 1].map((index) => ({
          index,
          id: expect.stringMatching(/./),
          type: "function",
          function: { name: "lookup", arguments: index === 0 ? `{"q":"ä"}` : "{}" },
        })),
      );
    });
  });

  describe(`:streamGenerateContent, ${model}`, () => {
    const body = {
      tools: [{ functionDeclarations: [{ name: "lookup", parameters: SCHEMA }] }],
      generationConfig: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } },
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
    };
    const path = `/v1beta/models/${model}:streamGenerateContent?alt=sse`;
    const read = (options?: TurnOptions) => stream(path, body, options);

    test("is an event stream of bare responses: no name, no wrapper, no sentinel", async () => {
      const { contentType, events, others } = await read();
      expect(contentType).toStartWith("text/event-stream");
      expect(others).toEqual([]);
      for (const { event, data } of events) {
        expect(event).toBeUndefined();
        expect(data).not.toHaveProperty("response");
        expect(data).toMatchObject({ candidates: [{ content: { role: "model" } }], modelVersion: model });
      }
    });

    test("ends with the one finish reason and the counts", async () => {
      for (const options of [{}, { usage: false as const }]) {
        const { events } = await read(options);
        const finished = events.filter(({ data }) => data["candidates"] && isFinished(data));
        expect(finished).toEqual(events.slice(-1));
        expect(at(events.at(-1)?.data, "candidates", 0, "finishReason")).toBe("STOP");
        expect(events.at(-1)?.data).toMatchObject({ usageMetadata: { promptTokenCount: expect.any(Number) } });
      }
    });

    test("gives each call whole, with an id", async () => {
      const { events } = await read();
      const parts = events.flatMap(({ data }) => partsOf(data));
      const called = parts.flatMap((part) => (isJsonObject(part) && part["functionCall"]) || []);
      expect(called).toMatchObject([{ name: "lookup", args: { q: "ä" } }, { name: "lookup" }]);
      expect(new Set(called.map((call) => at(call, "id"))).size).toBe(2);
    });
  });
}

function isFinished(chunk: JsonObject): boolean {
  const candidate = at(chunk, "candidates", 0);
  return isJsonObject(candidate) && candidate["finishReason"] !== undefined;
}

function partsOf(chunk: JsonObject): JsonValue[] {
  const content = at(chunk, "candidates", 0, "content");
  return isJsonObject(content) && Array.isArray(content["parts"]) ? content["parts"] : [];
}
