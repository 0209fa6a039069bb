import { abortError } from "../core/abort.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Caller } from "../core/keys.ts";
import type { Loss } from "../core/losses.ts";
import type { ClientRequest, EncodeContext, ParsedCall, Protocol } from "../core/protocol.ts";
import type { Trace } from "../core/trace.ts";
import { collectTurns, type TurnEvent } from "../core/turn.ts";
import type { Clock } from "../lib/clock.ts";
import type { JsonObject } from "../lib/json.ts";
import { readBody } from "./body.ts";
import { errorReply } from "./error-reply.ts";
import type { Exchange } from "./exchange.ts";
import { replyHeaders } from "./headers.ts";
import type { RouteCall } from "./route.ts";
import { silenceAlarm } from "./silence-alarm.ts";

export interface InferenceDeps {
  run(call: ParsedCall, options: RunOptions, trace: Trace, abort: AbortController): Batches;
  clock: Clock;
  newId(): string;
  strict: boolean;
  maxBodyBytes: number;
  /** A client is given a sign of life after this long without an event. */
  keepAliveMs: number;
  /** What went wrong beside a reply that was given all the same, for the log. */
  onFailure(error: GatewayError): void;
}

/** Whether whoever asks may be served by a model, asked for under a name. */
export type MaySee = Caller["maySee"];

export interface RunOptions {
  /** Refuse rather than lose a field. */
  strict: boolean;
  maySee: MaySee;
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

/** What clients may refer to by id instead of sending it again; `owner` is the handle of the key that asks. */
export interface History {
  /** The body with all it refers to in it, and what it asks of earlier or later requests in vain. Throws GatewayError. */
  expand(body: unknown, owner: string | undefined): Promise<{ body: unknown; losses: readonly Loss[] }>;
  /** Keeps the answer to an expanded body. */
  keep(body: unknown, reply: JsonObject, owner: string | undefined): Promise<void>;
}

export type Batches = AsyncGenerator<readonly TurnEvent[], void, undefined>;

/** What the answering of one request needs. */
interface Job {
  exchange: Exchange;
  context: EncodeContext;
  /** The answer is being kept for later reference: whoever is told that it is complete may refer to it at once. */
  kept?: Promise<void>;
}

const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

/**
 * Answers one inference request in its protocol, streamed or whole, and ends its exchange. Never throws: every failure
 * becomes the protocol's error, with its true status as long as nothing was sent.
 */
export async function answer(
  { request, exchange, caller, untimed }: RouteCall,
  { protocol, address, history, forms }: InferenceRoute,
  deps: InferenceDeps,
): Promise<Response> {
  const { trace, abort } = exchange;
  const createdAt = Math.floor(trace.startedAt / 1000);
  const job: Job = { exchange, context: { model: "", createdAt, newId: deps.newId } };
  try {
    const sent = await readBody(request, deps.maxBodyBytes, forms === true);
    // A model may think for minutes; a client that stops sending its request may not.
    untimed();
    const { body, losses } = history ? await history.expand(sent, caller.key) : { body: sent, losses: [] };
    const parsed = protocol.parse({ body, headers: request.headers, ...(address && { address }) });
    const call = losses.length === 0 ? parsed : { ...parsed, losses: [...losses, ...parsed.losses] };
    if (history) job.context.onReply = (reply) => void (job.kept = keep(history, body, reply, caller, deps));
    job.context.model = call.request.model;
    exchange.stream = call.stream;
    const options = { strict: isStrict(request, deps), maySee: caller.maySee };
    const batches = deps.run(call, options, trace, abort);
    return call.stream ? await streamed(call, batches, job, deps) : await whole(call, batches, job);
  } catch (cause) {
    return failed(cause, protocol, exchange);
  }
}

/** The failure as the protocol's error, which ends the exchange. */
export function failed(cause: unknown, protocol: Protocol, exchange: Exchange): Response {
  const error = asGatewayError(cause);
  if (error.detail.key !== undefined) exchange.trace.key ??= error.detail.key;
  const reply = errorReply(protocol, error, exchange.trace);
  // Nobody is left to read it.
  exchange.finish(error.kind === "cancelled" ? 0 : reply.status, error);
  return reply;
}

/** Whether the configuration or the request wants losses refused. */
export function isStrict({ headers }: Request, { strict }: InferenceDeps): boolean {
  return strict || headers.get("x-ag-strict") === "1";
}

async function whole(call: ParsedCall, batches: Batches, job: Job): Promise<Response> {
  const turns = await collectTurns(batches);
  nameServedModel(job);
  const [turn] = turns;
  if (!turn) throw new Error("an answer without a turn");
  const { context, exchange } = job;
  const reply = call.several ? call.several.whole(turns, context) : call.reply.whole(turn, context);
  context.onReply?.(reply);
  await job.kept;
  exchange.finish(200);
  return Response.json(reply, { headers: replyHeaders(exchange.trace) });
}

/** That an answer cannot be kept is no reason to withhold it. */
async function keep(
  history: History,
  body: unknown,
  reply: JsonObject,
  { key }: Caller,
  deps: InferenceDeps,
): Promise<void> {
  try {
    await history.keep(body, reply, key);
  } catch (cause) {
    deps.onFailure(asGatewayError(cause));
  }
}

/** Replies echo the client's name for the model, but never that of one which did not answer. */
function nameServedModel({ exchange: { trace }, context }: Job): void {
  if (trace.fellBack && trace.servedModel !== undefined) context.model = trace.servedModel;
}

/**
 * The status line waits for the first batch, so that a failed start has its true status, but no longer than a client
 * stays patient: then the stream opens with a sign of life and a later failure becomes the protocol's error frame.
 */
async function streamed(call: ParsedCall, batches: Batches, job: Job, deps: InferenceDeps): Promise<Response> {
  const { exchange } = job;
  const frames = writeFrames(call, batches, job, deps);
  const bytes = new TextEncoder();
  let next: IteratorResult<string, void> | undefined = await frames.next();
  exchange.isOpen = true;
  onceAborted(exchange.abort.signal, () => {
    // Whoever is to read on may never do so: what waits to be read keeps no account and no place. Not awaited, and never
    // failing: its own cleanup waits for the upstream that was just aborted.
    batches
      .return()
      .catch(() => {})
      .finally(() => exchange.finish(200, abortError(exchange.abort.signal)));
  });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = next ?? (await frames.next());
      next = undefined;
      if (done) controller.close();
      else controller.enqueue(bytes.encode(value));
    },
    cancel() {
      exchange.abort.abort();
      frames.return().catch(() => {}); // nobody is left to be told
    },
  });
  const { streamType } = call.reply;
  const headers = { ...SSE_HEADERS, ...(streamType !== undefined && { "content-type": streamType }) };
  return new Response(body, { headers: { ...headers, ...replyHeaders(exchange.trace) } });
}

function onceAborted(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work();
  else signal.addEventListener("abort", work, { once: true });
}

/** The stream's texts. Throws only before the first; after it, a failure is the last text. */
async function* writeFrames(
  call: ParsedCall,
  batches: Batches,
  job: Job,
  deps: InferenceDeps,
): AsyncGenerator<string, void, undefined> {
  const { exchange } = job;
  const { signal } = exchange.abort;
  const encoder = call.reply.stream(job.context);
  const alarm = silenceAlarm(deps.keepAliveMs, deps.clock);
  let pending: Promise<IteratorResult<readonly TurnEvent[], void>> | undefined;
  let opened = false;
  let answered = false;
  try {
    for (;;) {
      pending ??= batches.next();
      const result = await alarm.wait(pending);
      if (result?.done) {
        if (signal.aborted) throw abortError(signal);
        // A stream that ends without a word of the answer would pass for a success.
        if (!answered) throw new GatewayError("malformed-answer", "The model gave nothing that could be passed on");
        return exchange.finish(200);
      }
      if (result) {
        pending = undefined;
        nameServedModel(job);
      }
      const text = result ? encoder.push(result.value) : encoder.keepAlive();
      if (text === "") continue;
      alarm.sent();
      opened = true;
      answered ||= result !== undefined;
      if (job.kept) await job.kept;
      yield text;
    }
  } catch (cause) {
    if (!opened) throw cause;
    const error = signal.aborted ? abortError(signal) : asGatewayError(cause);
    exchange.finish(200, error);
    yield encoder.fail(error);
  } finally {
    alarm.stop();
    // However this ended, nobody asks for more: an answer that was broken off, or waits to be read, is let go of.
    await batches.return();
  }
}
