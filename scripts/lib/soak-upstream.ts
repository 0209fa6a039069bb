/** The upstream of a soak: the strict server for everything about accounts, and answers as the mark in a request asks for. */
import {
  type Answer,
  type AnswerContext,
  type CloudCodeServer,
  dropConnection,
  emptyBody,
  failure,
  malformedCall,
  malformedJson,
  promptBlocked,
  raw,
  type ServedAccount,
  silent,
  startCloudCode,
  streamError,
  text,
  turn,
  usageOnly,
} from "../../tests/support/cloudcode/index.ts";
import { bytesOf, respond } from "../../tests/support/cloudcode/reply.ts";
import { readMark } from "./soak-requests.ts";

export interface SoakUpstream extends AsyncDisposable {
  /** The strict server's addresses, with this one's for the calls. */
  addresses: Pick<CloudCodeServer, "tokenUrl" | "url" | "userinfoUrl">;
  accounts: readonly ServedAccount[];
  port: number;
  /** Generation calls that are being answered. */
  open(): number;
  /** Those of them that are held: the gateway has all they say until `release`. */
  held(): number;
  /** Generation calls so far. */
  calls(): number;
  release(): void;
}

/** Events of a paced answer, each with a word of its own. */
export const PACE_MS = 20;

/** Between a call's end and its connection's: an idle one that a client keeps longer is closed from here. */
const IDLE_SECONDS = 8;

const fine = turn([text("fine")]);
const never = new Promise<never>(() => {});

/** What goes wrong, by name. A list is gone through call by call, and its last answer stays. */
const FAULTS: Record<string, Answer | readonly [Answer, ...Answer[]]> = {
  fine,
  // The first attempt fails, the next one brings an answer.
  "429-once": [failure("rate-limit-short", { retryDelay: "0.2s" }), fine],
  "401-once": [failure("unauthenticated"), fine],
  "500-once": [failure("internal"), fine],
  "502-once": [failure("bad-gateway-html"), fine],
  "503-once": [failure("unavailable"), fine],
  "drop-once": [dropConnection(), fine],
  "empty-once": [emptyBody(), fine],
  "usage-once": [usageOnly(), fine],
  "call-once": [malformedCall(), fine],
  // Nothing helps.
  "429-minute": failure("rate-limit-long"),
  "429-quota": failure("quota-exhausted"),
  "500-always": failure("internal"),
  "503-always": failure("unavailable"),
  "400-always": failure("invalid-argument"),
  "drop-always": dropConnection(),
  "empty-always": emptyBody(),
  "stall-head": silent(),
  "stall-body": silent({ headers: "sent" }),
  // Too late to try again.
  "stall-later": turn([text("a beginning"), () => [{ type: "wait", until: never }], text("an end")]),
  "error-later": turn([text("a beginning"), streamError(503, "busy", "UNAVAILABLE")]),
  "cut-early": turn([text("a beginning "), text("a middle "), text("an end")], { cutAfterBytes: 400 }),
  "cut-later": turn([text("a beginning ".repeat(50)), text("an end")], { cutAfterBytes: 900 }),
  "no-finish": turn([text("a beginning")], { finishReason: null, usage: false }),
  malformed: malformedJson("a beginning", "an end"),
  garbage: turn([text("a beginning"), raw("data: \u0000\u0001]]]}}}\r\n\r\n")]),
  blocked: promptBlocked(),
  /** For clients that do not read: more than all buffers on the way hold. */
  flood: turn(Array.from({ length: 200 }, () => text("x".repeat(64_000)))),
};

export const FAULT_NAMES: readonly string[] = Object.keys(FAULTS);

export interface SoakUpstreamOptions {
  accounts: number;
  /** Of a paced answer. */
  events: number;
  /** Connections are kept for later calls, and closed when they have been idle for some seconds. */
  keepsConnections: boolean;
}

export async function startSoakUpstream({
  accounts,
  events,
  keepsConnections,
}: SoakUpstreamOptions): Promise<SoakUpstream> {
  const served = Array.from({ length: accounts }, (_, index): ServedAccount => ({
    email: `owner-${index + 1}@example.test`,
    refreshToken: `1//test-soak-${index + 1}`,
    project: `soak-project-${index + 1}`,
  }));
  const strict = await startCloudCode({ accounts: served });
  const paced = createPaced(events);
  const stopped = Promise.withResolvers<void>();
  const attempts = new Map<number, number>();
  let calls = 0;
  let open = 0;

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: IDLE_SECONDS,
    async fetch(request, self) {
      const reply = await serve(request, self);
      if (!keepsConnections) reply.headers.set("connection", "close");
      return reply;
    },
  });

  async function serve(request: Request, self: Bun.Server<undefined>): Promise<Response> {
    self.timeout(request, 0);
    const { pathname, search } = new URL(request.url);
    if (!pathname.endsWith("GenerateContent") && !pathname.endsWith("generateContent")) {
      return forward(request, `${strict.url}${pathname}${search}`, self);
    }
    calls++;
    const body = await request.text();
    const mark = readMark(body);
    if (mark === undefined) return new Response("a call without a mark", { status: 400 });
    open++;
    let isOpen = true;
    const onEnd = () => {
      if (isOpen) open--;
      isOpen = false;
      self.timeout(request, IDLE_SECONDS);
    };
    if (mark.kind === "paced" || mark.kind === "held") return paced.answer(mark.kind, request.signal, onEnd);
    const attempt = attempts.get(mark.number) ?? 0;
    attempts.set(mark.number, attempt + 1);
    const reply = answerOf(mark.kind, attempt)(contextOf(strict, body, pathname.endsWith("streamGenerateContent")));
    return respond(reply, { stopped: stopped.promise, signal: request.signal, onEnd });
  }

  return {
    addresses: {
      url: `http://127.0.0.1:${server.port}`,
      tokenUrl: strict.tokenUrl,
      userinfoUrl: strict.userinfoUrl,
    },
    accounts: served,
    port: server.port ?? 0,
    open: () => open,
    held: paced.held,
    calls: () => calls,
    release: paced.release,
    async [Symbol.asyncDispose]() {
      stopped.resolve();
      paced.stop();
      await server.stop(true);
      await strict.stop();
    },
  };
}

function answerOf(kind: string, attempt: number): Answer {
  const fault = FAULTS[kind] ?? fine;
  if (typeof fault === "function") return fault;
  return fault[Math.min(attempt, fault.length - 1)] ?? fault[0];
}

function contextOf({ world }: CloudCodeServer, written: string, stream: boolean): AnswerContext {
  const body = JSON.parse(written);
  const [first] = world.models.values();
  const model = world.models.get(body.model) ?? first;
  if (model === undefined) throw new Error("the model table is empty");
  const { signatures, nextNumber } = world;
  return { stream, model, body, signatures, nextNumber, cachedTokens: 0, wrapped: true };
}

async function forward(request: Request, url: string, server: Bun.Server<undefined>): Promise<Response> {
  const { method, headers } = request;
  const reply = await fetch(url, { method, headers, body: method === "GET" ? null : await request.text() });
  const text = await reply.text();
  server.timeout(request, IDLE_SECONDS);
  return new Response(text, {
    status: reply.status,
    headers: { "content-type": reply.headers.get("content-type") ?? "" },
  });
}

/** Answers that go on at a pace, all by one timer: a thousand of them would be the load that is measured. */
function createPaced(count: number) {
  interface Stream {
    controller: ReadableStreamDefaultController<Uint8Array>;
    next: number;
    isHeld: boolean;
    end(): void;
  }
  const streams = new Set<Stream>();
  const events = Array.from({ length: count }, (_, index) => eventOf(`word-${index} `));
  const last = eventOf("", { promptTokenCount: 5, candidatesTokenCount: count, totalTokenCount: count + 5 });
  const headers = { "content-type": "text/event-stream" };

  const step = (stream: Stream) => {
    if (stream.isHeld && stream.next > 0) return;
    const event = events[stream.next++];
    stream.controller.enqueue(event ?? last);
    if (event !== undefined) return;
    stream.controller.close();
    stream.end();
  };
  const timer = setInterval(() => {
    for (const stream of streams) step(stream);
  }, PACE_MS);

  return {
    answer(kind: "held" | "paced", signal: AbortSignal, onEnd: () => void): Response {
      let stream: Stream | undefined;
      const end = () => {
        if (stream) streams.delete(stream);
        onEnd();
      };
      if (signal.aborted) end();
      signal.addEventListener("abort", end, { once: true });
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          stream = { controller, next: 0, isHeld: kind === "held", end };
          if (!signal.aborted) streams.add(stream);
          step(stream);
        },
        cancel: end,
      });
      return new Response(body, { headers });
    },
    held: () =>
      streams
        .values()
        .filter(({ isHeld }) => isHeld)
        .toArray().length,
    release() {
      for (const stream of streams) stream.isHeld = false;
    },
    stop: () => clearInterval(timer),
  };
}

function eventOf(said: string, usageMetadata?: Record<string, number>): Uint8Array {
  const content = { role: "model", parts: [{ text: said }] };
  const candidate = { index: 0, content, ...(usageMetadata && { finishReason: "STOP" }) };
  const ids = { modelVersion: "soak", responseId: "pZk8aSoak" };
  const response = { candidates: [candidate], ...(usageMetadata && { usageMetadata }), ...ids };
  return bytesOf(`data: ${JSON.stringify({ response, traceId: "trace-soak" })}\r\n\r\n`);
}
