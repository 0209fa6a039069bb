/** What is asked in a soak: one small request in each protocol, with a mark that tells the upstream what to do. */

export const PROTOCOLS = ["messages", "chat", "responses", "gemini"] as const;
export type SoakProtocol = (typeof PROTOCOLS)[number];

interface Shape {
  path(model: string, stream: boolean): string;
  body(model: string, stream: boolean, said: string): object;
  /** Found in streams that came to their success, and in no other. */
  success: RegExp;
  /** Found in streams that failed after they had begun. */
  failure: RegExp;
}

const SHAPES: Record<SoakProtocol, Shape> = {
  messages: {
    path: () => "/v1/messages",
    body: (model, stream, content) => ({ model, stream, max_tokens: 1000, messages: [{ role: "user", content }] }),
    success: /event: message_stop\n/,
    failure: /event: error\n/,
  },
  chat: {
    path: () => "/v1/chat/completions",
    body: (model, stream, content) => ({ model, stream, messages: [{ role: "user", content }] }),
    success: /data: \[DONE\]\n/,
    failure: /data: \{"error":/,
  },
  responses: {
    path: () => "/v1/responses",
    body: (model, stream, input) => ({ model, stream, input }),
    success: /event: response\.(?:completed|incomplete)\n/,
    failure: /event: (?:response\.failed|error)\n/,
  },
  gemini: {
    path: (model, stream) => `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: (_model, _stream, text) => ({ contents: [{ role: "user", parts: [{ text }] }] }),
    success: /"finishReason":/,
    failure: /data: +\{"error":/,
  },
};

export interface SoakRequest {
  protocol: SoakProtocol;
  model: string;
  stream: boolean;
  /** What the upstream is to do: a name of soak-answers.ts. */
  kind: string;
  /** Tells the request from all others. */
  number: number;
}

const MARK = /soak-([a-z0-9-]+)-(\d+)\./;

/** What the upstream reads in a body. */
export function readMark(body: string): { kind: string; number: number } | undefined {
  const [, kind = "", number = ""] = MARK.exec(body) ?? [];
  return kind === "" ? undefined : { kind, number: Number(number) };
}

export function head(line: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: "127.0.0.1", ...headers }).map(([name, value]) => `${name}: ${value}`);
  return [`${line} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/** The bytes of a request, its body apart from its head. */
export function bytesOf(request: SoakRequest, key: string): [head: string, body: string] {
  const { protocol, model, stream, kind, number } = request;
  const { path, body } = SHAPES[protocol];
  const written = JSON.stringify(body(model, stream, `soak-${kind}-${number}.`));
  const line = `POST ${path(model, stream)}`;
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "content-length": String(written.length),
  };
  return [head(line, headers), written];
}

/** How a streamed reply with status 200 ended: with its success, with its failure, with both, or as if nothing were amiss. */
export function endingOf(protocol: SoakProtocol, body: string): "success" | "failure" | "both" | "none" {
  const { success, failure } = SHAPES[protocol];
  const [isSuccess, isFailure] = [success.test(body), failure.test(body)];
  if (isSuccess && isFailure) return "both";
  return isSuccess ? "success" : isFailure ? "failure" : "none";
}

/** In how many events of a Responses stream each word of its text stands: one delta, and four that close what was open. */
const RESPONSES_REPEATS = 5;

/** How many of the words of a paced answer have come. */
export function wordsOf(protocol: SoakProtocol, body: string): number {
  return (body.split("word-").length - 1) / (protocol === "responses" ? RESPONSES_REPEATS : 1);
}
