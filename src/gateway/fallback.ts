import { asGatewayError, type FailureKind, type GatewayError } from "../core/errors.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import type { Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import { isUnexplained } from "./decide.ts";
import { nameModels } from "./telling.ts";

/** A model that its owner has named to serve in place of another. */
export interface FallbackModel extends Pick<ResolvedModel, "profile" | "thinking"> {
  /** It may serve in place of a model of another family. */
  crossFamily: boolean;
}

export type Batches = AsyncGenerator<readonly TurnEvent[], void, undefined>;

/** The failures that another model may be spared. What is wrong with the request or with an account is not among them. */
const MODEL_FAILURES: ReadonlySet<FailureKind> = new Set([
  "rate-limited",
  "quota-exhausted",
  "overloaded",
  "model-missing",
  "no-account",
]);

/** The entries of a chain that may stand in for `model`, each model once. */
export function allowedFallbacks(model: ModelProfile, chain: readonly FallbackModel[]): FallbackModel[] {
  const allowed = chain.filter(({ profile, crossFamily }) => crossFamily || profile.family === model.family);
  const byId = new Map(allowed.toReversed().map((entry) => [entry.profile.id, entry]));
  return allowed.filter((entry) => entry.profile.id !== model.id && byId.get(entry.profile.id) === entry);
}

/** Whether a failure of the model asked for is one that its fallbacks are meant for. */
export function callsForFallback(error: GatewayError): boolean {
  // A bare 429 may be about the request itself, which is then no better on another model.
  return MODEL_FAILURES.has(error.kind) && !isUnexplained(error);
}

/**
 * Serves with the model asked for, else, as long as nothing was given out, with the first of its fallbacks that can. When
 * none can, what went wrong with the model asked for is thrown. `serve` begins one model's answer; the trace names the
 * model that serves.
 */
export async function* serveInOrder<M extends Pick<ResolvedModel, "profile" | "thinking">>(
  asked: M,
  fallbacks: () => Promise<readonly FallbackModel[]>,
  serve: (model: M | FallbackModel, isFallback: boolean) => Batches,
  trace: Trace,
  signal: AbortSignal,
): Batches {
  const lossesOfParsing = trace.losses.length;
  const askedId = asked.profile.id;
  trace.servedModel = askedId;
  const failure = yield* untilBegun(serve(asked, false));
  if (!failure) return;
  if (signal.aborted || !callsForFallback(failure)) throw failure;
  let servingId = askedId;
  for (const model of await chainOrNone(fallbacks)) {
    leaveModel(servingId, trace);
    servingId = model.profile.id;
    trace.losses.length = lossesOfParsing; // what was lost for a model that does not serve is no loss
    trace.servedModel = servingId;
    trace.fellBack = true;
    const another = yield* untilBegun(serve(model, true));
    if (!another) return;
    if (signal.aborted) throw another;
    // An account that is blocked in the middle of it ends the request: it is not carried on to other sign-ins.
    if (another.kind === "account-unusable") break;
  }
  nameModels(trace.attempts, servingId);
  for (const attempt of trace.attempts) if (attempt.model === askedId) delete attempt.model;
  trace.servedModel = askedId;
  delete trace.fellBack;
  throw failure;
}

/** Another model is asked after the last attempt on this one, if there was any. */
function leaveModel(id: string, { attempts }: Trace): void {
  const last = attempts.at(-1);
  if (last && last.model === undefined) last.next = "fallback";
  nameModels(attempts, id);
}

/** A chain that cannot be read must not hide why it was asked for. */
async function chainOrNone(fallbacks: () => Promise<readonly FallbackModel[]>): Promise<readonly FallbackModel[]> {
  try {
    return await fallbacks();
  } catch {
    return []; // the failure of the model asked for is what the client is told
  }
}

/** Passes an answer on. A failure before its first batch is returned; a later one is the client's and is thrown. */
async function* untilBegun(
  batches: Batches,
): AsyncGenerator<readonly TurnEvent[], GatewayError | undefined, undefined> {
  let hasBegun = false;
  try {
    for await (const batch of batches) {
      hasBegun = true;
      yield batch;
    }
    return undefined;
  } catch (cause) {
    if (hasBegun) throw cause;
    return asGatewayError(cause);
  }
}
