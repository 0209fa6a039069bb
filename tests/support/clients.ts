import { expect } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { ClientRequest, Protocol } from "../../src/core/protocol.ts";
import type { StopReason, Usage } from "../../src/core/turn.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { anthropic } from "../../src/protocols/anthropic/index.ts";
import { richCompletion, richMessages } from "./rich-requests.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";

/** An answer as a client has it in hand in the end, in one form for all protocols. */
export interface Heard {
  /** Visible text in order. */
  text: string;
  thinking: string;
  calls: { id: string; name: string; args: JsonObject }[];
  reason: StopReason;
  usage: Usage;
}

export interface Reading {
  heard: Heard;
  /** All that the SDK read, less ids and times: a stream and its whole reply must not differ in it. */
  exact: unknown;
}

/** One protocol, seen from its official SDK. */
export interface Client {
  protocol: Protocol;
  /** Where it is posted; a stream may have another place than a whole reply. */
  path: string;
  streamPath?: string;
  /** What its address says, for protocols that put the model there. */
  address?(stream: boolean): NonNullable<ClientRequest["address"]>;
  /** A small request; the answer's thinking is to be shown or not. */
  request(thinking: "shown" | "hidden", fields: JsonObject): JsonObject;
  /** A legal request that uses most of what there is; every text in it holds `said`. */
  rich(said: string): JsonObject;
  /** How it says how long an answer may be. */
  limit(tokens: number): JsonObject;
  /** What the SDK makes of a reply. Rejects with the SDK's own error. */
  readStream(reply: Response): Promise<Reading>;
  readWhole(reply: Response): Promise<Reading>;
  /** Found in the frames of complete answers only. */
  terminator: RegExp;
  /** Fails unless the frames come in an order the protocol allows: with one terminator, or with one error and none. */
  checkOrder(frames: string, outcome: "complete" | "failed"): void;
  /** Fails unless this is the body of an error reply. */
  checkError(body: unknown): void;
}

const messages = [{ role: "user", content: "Hello" }];
export const never = { apiKey: "sk-ag-test", maxRetries: 0 };

const MESSAGE_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: "end",
  max_tokens: "length",
  tool_use: "tool",
  refusal: "filtered",
};

export const messagesClient: Client = {
  protocol: anthropic,
  path: "/v1/messages",
  terminator: /^event: message_(delta|stop)$/m,
  rich: richMessages,
  limit: (tokens) => ({ max_tokens: tokens }),
  request: (thinking, fields) => ({
    model: "gemini-3-flash",
    max_tokens: 4096,
    thinking: thinking === "shown" ? { type: "adaptive", display: "summarized" } : { type: "disabled" },
    messages,
    ...fields,
  }),
  async readStream(reply) {
    const client = new Anthropic({ ...never, fetch: async () => reply });
    return messageReading(await client.messages.stream({ model: "m", max_tokens: 1, messages: [] }).finalMessage());
  },
  async readWhole(reply) {
    const client = new Anthropic({ ...never, fetch: async () => reply });
    return messageReading(await client.messages.create({ model: "m", max_tokens: 1, messages: [] }));
  },
  checkOrder(frames, outcome) {
    const events = eventsIn(frames).map(({ event, data }) => {
      const content = JSON.parse(data) as JsonObject;
      expect(event).toBe(String(content["type"]));
      return content;
    });
    const order = events.map(({ type }) => type).filter((type) => type !== "ping");
    const blocks = "( content_block_start( content_block_delta)* content_block_stop)*";
    const orders = {
      complete: `^message_start${blocks} message_delta message_stop$`,
      failed: `^(message_start${blocks}( content_block_start( content_block_delta)*)? )?error$`,
    };
    expect(order.join(" ")).toMatch(new RegExp(orders[outcome]));
    let next = 0;
    for (const { type, index } of events) {
      if (index !== undefined) expect(index).toBe(next);
      if (type === "content_block_stop") next++;
    }
    if (outcome === "failed") this.checkError(events.at(-1));
  },
  checkError(body) {
    expect(body).toMatchObject({
      type: "error",
      error: { type: expect.stringMatching(/_error$|^request_too_large$/) },
    });
    expect((body as { error: { message: unknown } }).error.message).toMatch(/./);
  },
};

function messageReading(message: Anthropic.Message): Reading {
  const { id: _id, ...exact } = withoutCallIds(message) as Anthropic.Message & { parsed_output?: unknown };
  delete exact.parsed_output;
  const { usage, content } = message;
  const cachedInput = usage.cache_read_input_tokens ?? 0;
  return {
    exact,
    heard: {
      text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      thinking: content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
      calls: content.flatMap((block) =>
        block.type === "tool_use" ? [{ id: block.id, name: block.name, args: block.input as JsonObject }] : [],
      ),
      reason: known(MESSAGE_REASONS[String(message.stop_reason)]),
      usage: {
        input: usage.input_tokens + cachedInput,
        cachedInput,
        output: usage.output_tokens,
        thinking: usage.output_tokens_details?.thinking_tokens ?? 0,
      },
    },
  };
}

const CHAT_REASONS: Readonly<Record<string, StopReason>> = {
  stop: "end",
  length: "length",
  tool_calls: "tool",
  content_filter: "filtered",
};

export const chatClient: Client = {
  protocol: openaiChat,
  path: "/v1/chat/completions",
  terminator: /^data: \[DONE\]$|"finish_reason":"/m,
  rich: richCompletion,
  limit: (tokens) => ({ max_tokens: tokens }),
  request: (thinking, fields) => ({
    model: "gemini-3-flash",
    include_reasoning: thinking === "shown",
    stream_options: { include_usage: true },
    messages,
    ...fields,
  }),
  async readStream(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    const stream = client.chat.completions.stream({ model: "m", messages: [] });
    let reasoning = "";
    stream.on("chunk", ({ choices }) => (reasoning += reasoningOf(choices[0]?.delta)));
    return chatReading(await stream.finalChatCompletion(), reasoning);
  },
  async readWhole(reply) {
    const client = new OpenAI({ ...never, fetch: async () => reply });
    const completion = await client.chat.completions.create({ model: "m", messages: [] });
    return chatReading(completion, reasoningOf(completion.choices[0]?.message));
  },
  checkOrder(frames, outcome) {
    const data = eventsIn(frames).map((event) => event.data);
    const chunks = data.filter((line) => line !== "[DONE]").map((line) => JSON.parse(line) as ChatFrame);
    const order = chunks.map(({ choices, usage, error }) => {
      if (error !== undefined) return "error";
      if (choices?.[0] === undefined) return usage ? "usage" : "nothing";
      if (choices[0].finish_reason !== null) return "finish";
      return choices[0].delta.role === undefined ? "delta" : "role";
    });
    const orders = { complete: /^role( delta)* finish( usage)?$/, failed: /^(role( delta)* )?error$/ };
    expect(order.join(" ")).toMatch(orders[outcome]);
    expect(data.indexOf("[DONE]")).toBe(outcome === "complete" ? data.length - 1 : -1);
    const calls = chunks.flatMap(({ choices }) => choices?.[0]?.delta.tool_calls ?? []);
    expect(calls.map(({ index }) => index)).toEqual([...calls.keys()]);
    for (const { id, type } of calls)
      expect({ id, type }).toEqual({ id: expect.stringMatching(/./), type: "function" });
    if (outcome === "failed") this.checkError(chunks.at(-1));
  },
  checkError(body) {
    const error = { message: expect.stringMatching(/./), type: expect.stringMatching(/./) };
    expect(body).toMatchObject({ error });
    expect(Object.keys((body as { error: object }).error).sort()).toEqual(["code", "message", "param", "type"]);
  },
};

interface ChatFrame {
  choices?: OpenAI.ChatCompletionChunk.Choice[];
  usage?: unknown;
  error?: unknown;
}

function chatReading({ choices, usage }: OpenAI.ChatCompletion, reasoning: string): Reading {
  const [choice] = choices;
  const { content, tool_calls: calls = [], role, refusal } = choice?.message ?? {};
  const read = { content: content ?? "", calls, role, refusal, reasoning, finish: choice?.finish_reason, usage };
  return {
    exact: withoutCallIds(read),
    heard: {
      text: read.content,
      thinking: reasoning,
      calls: calls.flatMap((call) =>
        call.type === "function"
          ? [{ id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) as JsonObject }]
          : [],
      ),
      reason: known(CHAT_REASONS[String(choice?.finish_reason)]),
      usage: {
        input: usage?.prompt_tokens ?? 0,
        cachedInput: usage?.prompt_tokens_details?.cached_tokens ?? 0,
        output: usage?.completion_tokens ?? 0,
        thinking: usage?.completion_tokens_details?.reasoning_tokens ?? 0,
      },
    },
  };
}

/** Plain JSON with each tool-call id replaced: two answers to the same request have others. */
export function withoutCallIds(value: object): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/"call_[A-Za-z0-9_-]{24}"/g, '"call"'));
}

/** A field that the SDK's types do not know. */
function reasoningOf(holder: object | undefined): string {
  return (holder as { reasoning_content?: string } | undefined)?.reasoning_content ?? "";
}

export function known(reason: StopReason | undefined): StopReason {
  if (reason === undefined) throw new Error("the reply has no stop reason of its protocol");
  return reason;
}

/** The events of an SSE text; fails on a frame that is not one. */
export function eventsIn(frames: string): { event: string | undefined; data: string }[] {
  expect(frames === "" || frames.endsWith("\n\n")).toBe(true);
  return frames
    .split("\n\n")
    .slice(0, -1)
    .filter((frame) => !frame.startsWith(":"))
    .map((frame) => {
      const match = /^(?:event: ([\w.]+)\n)?data: ([^\n]*)$/.exec(frame);
      if (!match) throw new Error(`not a frame: ${frame}`);
      return { event: match[1], data: match[2] ?? "" };
    });
}
