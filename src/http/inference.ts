import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { EncodeContext, ParsedCall, Protocol } from "../core/protocol.ts";
import { newTrace, type Trace } from "../core/trace.ts";
import { turnCollector, type TurnEvent } from "../core/turn.ts";
import type { Clock } from "../lib/clock.ts";
import { readJson } from "./body.ts";
import { errorReply } from "./error-reply.ts";
import { replyHeaders } from "./headers.ts";
import { silenceAlarm } from "./silence-alarm.ts";

export interface InferenceDeps {
  /** Throws GatewayError when the caller may not come in. */
  admit(request: Request): void;
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
 * protocol's error, with its true status as long as nothing was sent. `onBody` is told when the request is all there.
 */
export async function answer(
  request: Request,
  protocol: Protocol,
  deps: InferenceDeps,
  onBody: () => void = () => {},
): Promise<Response> {
  const exchange = startExchange(request, protocol, deps);
  try {
    deps.admit(request);
    const body = await readJson(request, deps.maxBodyBytes);
    onBody();
    const call = protocol.parse({ body, headers: request.headers });
    exchange.context.model = call.request.model;
    exchange.stream = call.stream;
    const strict = deps.strict || request.headers.get("x-ag-strict") === "1";
    const batches = deps.run(call, strict, exchange.trace, exchange.abort);
    return call.stream ? await streamed(call, batches, exchange, deps) : await whole(call, batches, exchange);
  } catch (cause) {
    const error = asGatewayError(cause);
    exchange.finish(error);
    return errorReply(protocol, error, exchange.trace);
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
  nameServedModel(exchange);
  const reply = call.reply.whole(collector.turn(), exchange.context);
  exchange.finish();
  return Response.json(reply, { headers: replyHeaders(exchange.trace) });
}

/** Replies echo the client's name for the model, but never that of one which did not answer. */
function nameServedModel({ trace, context }: Exchange): void {
  if (trace.fellBack && trace.servedModel !== undefined) context.model = trace.servedModel;
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
  const frames = writeFrames(call, batches, exchange, deps);
  const bytes = new TextEncoder();
  let next: IteratorResult<string, void> | undefined = await frames.next();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = next ?? (await frames.next());
      next = undefined;
      if (done) controller.close();
      else controller.enqueue(bytes.encode(value));
    },
    cancel() {
      exchange.abort.abort();
      exchange.finish(new GatewayError("cancelled", "The client closed the request"));
      // Not awaited: the generators' own cleanup waits for the upstream that was just aborted.
      frames.return().catch(() => {}); // nobody is left to be told
    },
  });
  return new Response(body, { headers: { ...SSE_HEADERS, ...replyHeaders(exchange.trace) } });
}

/** The stream's texts. Throws only before the first; after it, a failure is the last text. */
async function* writeFrames(
  call: ParsedCall,
  batches: Batches,
  exchange: Exchange,
  deps: InferenceDeps,
): AsyncGenerator<string, void, undefined> {
  const encoder = call.reply.stream(exchange.context);
  const alarm = silenceAlarm(deps.keepAliveMs, deps.clock);
  let pending: Promise<IteratorResult<readonly TurnEvent[], void>> | undefined;
  let opened = false;
  try {
    for (;;) {
      pending ??= batches.next();
      const result = await alarm.wait(pending);
      if (result?.done) return exchange.finish();
      if (result) {
        pending = undefined;
        nameServedModel(exchange);
      }
      const text = result ? encoder.push(result.value) : encoder.keepAlive();
      if (text === "") continue;
      alarm.sent();
      opened = true;
      yield text;
    }
  } catch (cause) {
    if (!opened) throw cause;
    const error = asGatewayError(cause);
    exchange.finish(error);
    yield encoder.fail(error);
  } finally {
    alarm.stop();
    // However this ended, nobody asks for more: an answer that was broken off, or waits to be read, is let go of.
    await batches.return();
  }
}
