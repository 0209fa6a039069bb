import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";
import { answerOf } from "../../support/protocol-answer.ts";
import { text, thinking, turnEvents } from "../../support/turn-script.ts";

/** The official client, answered by the protocol with these turns: streamed or whole, as its request asks. */
function client(turns: readonly TurnEvent[][], failure?: GatewayError): OpenAI {
  const answer = async (_url: unknown, init?: { body?: unknown }): Promise<Response> => {
    const call = openaiCompletions.parse({ body: JSON.parse(String(init?.body)), headers: new Headers() });
    return answerOf(openaiCompletions, call, { turns, failure });
  };
  return new OpenAI({ apiKey: "sk-ag-test", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch: answer });
}

const hello = { model: "gemini-test", prompt: ["a", "b"], stream_options: { include_usage: true } };
const turns = [turnEvents([thinking("hm"), text("x", "y")], "end"), turnEvents([text("z")], "length")];

describe("the official client", () => {
  test("has the same of a stream as of a whole reply", async () => {
    const whole = await client(turns).completions.create({ model: "gemini-test", prompt: ["a", "b"] });
    const texts = ["", ""];
    const reasons: (string | null)[] = [];
    let usage: unknown;
    for await (const chunk of await client(turns).completions.create({ ...hello, stream: true })) {
      usage = chunk.usage ?? usage;
      for (const choice of chunk.choices) {
        texts[choice.index] += choice.text;
        reasons[choice.index] = choice.finish_reason;
      }
    }
    expect(texts).toEqual(["xy", "z"]);
    expect(whole.choices.map((choice) => choice.text)).toEqual(texts);
    expect(whole.choices.map((choice) => choice.finish_reason as string | null)).toEqual(reasons);
    expect(usage).toEqual(whole.usage);
    expect(whole.usage).toMatchObject({ total_tokens: 34 });
  });

  test("sees a failure after any prefix as an API error", async () => {
    const error = new GatewayError("unavailable", "The answer was cut");
    const events = turns.flat();
    for (let length = 0; length < events.length; length++) {
      const read = async () => {
        const stream = await client([events.slice(0, length)], error).completions.create({ ...hello, stream: true });
        for await (const _ of stream); // to the end
      };
      const seen = await read().catch((cause: unknown) => cause);
      expect(seen).toBeInstanceOf(OpenAI.APIError);
      expect(seen).toMatchObject({ message: "The answer was cut", code: "upstream_unavailable" });
    }
  });

  test("throws a refusal as its own class with the field at fault", async () => {
    const error = new GatewayError("invalid-request", "No.", { field: "suffix" });
    const seen = await client([], error)
      .completions.create({ model: "m", prompt: "a" })
      .catch((cause: unknown) => cause);
    expect(seen).toBeInstanceOf(OpenAI.BadRequestError);
    expect(seen).toMatchObject({ param: "suffix" });
  });
});
