import { expect } from "bun:test";
import OpenAI from "openai";
import type { StopReason } from "../../src/core/turn.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { openaiResponses } from "../../src/protocols/openai-responses/index.ts";
import { type Client, eventsIn, known, never, type Reading } from "./clients.ts";
import { richResponse } from "./rich-requests.ts";

type OpenAIResponse = OpenAI.Responses.Response;

export const responsesClient: Client = {
  protocol: openaiResponses,
  path: "/v1/responses",
  rich: richResponse,
  limit: (tokens) => ({ max_output_tokens: tokens }),
  terminator: /^event: response\.(completed|incomplete)$/m,
  request: (thinking, fields) => ({
    model: "gemini-3-flash",
    input: "Hello",
    reasoning: thinking === "shown" ? { summary: "auto" } : {},
    ...fields,
  }),
  async readStream(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    const response = await client.responses.stream({ model: "m", input: "Hello" }).finalResponse();
    if (response.error) throw new Error(response.error.message);
    return responseReading(response);
  },
  async readWhole(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    return responseReading(await client.responses.create({ model: "m", input: "Hello" }));
  },
  checkOrder(frames, outcome) {
    const events = eventsIn(frames).map(({ event, data }) => {
      const content = JSON.parse(data) as JsonObject;
      expect(event).toBe(String(content["type"]));
      return content;
    });
    expect(events.map((event) => event["sequence_number"])).toEqual([...events.keys()]);
    const types = events.map((event) => String(event["type"]));
    const ends = types.filter((type) => /^response\.(completed|incomplete|failed)$/.test(type));
    expect(ends).toEqual([expect.stringMatching(outcome === "complete" ? /completed|incomplete/ : /failed/)]);
    expect(types.at(-1)).toBe(String(ends[0]));
    expect(types.slice(0, 2)).toEqual(["response.created", "response.in_progress"]);
    // What was begun is ended, except where the answer failed; indexes are dense.
    const added = events.filter(({ type }) => type === "response.output_item.added");
    const done = events.filter(({ type }) => type === "response.output_item.done");
    expect(added.map((event) => event["output_index"])).toEqual([...added.keys()]);
    if (outcome === "complete") expect(done.length).toBe(added.length);
  },
  checkError(body) {
    expect(body).toMatchObject({ error: { message: expect.stringMatching(/./) } });
  },
};

function responseReading(response: OpenAIResponse): Reading {
  const { output, usage, status, incomplete_details: details } = response;
  const calls = output.flatMap((item) =>
    item.type === "function_call"
      ? [{ id: item.call_id, name: item.name, args: JSON.parse(item.arguments) as JsonObject }]
      : [],
  );
  const text = output
    .map((item) => {
      if (item.type === "image_generation_call") {
        const { output_format: format = "png" } = item as { output_format?: string };
        return `![image](data:image/${format};base64,${item.result})`;
      }
      if (item.type !== "message") return "";
      return item.content.map((part) => (part.type === "output_text" ? part.text : "")).join("");
    })
    .join("");
  const thinking = output
    .map((item) => (item.type === "reasoning" ? item.summary.map((part) => part.text).join("") : ""))
    .join("");
  const reasons: Readonly<Record<string, StopReason>> = { max_output_tokens: "length", content_filter: "filtered" };
  const reason = status === "completed" ? (calls.length > 0 ? "tool" : "end") : reasons[String(details?.reason)];
  return {
    exact: withoutIds({ output, usage, status, details }),
    heard: {
      text,
      thinking,
      calls,
      reason: known(reason),
      usage: {
        input: usage?.input_tokens ?? 0,
        cachedInput: usage?.input_tokens_details.cached_tokens ?? 0,
        output: usage?.output_tokens ?? 0,
        thinking: usage?.output_tokens_details.reasoning_tokens ?? 0,
      },
    },
  };
}

function withoutIds(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value).replaceAll(/"((?:call|msg|rs|fc|ig|ws)_)[A-Za-z0-9_-]{24}"/g, '"$1"'),
    (key, entry) =>
      // What the SDK's stream helper adds.
      key === "parsed" || key === "parsed_arguments" ? undefined : entry,
  );
}
