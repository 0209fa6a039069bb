import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { scenarios } from "./scenarios.ts";
import { type BlockScript, collect, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { context, eventsIn, finalResponse, parseWith, streamed, typesOf } from "./support.ts";

const FIXTURES = join(import.meta.dir, "../../fixtures/openai-responses");

const encoder = (fields: JsonObject = {}) => parseWith(fields).reply.stream(context());

function frames(name: string): string {
  const { fields, events, failure } = scenarios[name] ?? { fields: {}, events: [] };
  const stream = encoder(fields);
  return stream.push(events) + (failure ? stream.fail(failure) : "");
}

const names = Object.keys(scenarios);
const complete = names.filter((name) => !scenarios[name]?.failure);

describe("golden sequences", () => {
  test.each(names)("%s", (name) => {
    const file = join(FIXTURES, `${name}.events.txt`);
    expect(frames(name)).toBe(readFileSync(file, "utf8"));
  });
});

describe("every stream", () => {
  test.each(names)("%s: numbers rise by one from 0, and one event ends it", (name) => {
    const events = eventsIn(frames(name));
    expect(events.map(({ sequence_number: number }) => number)).toEqual([...events.keys()]);
    expect(typesOf(events).slice(0, 2)).toEqual(["response.created", "response.in_progress"]);
    const ends = typesOf(events).filter((type) => /^response\.(completed|incomplete|failed)$/.test(String(type)));
    expect(ends).toEqual([typesOf(events).at(-1) ?? ""]);
  });

  test.each(complete)(
    "%s: each item is announced once, done once, and stands in the last event as it was done",
    (name) => {
      const events = eventsIn(frames(name));
      const of = (type: string) => events.filter((event) => event["type"] === type);
      const { output } = finalResponse(events);
      expect(of("response.output_item.added").map((event) => event["output_index"])).toEqual([
        ...of("response.output_item.added").keys(),
      ]);
      const done = of("response.output_item.done").toSorted(
        (a, b) => Number(a["output_index"]) - Number(b["output_index"]),
      );
      expect(done.map(({ item }): unknown => item)).toEqual(output as unknown[]);
      for (const [index, { item }] of of("response.output_item.added").entries()) {
        const last = done[index]?.["item"];
        if (!isJsonObject(item) || !isJsonObject(last)) throw new Error("no item");
        expect([item["id"], item["type"], item["call_id"]]).toEqual([last["id"], last["type"], last["call_id"]]);
      }
    },
  );

  test.each(complete)("%s: its last event holds what the whole reply would be", (name) => {
    const { fields, events } = scenarios[name] ?? { fields: {}, events: [] };
    const whole = parseWith(fields).reply.whole(collect(events), context());
    const withoutIds = (value: unknown) => JSON.stringify(value).replaceAll(/"([a-z]+_)id\d{22}"/g, '"$1"');
    expect(withoutIds(finalResponse(eventsIn(frames(name))))).toBe(withoutIds(whole));
  });

  test.each(names)("%s: however the events are cut into batches, the text is the same", (name) => {
    const { fields, events, failure } = scenarios[name] ?? { fields: {}, events: [] };
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: events.length, maxLength: events.length }), (cuts) => {
        const stream = encoder(fields);
        let out = "";
        let batch: typeof events = [];
        for (const [index, event] of events.entries()) {
          batch = [...batch, event];
          if (!cuts[index]) continue;
          out += stream.push(batch);
          batch = [];
        }
        out += stream.push(batch) + (failure ? stream.fail(failure) : "");
        expect(out).toBe(frames(name));
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});

describe("texts", () => {
  test("empty deltas and blocks say nothing", () => {
    expect(finalResponse(streamed(turnEvents([text("", ""), thinking("")], "end")))["output"]).toEqual([]);
  });

  test("whitespace is kept", () => {
    const deltas = streamed(turnEvents([text("a", " ", "\n")], "end")).flatMap(({ type, delta }) =>
      type === "response.output_text.delta" ? [delta] : [],
    );
    expect(deltas).toEqual(["a", " ", "\n"]);
  });

  test("what was said before a call is done before the call, even where the web is searched", () => {
    const tools = [{ type: "function", name: "f" }, { type: "web_search" }];
    const done = streamed(turnEvents([text("a"), tool("call_1", "f", {})], "tool"), { tools })
      .filter(({ type }) => type === "response.output_item.done")
      .map(({ item }) => (isJsonObject(item) ? (item["type"] ?? "") : ""));
    expect(done).toEqual(["message", "function_call"]);
  });
});

describe("thinking", () => {
  const SEALED = { type: "reasoning", encrypted_content: expect.any(String) };
  const signed = { ...thinking("hm"), signature: "c2ln" };
  const items = (fields: JsonObject, block: BlockScript = signed) =>
    finalResponse(streamed(turnEvents([block], "end"), fields))["output"] as unknown;

  test.each<[string, JsonObject, unknown]>([
    [
      "shown and sealed",
      { reasoning: { summary: "auto" } },
      [{ ...SEALED, summary: [{ type: "summary_text", text: "hm" }] }],
    ],
    ["sealed only", {}, [{ ...SEALED, summary: [] }]],
    ["sealed in answers that are kept as well, from which it is sent back", { store: true }, [SEALED]],
  ])("is %s", (_, fields, output) => {
    expect(items(fields)).toMatchObject(output as object);
  });

  test("unsigned, it is shown or nothing", () => {
    expect(items({}, thinking("hm"))).toEqual([]);
    expect(items({ reasoning: { summary: "auto" } }, thinking("hm"))).toEqual([
      { id: expect.any(String), type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
    ]);
  });
});

describe("signs of life", () => {
  test("before the first event it opens the stream, once; later it is an event of its own", () => {
    const stream = encoder();
    const [start, answer] = [stream.keepAlive(), turnEvents([text("a")], "end")];
    const events = eventsIn(
      [start, stream.keepAlive(), ...answer.map((event) => stream.push([event]) + stream.keepAlive())].join(""),
    );
    expect(typesOf(events).filter((type) => type === "response.created")).toHaveLength(1);
    expect(events.map(({ sequence_number: number }) => number)).toEqual([...events.keys()]);
    expect(typesOf(events).at(-1)).toBe("response.completed");
  });

  test("the model that serves is named from the first event of the turn on", () => {
    const which = context({ model: "asked" });
    const stream = parseWith({}).reply.stream(which);
    const before = eventsIn(stream.keepAlive());
    which.model = "served";
    const after = eventsIn(stream.push(turnEvents([text("a")], "end")));
    expect(before.map(({ response }) => isJsonObject(response) && response["model"])).toEqual(["asked", "asked"]);
    expect(finalResponse(after)["model"]).toBe("served");
  });
});

describe("the end", () => {
  test("nothing follows it", () => {
    const stream = encoder();
    stream.push(turnEvents([text("a")], "end"));
    expect(stream.keepAlive() + stream.fail(new GatewayError("internal", "late"))).toBe("");
    const failed = encoder();
    failed.fail(new GatewayError("internal", "early"));
    expect(failed.keepAlive() + failed.fail(new GatewayError("internal", "late"))).toBe("");
  });

  test.each<[string, boolean]>([
    ["text-in-deltas", true],
    ["cut-at-the-limit", true],
    ["failed-in-the-middle-of-a-text", false],
  ])("%s: whether the reply is told is %p", (name, told) => {
    const { fields, events, failure } = scenarios[name] ?? { fields: {}, events: [] };
    const replies: JsonObject[] = [];
    const stream = parseWith(fields).reply.stream({ ...context(), onReply: (reply) => replies.push(reply) });
    const out = stream.push(events) + (failure ? stream.fail(failure) : "");
    expect(replies).toEqual(told ? [finalResponse(eventsIn(out))] : []);
  });

  test("a response repeats its request", () => {
    const fields = {
      instructions: "rules",
      metadata: { a: "b" },
      temperature: 0.5,
      max_output_tokens: 9,
      tools: [{ type: "function", name: "f" }],
      tool_choice: "auto",
      reasoning: { effort: "low" },
      text: { format: { type: "json_object" } },
      user: "u",
      store: false,
      previous_response_id: "resp_1",
    };
    expect(finalResponse(streamed(turnEvents([text("{}")], "end"), fields))).toMatchObject({
      ...fields,
      object: "response",
      status: "completed",
      created_at: 1_700_000_000,
      model: "gemini-test",
      error: null,
      incomplete_details: null,
      parallel_tool_calls: true,
      top_p: null,
      truncation: "disabled",
      usage: {
        input_tokens: 12,
        input_tokens_details: { cached_tokens: 8 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 17,
      },
    });
  });
});

describe("what clients break without", () => {
  const tools = [{ type: "function", name: "f" }];
  const blocks = [text("Now:"), tool("call_1", "f", { a: 1 })];
  const events = streamed(turnEvents(blocks, "tool"), { tools });
  const of = (type: string) => events.filter((event) => event["type"] === type);
  const response = finalResponse(events);

  test("response.created comes first", () => {
    expect(events[0]).toMatchObject({ type: "response.created", response: { status: "in_progress", output: [] } });
  });

  test("each item is added, each text part opened, each delta there", () => {
    expect(of("response.output_item.added")).toHaveLength(2);
    expect(of("response.content_part.added")).toHaveLength(1);
    expect(of("response.output_text.delta").map(({ delta }) => delta)).toEqual(["Now:"]);
    expect(of("response.function_call_arguments.delta").map(({ delta }) => delta)).toEqual(['{"a":1}']);
  });

  test("each item is done, whole", () => {
    expect(of("response.output_item.done").map(({ item }) => item)).toMatchObject([
      { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Now:" }] },
      { type: "function_call", call_id: "call_1", name: "f", arguments: '{"a":1}', status: "completed" },
    ]);
  });

  test("response.completed holds the whole output and the usage", () => {
    expect(response).toMatchObject({ status: "completed", usage: { input_tokens: 12, output_tokens: 5 } });
    expect(response["output"]).toHaveLength(2);
  });

  test("no response is a minimal one", () => {
    const members = [
      "id",
      "object",
      "created_at",
      "model",
      "status",
      "output",
      "tools",
      "tool_choice",
      "text",
      "metadata",
    ];
    for (const event of [...of("response.created"), ...of("response.in_progress"), ...of("response.completed")]) {
      expect(Object.keys(isJsonObject(event["response"]) ? event["response"] : {})).toEqual(
        expect.arrayContaining([...members, "instructions", "temperature", "top_p", "parallel_tool_calls", "error"]),
      );
    }
  });
});
