import { abortError } from "../core/abort.ts";
import type { Lease } from "../core/accounts.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import { refuseLoss } from "../core/losses.ts";
import type { AttemptRecord } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { UpstreamCall } from "../core/upstream.ts";
import { completed } from "./completed.ts";
import { type Course, onAccount } from "./course.ts";
import { checkedAnswer } from "./structured.ts";
import { beginAttempt, endAttempt, tellUsage } from "./telling.ts";
import { accessWith } from "./upstream-access.ts";

/** An attempt that failed. `committed`: something of its answer was given out. */
export interface FailedAttempt {
  failure: GatewayError;
  committed: boolean;
  record: AttemptRecord;
}

/** One attempt on an account, from its record's beginning to its end; the record says how it went. Throws nothing. */
export async function* attempt(
  held: Lease,
  course: Course,
): AsyncGenerator<readonly TurnEvent[], "answered" | FailedAttempt, undefined> {
  const { call, trace, signal, deps } = course;
  const { clock } = deps;
  course.attempts++;
  onAccount(held, course).attempts++;
  const startedAt = clock.now();
  const record = beginAttempt(trace, held.handle, startedAt);
  deps.onAttempt?.(trace, record);
  const onEvent = () => {
    record.firstEventMs ??= clock.now() - startedAt;
    call.onProgress();
  };
  const usageBefore = trace.usage;
  let committed = false;
  let isOver = false;
  try {
    trace.losses.length = course.lossesBefore; // each attempt lowers anew and reports its own
    const batches = await startAttempt(held, record, onEvent, course);
    for await (const batch of call.whole ? completed(batches, onEvent, course.attempts === 1) : batches) {
      onEvent();
      committed = true;
      trace.firstEventMs ??= startedAt - trace.startedAt + (record.firstEventMs ?? 0);
      tellUsage(trace, usageBefore, batch);
      yield batch;
    }
    isOver = true;
    endAttempt(record, trace, clock.now());
    held.succeed();
    return "answered";
  } catch (cause) {
    isOver = true;
    const failure = signal.aborted ? abortError(signal) : asGatewayError(cause);
    endAttempt(record, trace, clock.now(), failure);
    return { failure, committed, record };
  } finally {
    // Whoever was given batches has asked for no more of them.
    if (!isOver) endAttempt(record, trace, clock.now(), abortError(signal));
  }
}

/** Sends the request off. The answer's batches are not asked for yet. */
async function startAttempt(
  lease: Lease,
  record: AttemptRecord,
  onEvent: () => void,
  course: Course,
): Promise<AsyncIterable<readonly TurnEvent[]>> {
  const { call, trace, signal, deps, repairs } = course;
  const credential = await lease.credential(signal);
  delete record.unsent;
  const { request, model, conversationKey } = call;
  const onLoss: UpstreamCall["onLoss"] = ({ field, why }) => {
    const loss = { field: call.fieldName(field), why };
    if (call.strict) refuseLoss(loss);
    trace.losses.push(loss);
  };
  // Upstream enforces no more of a schema than it understands; an answer that is held anyway is held to the rest.
  let isChecked = call.whole;
  const onUnenforcedFormat = () => void (isChecked = true);
  const onAnswer = (status: number) => void (record.upstreamStatus = status);
  const upstreamCall = { request, model, conversationKey, repairs, onLoss, onUnenforcedFormat, onAnswer };
  const batches = accessWith(credential, deps.upstreams).stream(upstreamCall, signal);
  const { outputFormat } = request;
  return outputFormat ? checkedAnswer(batches, outputFormat, () => isChecked, onEvent) : batches;
}
