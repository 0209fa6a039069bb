import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { EncodeContext, ParsedCall, Protocol } from "../core/protocol.ts";
import { newTrace, type Trace } from "../core/trace.ts";
import { turnCollector, type TurnEvent } from "../core/turn.ts";
import type { Clock } from "../lib/clock.ts";
import { readJson } from "./body.ts";
import { replyHeaders, retryAfterHeader } from "./headers.ts";

export interface InferenceDeps {
  run(call: ParsedCall, strict: boolean, trace: Trace, abort: AbortController): Batches;
  clock: Clock;
  newId(): string;
  strict: boolean;
  maxBodyBytes: number;
  /** A client is given a sign of life after this long without an event. */
  keepAliveMs: number;
  /** Called once per request when its reply has ended, however it ended. */
  onFinished(record: FinishedRequest): void;
}

export interface FinishedRequest {
  protocol: Protocol["id"];
  trace: Trace;
  stream: boolean;
  totalMs: number;
  /** Absent: the reply was complete. */
  error?: GatewayError;
}

export type Batches = AsyncGenerator<readonly TurnEvent[], void, undefined>;

/** What one request carries from its arrival to its last byte. */
interface Exchange {
  protocol: Protocol;
  trace: Trace;
  context: EncodeContext;
  abort: AbortController;
  stream: boolean;
  finish(error?: GatewayError): void;
}

const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

/**
 * Answers one inference request in its protocol, streamed or whole. Never throws: every failure becomes the
 * protocol's error, with its true status as long as nothing was sent.
 */
export async function answer(request: Request, protocol: Protocol, deps: InferenceDeps): Promise<Response> {
  const exchange = startExchange(request, protocol, deps);
  try {
    const body = await readJson(request, deps.maxBodyBytes);
    const call = protocol.parse({ body, headers: request.headers });
    exchange.context.model = call.request.model;
    exchange.stream = call.stream;
    const strict = deps.strict || request.headers.get("x-ag-strict") === "1";
    const batches = deps.run(call, strict, exchange.trace, exchange.abort);
    return call.stream ? await streamed(call, batches, exchange, deps) : await whole(call, batches, exchange);
  } catch (cause) {
    return failed(asGatewayError(cause), exchange);
  }
}

function startExchange(request: Request, protocol: Protocol, deps: InferenceDeps): Exchange {
  const startedAt = deps.clock.now();
  const trace = newTrace(`req_${deps.newId()}`);
  const abort = new AbortController();
  if (request.signal.aborted) abort.abort();
  else request.signal.addEventListener("abort", () => abort.abort(), { once: true });
  let finished = false;
  const exchange: Exchange = {
    protocol,
    trace,
    context: { model: "", createdAt: Math.floor(startedAt / 1000), newId: deps.newId },
    abort,
    stream: false,
    finish(error) {
      if (finished) return;
      finished = true;
      const totalMs = deps.clock.now() - startedAt;
      deps.onFinished({ protocol: protocol.id, trace, stream: exchange.stream, totalMs, ...(error && { error }) });
    },
  };
  return exchange;
}

async function whole(call: ParsedCall, batches: Batches, exchange: Exchange): Promise<Response> {
  const collector = turnCollector();
  for await (const batch of batches) collector.push(batch);
  const reply = call.reply.whole(collector.turn(), exchange.context);
  exchange.finish();
  return Response.json(reply, { headers: replyHeaders(exchange.trace) });
}

/**
 * The status line waits for the first batch, so that a failed start has its true status, but no longer than a client
 * stays patient: then the stream opens with a sign of life and a later failure becomes the protocol's error frame.
 */
async function streamed(
  call: ParsedCall,
  batches: Batches,
  exchange: Exchange,
  deps: InferenceDeps,
): Promise<Response> {
  const encoder = call.reply.stream(exchange.context);
  const bytes = new TextEncoder();
  let pending: Promise<IteratorResult<readonly TurnEvent[], void>> | undefined;

  /** The next text to send; `undefined` at the end of a complete stream. Throws what the source throws. */
  const nextText = async (): Promise<string | undefined> => {
    for (;;) {
      pending ??= batches.next();
      const result = await withinMs(pending, deps.keepAliveMs);
      if (result === undefined) return encoder.keepAlive();
      pending = undefined;
      if (result.done) return undefined;
      const text = encoder.push(result.value);
      if (text !== "") return text;
    }
  };

  let first = await nextText();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const text = first ?? (await nextText());
        first = undefined;
        if (text !== undefined) return controller.enqueue(bytes.encode(text));
        exchange.finish();
      } catch (cause) {
        const error = asGatewayError(cause);
        exchange.finish(error);
        controller.enqueue(bytes.encode(encoder.fail(error)));
      }
      controller.close();
    },
    cancel() {
      exchange.abort.abort();
      exchange.finish(new GatewayError("cancelled", "The client closed the request"));
      // Not awaited: the generator's own cleanup may itself be waiting for the aborted upstream.
      batches.return().catch(() => {}); // its failure has nobody left to be told
    },
  });
  return new Response(body, { headers: { ...SSE_HEADERS, ...replyHeaders(exchange.trace) } });
}

/** The promise's value, or `undefined` when `ms` pass first. The promise itself goes on. */
async function withinMs<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: Timer | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function failed(error: GatewayError, exchange: Exchange): Response {
  exchange.finish(error);
  const { status, body } = exchange.protocol.encodeError(error, exchange.trace.requestId);
  return Response.json(body, { status, headers: { ...replyHeaders(exchange.trace), ...retryAfterHeader(error) } });
}
