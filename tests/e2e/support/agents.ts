import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
import type { Bench } from "./bench.ts";
import { type LoopTool, resultText } from "./tool-loop.ts";

/** One reply as the agent saw it. */
export interface AgentTurn {
  calls: { id: string; name: string; args: unknown }[];
  text: string;
  /** The reply's loss report; "" when nothing was lost. */
  loss: string;
}

/** A place in a conversation to go back to. */
export type Checkpoint = number;

/** A client's side of one conversation: it holds the history, runs the tools, and may lose what others would keep. */
export interface Agent {
  /** Asks for the next turn, after new words of the user if there are any. Every other turn is streamed. */
  turn(model: string, says?: string): Promise<AgentTurn>;
  checkpoint(): Checkpoint;
  rewind(to: Checkpoint): void;
}

export interface AgentOptions {
  bench: Bench;
  tools: readonly LoopTool[];
  /** The history goes out without any thinking. */
  stripsThinking: boolean;
}

export const AGENTS = { "@anthropic-ai/sdk": anthropicAgent, openai: openaiAgent };

function anthropicAgent({ bench, tools, stripsThinking }: AgentOptions): Agent {
  let history: Anthropic.MessageParam[] = [];
  let turns = 0;

  async function ask(model: string) {
    const params = {
      model,
      max_tokens: 12_000,
      messages: history,
      thinking: { type: "adaptive" as const },
      tools: tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })),
    };
    const { messages } = bench.anthropic();
    if (turns++ % 2 === 0) return messages.create(params).withResponse();
    const { data, response } = await messages.stream(params).withResponse();
    return { data: await data.finalMessage(), response };
  }

  return {
    async turn(model, says) {
      if (says !== undefined) history.push({ role: "user", content: says });
      const { data, response } = await ask(model);
      const content = stripsThinking ? data.content.filter(({ type }) => type !== "thinking") : data.content;
      history.push({ role: "assistant", content });
      const used = data.content.flatMap((block) => (block.type === "tool_use" ? [block] : []));
      const calls = used.map(({ id, name, input }) => ({ id, name, args: input }));
      const results = calls.map((call) => ({
        type: "tool_result" as const,
        tool_use_id: call.id,
        content: resultText(call, call.args),
      }));
      if (results.length > 0) history.push({ role: "user", content: results });
      const text = data.content.map((block) => (block.type === "text" ? block.text : "")).join("");
      return { calls, text, loss: response.headers.get("x-ag-loss") ?? "" };
    },
    checkpoint: () => history.length,
    rewind: (to) => void (history = history.slice(0, to)),
  };
}

function openaiAgent({ bench, tools, stripsThinking }: AgentOptions): Agent {
  let history: OpenAI.ChatCompletionMessageParam[] = [];
  let turns = 0;

  async function ask(model: string) {
    const params = {
      model,
      messages: history,
      reasoning_effort: "medium" as const,
      tools: tools.map(({ name, description, schema }) => ({
        type: "function" as const,
        function: { name, description, parameters: schema },
      })),
    };
    const { completions } = bench.openai().chat;
    if (turns++ % 2 === 0) return completions.create(params).withResponse();
    const { data, response } = await completions.create({ ...params, stream: true }).withResponse();
    const stream = ChatCompletionStream.fromReadableStream(data.toReadableStream());
    return { data: await stream.finalChatCompletion(), response };
  }

  return {
    async turn(model, says) {
      if (says !== undefined) history.push({ role: "user", content: says });
      const { data, response } = await ask(model);
      const message = data.choices[0]?.message;
      if (!message) throw new Error("the completion has no choice");
      const used = (message.tool_calls ?? []).flatMap((call) => (call.type === "function" ? [call] : []));
      // A plain client sends back OpenAI's own fields; a fuller one all it was given.
      const plain = used.map(({ id, function: called }) => ({ id, type: "function" as const, function: called }));
      history.push(
        stripsThinking
          ? { role: "assistant", content: message.content, ...(plain.length > 0 && { tool_calls: plain }) }
          : message,
      );
      const calls = plain.map(({ id, function: called }) => {
        const args: unknown = JSON.parse(called.arguments);
        return { id, name: called.name, args };
      });
      for (const call of calls) {
        history.push({ role: "tool", tool_call_id: call.id, content: resultText(call, call.args) });
      }
      return { calls, text: message.content ?? "", loss: response.headers.get("x-ag-loss") ?? "" };
    },
    checkpoint: () => history.length,
    rewind: (to) => void (history = history.slice(0, to)),
  };
}
