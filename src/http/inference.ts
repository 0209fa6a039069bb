import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Loss } from "../core/losses.ts";
import type { ClientRequest, EncodeContext, ParsedCall, Protocol } from "../core/protocol.ts";
import { newTrace, type Trace } from "../core/trace.ts";
import { collectTurns, type TurnEvent } from "../core/turn.ts";
import type { Clock } from "../lib/clock.ts";
import type { JsonObject } from "../lib/json.ts";
import { readBody } from "./body.ts";
import { errorReply } from "./error-reply.ts";
import { replyHeaders } from "./headers.ts";
import { silenceAlarm } from "./silence-alarm.ts";

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
  /** What went wrong beside a reply that was given all the same, for the log. */
  onFailure(error: GatewayError): void;
}

/** One inference route: its protocol, and what else of the request or about earlier ones it needs. */
export interface InferenceRoute {
  protocol: Protocol;
  /** What the address says. */
  address?: NonNullable<ClientRequest["address"]>;
  history?: History;
  /** Clients may send a form. */
  forms?: true;
}

/** What clients may refer to by id instead of sending it again. */
export interface History {
  /** The body with all it refers to in it, and what it asks of earlier or later requests in vain. Throws GatewayError. */
  expand(body: unknown): Promise<{ body: unknown; losses: readonly Loss[] }>;
  /** Keeps the answer to an expanded body. */
  keep(body: unknown, reply: JsonObject): Promise<void>;
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
  /** The answer is being kept for later reference: whoever is told that it is complete may refer to it at once. */
  kept?: Promise<void>;
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
  route: InferenceRoute,
  deps: InferenceDeps,
  onBody: () => void = () => {},
): Promise<Response> {
  const { protocol, address, history, forms = false } = route;
  const exchange = startExchange(request, protocol, deps);
  try {
    const sent = await readBody(request, deps.maxBodyBytes, forms);
    onBody();
    const { body, losses } = history ? await history.expand(sent) : { body: sent, losses: [] };
    const parsed = protocol.parse({ body, headers: request.headers, ...(address && { address }) });
    const call = { ...parsed, losses: [...losses, ...parsed.losses] };
    if (history) exchange.context.onReply = (reply) => void (exchange.kept = keep(history, body, reply, deps));
    exchange.context.model = call.request.model;
    exchange.stream = call.stream;
    const batches = deps.run(call, isStrict(request, deps), exchange.trace, exchange.abort);
    return call.stream ? await streamed(call, batches, exchange, deps) : await whole(call, batches, exchange);
  } catch (cause) {
    const error = asGatewayError(cause);
    exchange.finish(error);
    return errorReply(protocol, error, exchange.trace);
  }
}

/** Whether the configuration or the request wants losses refused. */
export function isStrict({ headers }: Request, { strict }: InferenceDeps): boolean {
  return strict || headers.get("x-ag-strict") === "1";
}

export function startExchange(request: Request, protocol: Protocol, deps: InferenceDeps): Exchange {
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
  const turns = await collectTurns(batches);
  nameServedModel(exchange);
  const [turn] = turns;
  if (!turn) throw new Error("an answer without a turn");
  const { context } = exchange;
  const reply = call.several ? call.several.whole(turns, context) : call.reply.whole(turn, context);
  context.onReply?.(reply);
  await exchange.kept;
  exchange.finish();
  return Response.json(reply, { headers: replyHeaders(exchange.trace) });
}

/** That an answer cannot be kept is no reason to withhold it. */
async function keep(history: History, body: unknown, reply: JsonObject, deps: InferenceDeps): Promise<void> {
  try {
    await history.keep(body, reply);
  } catch (cause) {
    deps.onFailure(asGatewayError(cause));
  }
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
  const { streamType } = call.reply;
  const headers = { ...SSE_HEADERS, ...(streamType !== undefined && { "content-type": streamType }) };
  return new Response(body, { headers: { ...headers, ...replyHeaders(exchange.trace) } });
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
  let answered = false;
  try {
    for (;;) {
      pending ??= batches.next();
      const result = await alarm.wait(pending);
      if (result?.done) {
        // A stream that ends without a word of the answer would pass for a success.
        if (!answered) throw new GatewayError("malformed-answer", "The model gave nothing that could be passed on");
        return exchange.finish();
      }
      if (result) {
        pending = undefined;
        nameServedModel(exchange);
      }
      const text = result ? encoder.push(result.value) : encoder.keepAlive();
      if (text === "") continue;
      alarm.sent();
      opened = true;
      answered ||= result !== undefined;
      if (exchange.kept) await exchange.kept;
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
