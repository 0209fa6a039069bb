import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";
import { type BlockScript, collect, context, text, thinking, turnEvents } from "../../support/turn-script.ts";
import { payloads } from "../openai-chat/support.ts";
import { parseWith } from "./support.ts";

const image: BlockScript = { head: { kind: "media", mimeType: "image/png", data: "AAAA" } };
const failure = new GatewayError("context-too-long", "Too long");

const encoder = (fields: JsonObject = {}) => parseWith(fields).reply.stream(context());

const golden = (name: string) =>
  Bun.file(join(import.meta.dir, `../../fixtures/openai-completions/${name}.txt`)).text();

interface Choice {
  index: number;
  text: string;
  finish_reason: string | null;
}
const choices = (frames: string): Choice[] =>
  payloads(frames).flatMap((payload) =>
    typeof payload === "string" ? [] : (payload as { choices: Choice[] }).choices,
  );

/** What a client has in hand at the end of a stream: the text and the reason of each choice. */
function assembled(frames: string): [text: string, reason: string | null][] {
  const all: [string, string | null][] = [];
  for (const { index, text: piece, finish_reason: reason } of choices(frames)) {
    const [before, earlier] = all[index] ?? ["", null];
    expect(earlier).toBeNull();
    all[index] = [before + piece, reason];
  }
  return all;
}

describe("the stream", () => {
  const goldens: [name: string, fields: JsonObject, turns: TurnEvent[][]][] = [
    ["text-then-finish-reason", {}, [turnEvents([text("Hel", "lo")], "end")]],
    ["thinking-is-not-shown", {}, [turnEvents([thinking("hm"), text("a")], "end")]],
    ["echo-comes-first", { echo: true }, [turnEvents([text(" upon")], "length")]],
    [
      "two-prompts-with-usage",
      { prompt: ["a", "b"], stream_options: { include_usage: true } },
      [turnEvents([text("x")], "end"), turnEvents([text("y")], "filtered")],
    ],
  ];
  test.each(goldens)("%s", async (name, fields, turns) => {
    expect(encoder(fields).push(turns.flat())).toBe(await golden(name));
  });

  test("however the events are cut into batches, a client has the same in the end", () => {
    const fields = { prompt: ["a", "b"], echo: true };
    const events = [
      ...turnEvents([thinking("hm"), text("x", "", "y")], "end"),
      ...turnEvents([image, text("z")], "length"),
    ];
    const apart = encoder(fields);
    const frames = events.map((event) => apart.push([event]) + apart.keepAlive()).join("");
    expect(assembled(frames)).toEqual([
      ["axy", "stop"],
      ["b![image](data:image/png;base64,AAAA)z", "length"],
    ]);
    expect(assembled(encoder(fields).push(events))).toEqual(assembled(frames));
  });

  test("the end comes once, after the last answer", () => {
    const stream = encoder({ prompt: ["a", "b"] });
    expect(stream.push(turnEvents([text("x")], "end"))).not.toContain("[DONE]");
    expect(stream.push(turnEvents([text("y")], "end"))).toEndWith("data: [DONE]\n\n");
    expect(stream.keepAlive()).toBe("");
    expect(stream.fail(failure)).toBe("");
  });

  test("between two answers a sign of life belongs to the next one", () => {
    const stream = encoder({ prompt: ["a", "b"] });
    stream.push(turnEvents([text("x")], "end"));
    expect(choices(stream.keepAlive())).toMatchObject([{ index: 1, text: "", finish_reason: null }]);
  });

  test("thinking that is not shown is a sign of life", () => {
    const stream = encoder();
    const [start, block, delta] = turnEvents([thinking("hm")], "end");
    stream.push([start, block].flatMap((event) => event ?? []));
    expect(choices(stream.push(delta ? [delta] : []))).toMatchObject([{ text: "" }]);
  });

  test("a failure ends without the terminator, before any event and after some", () => {
    const frame = {
      error: {
        message: "Too long",
        type: "invalid_request_error",
        param: "prompt",
        code: "context_length_exceeded",
      },
    };
    expect(payloads(encoder().fail(failure))).toEqual([frame]);
    const stream = encoder();
    stream.push(turnEvents([text("x")], "end").slice(0, 3));
    expect(payloads(stream.fail(failure))).toEqual([frame]);
    expect(stream.keepAlive()).toBe("");
  });

  test("the model that serves is named from the turn's first event on", () => {
    const serving = context();
    const stream = parseWith({}).reply.stream(serving);
    expect(stream.keepAlive()).toContain('"model":"gemini-test"');
    serving.model = "other";
    expect(stream.push(turnEvents([text("x")], "end"))).not.toContain("gemini-test");
  });
});

describe("the whole reply", () => {
  test("is a text_completion with one choice", () => {
    const turn = collect(turnEvents([thinking("hm"), text("Hel"), image, text("lo")], "end"));
    expect(parseWith({ echo: true }).reply.whole(turn, context())).toEqual({
      id: "cmpl-abcdefghijklmnopqrstuvwx",
      object: "text_completion",
      created: 1_700_000_000,
      model: "gemini-test",
      choices: [
        {
          text: "OnceHel![image](data:image/png;base64,AAAA)lo",
          index: 0,
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: 12,
        completion_tokens: 5,
        total_tokens: 17,
        prompt_tokens_details: { cached_tokens: 8 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    });
  });

  test("has one choice for each prompt and copy, and the usage of all", () => {
    const turns = ["x", "y", "z", ""].map((word, index) =>
      collect(turnEvents(word === "" ? [] : [text(word)], index === 1 ? "length" : "end")),
    );
    const reply = parseWith({ prompt: ["a", "b"], n: 2, echo: true }).several?.whole(turns, context());
    expect(reply).toMatchObject({
      choices: [
        { index: 0, text: "ax", finish_reason: "stop" },
        { index: 1, text: "ay", finish_reason: "length" },
        { index: 2, text: "bz", finish_reason: "stop" },
        { index: 3, text: "b", finish_reason: "stop" },
      ],
      usage: { prompt_tokens: 48, completion_tokens: 20, total_tokens: 68 },
    });
  });
});

describe("errors", () => {
  test("have the form of the chat API's, and name the prompt when it is too long", () => {
    expect(openaiCompletions.encodeError(failure, "req_1")).toEqual({
      status: 400,
      body: {
        error: {
          message: "Too long",
          type: "invalid_request_error",
          param: "prompt",
          code: "context_length_exceeded",
        },
      },
    });
  });
});
