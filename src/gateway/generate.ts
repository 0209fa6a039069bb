import { abortError } from "../core/abort.ts";
import type { AccountPool, Lease } from "../core/accounts.ts";
import { asGatewayError, GatewayError, type Repair } from "../core/errors.ts";
import { refuseLoss } from "../core/losses.ts";
import type { ModelProfile } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { AttemptRecord, Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { Upstream, UpstreamCall } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { decide, type Renewal } from "./decide.ts";

export interface GenerateCall {
  request: GenerateRequest;
  model: ModelProfile;
  conversationKey: string;
  /** The client's own name of a field that lowering loses. */
  fieldName(canonical: string): string;
  /** Refuse rather than lose a field. */
  strict: boolean;
  /** The client is given the answer as a whole: nothing of it is sent before it is complete. */
  whole: boolean;
  /** Upstream showed a sign of life. */
  onProgress(): void;
  /** Upstream refused the body; it is about to be asked again with this change. */
  onRepair(repair: Repair): void;
}

export interface GenerateDeps {
  pool: AccountPool;
  upstream: Upstream;
  clock: Clock;
}

/**
 * One request over as many attempts as `decide` allows, as batches of events. A failure before the first batch is given
 * out may be tried again, unseen; after it, it is thrown to the consumer. Ending the iteration releases everything.
 */
export async function* generate(
  call: GenerateCall,
  trace: Trace,
  signal: AbortSignal,
  deps: GenerateDeps,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const exclude = new Set<string>();
  const repairs = new Set<Repair>();
  const lossesOfParsing = trace.losses.length;
  let failure: GatewayError | undefined;
  for (;;) {
    using lease = await acquire(call, exclude, failure, signal, deps);
    trace.accountHandle = lease.handle;
    const renewed = new Set<Renewal>();
    for (let attemptsOnAccount = 1; ; attemptsOnAccount++) {
      let committed = false;
      // Counted from its start on: a stream's reply headers are written at its first batch.
      const record: AttemptRecord = { accountHandle: lease.handle, outcome: "ok" };
      trace.attempts.push(record);
      try {
        trace.losses.length = lossesOfParsing; // each attempt lowers anew and reports its own
        const batches = await startAttempt(call, repairs, lease, trace, signal, deps);
        for await (const batch of call.whole ? completed(batches, call, trace) : batches) {
          call.onProgress();
          committed = true;
          yield batch;
        }
        lease.succeed();
        return;
      } catch (cause) {
        failure = signal.aborted ? abortError(signal) : asGatewayError(cause);
        Object.assign(record, failureRecord(failure));
        const decision = committed
          ? ({ type: "stop" } as const)
          : decide({ error: failure, attempts: trace.attempts.length, attemptsOnAccount, repairs, renewed });
        if (decision.type !== "again") {
          lease.fail(failure);
          if (decision.type === "stop") throw failure;
          exclude.add(lease.accountId);
          break;
        }
        if (decision.repair) {
          repairs.add(decision.repair);
          call.onRepair(decision.repair);
        }
        if (decision.renew) {
          renewed.add(decision.renew);
          lease.renew(decision.renew);
        }
        if (decision.afterMs > 0) await wait(decision.afterMs, trace, signal, deps.clock, lease);
      }
    }
  }
}

async function startAttempt(
  call: GenerateCall,
  repairs: ReadonlySet<Repair>,
  lease: Lease,
  trace: Trace,
  signal: AbortSignal,
  deps: GenerateDeps,
): Promise<AsyncIterable<readonly TurnEvent[]>> {
  const credential = await lease.credential(signal);
  const { request, model, conversationKey } = call;
  const onLoss: UpstreamCall["onLoss"] = ({ field, why }) => {
    const loss = { field: call.fieldName(field), why };
    if (call.strict) refuseLoss(loss);
    trace.losses.push(loss);
  };
  return deps.upstream.stream({ request, model, conversationKey, repairs, onLoss }, credential, signal);
}

/**
 * An answer that is given out only when it is complete, so that whatever goes wrong on the way may be tried again. One that
 * is nothing but thinking is asked for once more; a stream has shown its thinking by then, and ends as it is.
 */
async function* completed(
  batches: AsyncIterable<readonly TurnEvent[]>,
  call: GenerateCall,
  trace: Trace,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const events: TurnEvent[] = [];
  for await (const batch of batches) {
    call.onProgress();
    events.push(...batch);
  }
  if (trace.attempts.length === 1 && isThinkingAlone(events)) {
    throw new GatewayError("unavailable", "The model thought and did not answer");
  }
  yield events;
}

function isThinkingAlone(events: readonly TurnEvent[]): boolean {
  const kinds = events.flatMap((event) => (event.type === "block-start" ? [event.head.kind] : []));
  const end = events.at(-1);
  return (
    kinds.length > 0 && kinds.every((kind) => kind === "thinking") && end?.type === "turn-end" && end.reason === "end"
  );
}

/** When no further account is left, the client learns what went wrong on the accounts that were tried. */
async function acquire(
  call: GenerateCall,
  exclude: ReadonlySet<string>,
  failure: GatewayError | undefined,
  signal: AbortSignal,
  deps: GenerateDeps,
): Promise<Lease> {
  try {
    return await deps.pool.acquire({ model: call.model.id, conversationKey: call.conversationKey, exclude }, signal);
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    const error = asGatewayError(cause);
    throw failure !== undefined && error.kind === "no-account" ? failure : error;
  }
}

async function wait(ms: number, trace: Trace, signal: AbortSignal, clock: Clock, lease: Lease): Promise<void> {
  const start = clock.now();
  try {
    await clock.sleep(ms, signal);
  } catch {
    // The only way a sleep rejects is its signal.
    const error = abortError(signal);
    lease.fail(error);
    throw error;
  } finally {
    trace.waitedMs += clock.now() - start;
  }
}

function failureRecord({ kind, detail }: GatewayError): Omit<AttemptRecord, "accountHandle"> {
  const { upstreamStatus, upstreamReason } = detail;
  return {
    outcome: kind,
    ...(upstreamStatus !== undefined && { upstreamStatus }),
    ...(upstreamReason !== undefined && { upstreamReason }),
  };
}
