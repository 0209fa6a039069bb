import { expect } from "bun:test";
import OpenAI from "openai";
import type { StopReason } from "../../src/core/turn.ts";
import { type Client, chatClient, eventsIn, known, never, type Reading } from "./clients.ts";

const REASONS: Readonly<Record<string, StopReason>> = { stop: "end", length: "length", content_filter: "filtered" };

/** The old text completions, which show no thinking and know no tools. */
export const completionsClient: Pick<
  Client,
  "path" | "request" | "readStream" | "readWhole" | "terminator" | "checkOrder" | "checkError"
> = {
  path: "/v1/completions",
  terminator: /^data: \[DONE\]$|"finish_reason":"/m,
  request: (_, fields) => ({
    model: "gemini-3-flash",
    prompt: "Hello",
    ...(fields["stream"] === true && { stream_options: { include_usage: true } }),
    ...fields,
  }),
  async readStream(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    const stream = await client.completions.create({ model: "m", prompt: "Hello", stream: true });
    let text = "";
    let reason: string | null | undefined;
    let usage: OpenAI.CompletionUsage | undefined;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      text += choice?.text ?? "";
      reason = choice?.finish_reason ?? reason;
      usage = chunk.usage ?? usage;
    }
    return readingOf(text, reason, usage);
  },
  async readWhole(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    const { choices, usage } = await client.completions.create({ model: "m", prompt: "Hello" });
    return readingOf(choices[0]?.text ?? "", choices[0]?.finish_reason, usage);
  },
  checkOrder(frames, outcome) {
    const data = eventsIn(frames).map((event) => event.data);
    const chunks = data
      .filter((line) => line !== "[DONE]")
      .map((line) => JSON.parse(line) as Partial<OpenAI.Completion>);
    const order = chunks.map((chunk) => {
      if ("error" in chunk) return "error";
      if (chunk.choices?.[0] === undefined) return chunk.usage ? "usage" : "nothing";
      return (chunk.choices[0].finish_reason as string | null) === null ? "text" : "finish";
    });
    const orders = { complete: /^(text )*finish( usage)?$/, failed: /^(text )*error$/ };
    expect(order.join(" ")).toMatch(orders[outcome]);
    expect(data.indexOf("[DONE]")).toBe(outcome === "complete" ? data.length - 1 : -1);
    if (outcome === "failed") this.checkError(chunks.at(-1));
  },
  checkError: chatClient.checkError,
};

function readingOf(
  text: string,
  reason: string | null | undefined,
  usage: OpenAI.CompletionUsage | undefined,
): Reading {
  return {
    exact: { text, reason, usage },
    heard: {
      text,
      thinking: "",
      calls: [],
      reason: known(REASONS[String(reason)]),
      usage: {
        input: usage?.prompt_tokens ?? 0,
        cachedInput: usage?.prompt_tokens_details?.cached_tokens ?? 0,
        output: usage?.completion_tokens ?? 0,
        thinking: usage?.completion_tokens_details?.reasoning_tokens ?? 0,
      },
    },
  };
}
