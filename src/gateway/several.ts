import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Several } from "../core/protocol.ts";
import type { GenerateRequest } from "../core/request.ts";
import { newTrace, type Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { Batches } from "./fallback.ts";
import { addLists, nameModels, sumOf } from "./telling.ts";

/** Answers one request of the call, telling its own trace. */
type ServeOne = (request: GenerateRequest, trace: Trace) => Batches;

/**
 * All answers of a call, one turn after the other, in the order of its requests. `trace` comes to tell of them all. `strict`:
 * an answer that is missing is a failure, not a loss.
 */
export async function* serveSeveral(
  { requests, order }: Pick<Several, "requests" | "order">,
  serveOne: ServeOne,
  trace: Trace,
  strict: boolean,
): Batches {
  const jobs = requests.map((request, index) => ({
    request,
    trace: index === 0 ? trace : newTrace(trace.requestId, trace.startedAt),
  }));
  const lossesBefore = [...trace.losses];
  if (order === "together") return yield* together(jobs, serveOne, trace, strict);
  for (const job of jobs) {
    if (job.trace !== trace) job.trace.losses.push(...lossesBefore);
    try {
      yield* serveOne(job.request, job.trace);
    } finally {
      if (job.trace !== trace) addTo(trace, job.trace, trace.waitedMs + job.trace.waitedMs);
    }
  }
}

interface Job {
  request: GenerateRequest;
  trace: Trace;
}

async function* together(jobs: readonly Job[], serveOne: ServeOne, trace: Trace, strict: boolean): Batches {
  const answers = await Promise.all(jobs.map(({ request, trace: own }) => collected(serveOne(request, own))));
  for (const { trace: own } of jobs) {
    if (own !== trace) addTo(trace, own, Math.max(trace.waitedMs, own.waitedMs));
  }
  const turns = answers.flatMap((answer) => ("events" in answer ? [answer.events] : []));
  const [failure] = answers.flatMap((answer) => ("failure" in answer ? [answer.failure] : []));
  if (failure && (strict || turns.length === 0)) throw failure;
  const missing = answers.length - turns.length;
  if (missing > 0) {
    trace.losses.push({ field: "n", why: `${missing} of ${answers.length} failed: ${failure?.kind ?? "internal"}` });
  }
  const withheld = turns.filter(isWithheld).length;
  if (withheld > 0 && withheld < turns.length) {
    trace.losses.push({ field: "n", why: `${withheld} of ${answers.length} was withheld by upstream's content rules` });
  }
  yield* turns;
}

/** An answer of which upstream has kept everything back. */
function isWithheld(events: readonly TurnEvent[]): boolean {
  const end = events.at(-1);
  return end?.type === "turn-end" && end.reason === "filtered" && !events.some(({ type }) => type === "block-start");
}

async function collected(batches: Batches): Promise<{ events: TurnEvent[] } | { failure: GatewayError }> {
  const events: TurnEvent[] = [];
  try {
    for await (const batch of batches) events.push(...batch);
    return { events };
  } catch (cause) {
    return { failure: asGatewayError(cause) };
  }
}

function addTo(trace: Trace, own: Trace, waitedMs: number): void {
  const told = new Set(trace.losses.map(({ field, why }) => `${field} ${why}`));
  trace.losses.push(...own.losses.filter(({ field, why }) => !told.has(`${field} ${why}`)));
  addModel(trace, own);
  if (own.accountHandle !== undefined) trace.accountHandle ??= own.accountHandle;
  if (own.rule) trace.rule ??= own.rule;
  addLists(trace, own);
  trace.waitedMs = waitedMs;
  if (own.usage) trace.usage = sumOf(trace.usage, own.usage);
  const { firstEventMs } = own;
  if (firstEventMs !== undefined) trace.firstEventMs = Math.min(trace.firstEventMs ?? firstEventMs, firstEventMs);
}

/** A model that was not asked for is told of, whichever answer it gave; else the headers name the first that is known. */
function addModel(trace: Trace, own: Trace): void {
  const { servedModel, fellBack } = own;
  if (servedModel === undefined || servedModel === trace.servedModel) return;
  if (trace.servedModel !== undefined && !fellBack) return nameModels(own.attempts, servedModel);
  if (trace.servedModel !== undefined) nameModels(trace.attempts, trace.servedModel);
  trace.servedModel = servedModel;
  if (fellBack) trace.fellBack = fellBack;
}
