import type { JsonValue } from "../../src/lib/json.ts";

export interface ReceivedCall {
  /** Path and query. */
  path: string;
  headers: Headers;
  body: string;
  signal: AbortSignal;
}

export type Answer = Response | ((call: ReceivedCall) => Response | Promise<Response>);

export interface ScriptedServer extends AsyncDisposable {
  url: string;
  calls: ReceivedCall[];
}

/** A server that gives its answers in order, then fails the test that asks for more. */
export function scriptedServer(...answers: Answer[]): ScriptedServer {
  const calls: ReceivedCall[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const call = {
        path: url.pathname + url.search,
        headers: request.headers,
        body: await request.text(),
        signal: request.signal,
      };
      const answer = answers[calls.push(call) - 1];
      if (!answer) return new Response("the script has ended", { status: 418 });
      return typeof answer === "function" ? answer(call) : answer;
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

export function sse(...documents: JsonValue[]): Response {
  const body = documents.map((document) => `data: ${JSON.stringify(document)}\r\n\r\n`).join("");
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
