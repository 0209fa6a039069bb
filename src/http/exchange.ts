import { type FailureKind, GatewayError } from "../core/errors.ts";
import type { Caller } from "../core/keys.ts";
import type { ProtocolId } from "../core/protocol.ts";
import type { RequestRecord } from "../core/record.ts";
import { newTrace, type Trace } from "../core/trace.ts";
import type { Clock } from "../lib/clock.ts";
import { redact } from "../lib/redact.ts";

export interface ExchangeDeps {
  clock: Clock;
  /** `req_` and url-safe text, unlike any before. */
  newRequestId(now: number): string;
  /** Requests for models that may run at the same time. */
  maxConcurrent: number;
  /** Told once per request, when its reply has ended, however it ended. */
  onFinished(record: RequestRecord, error: GatewayError | undefined): void;
}

/** One request from its arrival to its last byte, whatever it asks for. */
export interface Exchange {
  readonly trace: Trace;
  /** Aborts when the client leaves, and when the gateway stops for good. */
  readonly abort: AbortController;
  /** Set by whoever takes it for a model's. */
  protocol?: ProtocolId;
  stream: boolean;
  /** Its reply goes on after its head was handed over: whoever writes it calls `finish`. */
  isOpen: boolean;
  /** Takes its place among the requests for models. Throws GatewayError: `busy`, or `key-limited`. */
  occupy(caller: Caller): void;
  /** The reply has ended with this status; `error` is what went wrong, before or after the status was sent. Later calls: no effect. */
  finish(status: number, error?: GatewayError): void;
}

export interface Exchanges {
  open(request: Request, route: string): Exchange;
  /** Requests for models that are being answered. */
  readonly running: number;
  /** From now on requests for models are refused. */
  close(): void;
  /** Ends those that are still being answered, each with its protocol's error. */
  abortAll(): void;
  /** Takes those that have not even then ended for ended: their clients do not read. */
  giveUp(): void;
  /** Resolves when nothing is being answered. */
  idle(): Promise<void>;
}

/** How soon to come back to a gateway that is full: answers take seconds. */
const BUSY_RETRY_MS = 2_000;
/** To one that is being stopped: service managers start it again after a few seconds. */
const STOPPING_RETRY_MS = 5_000;

export function createExchanges({ clock, newRequestId, maxConcurrent, onFinished }: ExchangeDeps): Exchanges {
  const running = new Set<Exchange>();
  let isStopping = false;
  let idle: PromiseWithResolvers<void> | undefined;

  return {
    open(request, route) {
      const startedAt = clock.now();
      const trace = newTrace(newRequestId(startedAt), startedAt);
      const abort = new AbortController();
      const { signal } = request;
      const onAbort = () => abort.abort();
      if (signal.aborted) abort.abort();
      else signal.addEventListener("abort", onAbort, { once: true });
      let slot: Disposable | undefined;
      let isFinished = false;
      const exchange: Exchange = {
        trace,
        abort,
        stream: false,
        isOpen: false,
        occupy(caller) {
          if (isStopping) throw stopping();
          if (running.size >= maxConcurrent) throw full(maxConcurrent);
          slot = caller.begin();
          running.add(exchange);
        },
        finish(status, error) {
          if (isFinished) return;
          isFinished = true;
          signal.removeEventListener("abort", onAbort);
          slot?.[Symbol.dispose]();
          running.delete(exchange);
          if (running.size === 0) idle?.resolve();
          const totalMs = clock.now() - startedAt;
          onFinished(recordOf(exchange, { route, status, totalMs, ...(error && { error }) }), error);
        },
      };
      return exchange;
    },

    get running() {
      return running.size;
    },

    close() {
      isStopping = true;
    },

    abortAll() {
      for (const { abort } of running) abort.abort(stopping());
    },

    giveUp() {
      for (const exchange of running) exchange.finish(exchange.isOpen ? 200 : 0, stopping());
    },

    async idle() {
      if (running.size > 0) await (idle ??= Promise.withResolvers<void>()).promise;
    },
  };
}

function full(maxConcurrent: number): GatewayError {
  const message = `The gateway is answering as many requests as it may (server.maxConcurrent: ${maxConcurrent}): try again in a moment`;
  return new GatewayError("busy", message, { retryAfterMs: BUSY_RETRY_MS });
}

function stopping(): GatewayError {
  return new GatewayError("busy", "The gateway is being stopped", { retryAfterMs: STOPPING_RETRY_MS });
}

interface Ending {
  route: string;
  status: number;
  totalMs: number;
  error?: GatewayError;
}

function recordOf({ trace, protocol, stream }: Exchange, { route, status, totalMs, error }: Ending): RequestRecord {
  const { key, model, servedModel, rule, fellBack, accountHandle, usage, firstEventMs } = trace;
  const isGone = error?.kind === "cancelled";
  return {
    id: trace.requestId,
    at: trace.startedAt,
    route: redact(route),
    ...(protocol !== undefined && { protocol }),
    ...(key !== undefined && { key }),
    // Clients put keys and addresses in the oddest places.
    ...(model !== undefined && { model: redact(model) }),
    ...(servedModel !== undefined && { served: servedModel }),
    ...(rule && { rule: rule.text }),
    ...(fellBack && { fallback: fellBack }),
    ...(stream && { stream }),
    ...(accountHandle !== undefined && { account: accountHandle }),
    choices: trace.choices,
    waits: trace.waits,
    attempts: trace.attempts,
    losses: trace.losses.map(({ field, why }) => redact(`${field}: ${why}`)),
    ...(usage && { usage }),
    ...(firstEventMs !== undefined && { firstEventMs }),
    waitedMs: trace.waitedMs,
    ...(trace.omitted && { omitted: trace.omitted }),
    totalMs,
    status,
    outcome: error === undefined ? "ok" : isGone ? "client-closed" : error.kind,
    ...(error && { reason: shownReason(error) }),
  };
}

const UPSTREAM_MAY_QUOTE: ReadonlySet<FailureKind> = new Set(["invalid-request", "context-too-long"]);

/** Our own messages quote nothing; upstream's may quote the prompt, so they go to the client alone. */
function shownReason({ kind, message, detail }: GatewayError): string {
  const { upstreamStatus } = detail;
  return UPSTREAM_MAY_QUOTE.has(kind) && upstreamStatus !== undefined
    ? `upstream answered ${upstreamStatus}`
    : redact(message);
}
