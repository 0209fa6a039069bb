/** What is asked in a benchmark. */
import { requestBytes } from "./bench-client.ts";
import type { AnswerKind } from "./bench-upstream.ts";

export interface Scenario {
  /** In a table, and in `--only`. */
  name: string;
  group: Group;
  answer: AnswerKind;
  request: Uint8Array;
  /** In one round. */
  requests: number;
}

export type Group = "small" | "burst" | "history";

export const PROTOCOLS = ["messages", "chat", "responses", "gemini", "completions"] as const;
type ProtocolName = (typeof PROTOCOLS)[number];

const MODEL = "claude-sonnet-4-6";
const QUESTION = "What does this function do, and may it be called twice?";
const MEGABYTE = 1_000_000;

/** What is measured per request; paced streams are a matter of their own. */
export function scenarios(): Scenario[] {
  return [
    ...PROTOCOLS.map((protocol) => ({
      name: `small whole, ${protocol}`,
      group: "small" as const,
      answer: "short" as const,
      request: question(protocol, false),
      requests: 2000,
    })),
    ...PROTOCOLS.map((protocol) => ({
      name: `200 events at once, ${protocol}`,
      group: "burst" as const,
      answer: "burst" as const,
      request: question(protocol, true),
      requests: 1200,
    })),
    {
      name: "1 MB history, messages",
      group: "history",
      answer: "short",
      request: post("/v1/messages", longConversation(MEGABYTE)),
      requests: 120,
    },
  ];
}

/** One short question as clients of the protocol put it. */
export function question(protocol: ProtocolName, stream: boolean): Uint8Array {
  const messages = [{ role: "user", content: QUESTION }];
  switch (protocol) {
    case "messages":
      return post("/v1/messages", { model: MODEL, max_tokens: 1000, messages, stream });
    case "chat":
      return post("/v1/chat/completions", { model: MODEL, max_tokens: 1000, messages, stream });
    case "responses":
      return post("/v1/responses", { model: MODEL, max_output_tokens: 1000, input: QUESTION, store: false, stream });
    case "completions":
      return post("/v1/completions", { model: MODEL, max_tokens: 1000, prompt: QUESTION, stream });
    case "gemini": {
      const method = stream ? "streamGenerateContent?alt=sse" : "generateContent";
      return post(`/v1beta/models/${MODEL}:${method}`, { contents: [{ role: "user", parts: [{ text: QUESTION }] }] });
    }
    default:
      return protocol satisfies never;
  }
}

function post(path: string, body: object): Uint8Array {
  return requestBytes(path, JSON.stringify(body));
}

/** Of a coding agent: texts, tool calls and their results in turn. */
function longConversation(bytes: number): object {
  const messages: object[] = [];
  for (let size = 0, turn = 0; size < bytes; turn++) {
    const id = `toolu_${turn}`;
    const round = [
      { role: "user", content: "x y z ".repeat(300) },
      {
        role: "assistant",
        content: [
          { type: "text", text: "some answer ".repeat(120) },
          { type: "tool_use", id, name: "Read", input: { file: "a.ts" } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "line of file ".repeat(100) }] },
    ];
    messages.push(...round);
    size += JSON.stringify(round).length;
  }
  const schema = { type: "object", properties: { file: { type: "string" } }, required: ["file"] };
  const tools = [{ name: "Read", description: "Reads a file", input_schema: schema }];
  return { model: MODEL, max_tokens: 1000, tools, messages };
}
