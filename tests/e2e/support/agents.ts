import type Anthropic from "@anthropic-ai/sdk";
import { type Content, type GenerateContentResponse, GoogleGenAI, type Part } from "@google/genai";
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

export const AGENTS = {
  "@anthropic-ai/sdk": anthropicAgent,
  openai: openaiAgent,
  "openai, responses": responsesAgent,
  "@google/genai": geminiAgent,
};

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

function responsesAgent({ bench, tools, stripsThinking }: AgentOptions): Agent {
  let history: OpenAI.Responses.ResponseInputItem[] = [];
  let turns = 0;

  async function ask(model: string) {
    const params = {
      model,
      input: history,
      store: false,
      include: ["reasoning.encrypted_content" as const],
      reasoning: { effort: "medium" as const, summary: "auto" as const },
      tools: tools.map(({ name, description, schema }) => ({
        type: "function" as const,
        name,
        description,
        parameters: schema,
        strict: false,
      })),
    };
    const { responses } = bench.openai();
    if (turns++ % 2 === 0) return responses.create(params).withResponse();
    const { data, response } = await responses.create({ ...params, stream: true }).withResponse();
    for await (const event of data) if (event.type === "response.completed") return { data: event.response, response };
    throw new Error("the response was not completed");
  }

  return {
    async turn(model, says) {
      if (says !== undefined) history.push({ role: "user", content: says });
      const { data, response } = await ask(model);
      const output = stripsThinking ? data.output.filter(({ type }) => type !== "reasoning") : data.output;
      history.push(...(output as OpenAI.Responses.ResponseInputItem[]));
      const calls = output.flatMap((item) => {
        if (item.type !== "function_call") return [];
        const args: unknown = JSON.parse(item.arguments);
        return [{ id: item.call_id, name: item.name, args }];
      });
      for (const call of calls) {
        history.push({ type: "function_call_output", call_id: call.id, output: resultText(call, call.args) });
      }
      const texts = output.flatMap((item) => (item.type === "message" ? item.content : []));
      const text = texts.map((part) => (part.type === "output_text" ? part.text : "")).join("");
      return { calls, text, loss: response.headers.get("x-ag-loss") ?? "" };
    },
    checkpoint: () => history.length,
    rewind: (to) => void (history = history.slice(0, to)),
  };
}

function geminiAgent({ bench, tools, stripsThinking }: AgentOptions): Agent {
  let history: Content[] = [];
  let turns = 0;

  async function ask(model: string): Promise<GenerateContentResponse[]> {
    const { models } = new GoogleGenAI({ apiKey: "sk-ag-test", httpOptions: { baseUrl: bench.url() } });
    const functionDeclarations = tools.map(({ name, description, schema }) => ({
      name,
      description,
      parametersJsonSchema: schema,
    }));
    const config = { tools: [{ functionDeclarations }], thinkingConfig: { includeThoughts: true } };
    const params = { model, contents: history, config };
    if (turns++ % 2 === 0) return [await models.generateContent(params)];
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await models.generateContentStream(params)) chunks.push(chunk);
    return chunks;
  }

  return {
    async turn(model, says) {
      if (says !== undefined) history.push({ role: "user", parts: [{ text: says }] });
      const chunks = await ask(model);
      const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
      history.push({ role: "model", parts: stripsThinking ? parts.flatMap(plainPart) : parts });
      const calls = parts.flatMap(({ functionCall }) =>
        functionCall ? [{ id: functionCall.id ?? "", name: functionCall.name ?? "", args: functionCall.args }] : [],
      );
      const results = calls.map((call) => ({
        functionResponse: { id: call.id, name: call.name, response: { result: resultText(call, call.args) } },
      }));
      if (results.length > 0) history.push({ role: "user", parts: results });
      const text = parts.map((part) => (part.thought ? "" : (part.text ?? ""))).join("");
      return { calls, text, loss: chunks[0]?.sdkHttpResponse?.headers?.["x-ag-loss"] ?? "" };
    },
    checkpoint: () => history.length,
    rewind: (to) => void (history = history.slice(0, to)),
  };
}

function plainPart({ thoughtSignature: _, ...part }: Part): Part[] {
  return part.thought ? [] : [part];
}
