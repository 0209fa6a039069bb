import { GatewayError } from "../../core/errors.ts";
import type { TurnEvent } from "../../core/turn.ts";
import type { UpstreamCall } from "../../core/upstream.ts";
import { readAnswer } from "../../gemini-wire/answer.ts";
import { withUsefulRepair } from "../../gemini-wire/classify.ts";
import type { Dialect } from "../../gemini-wire/dialect.ts";
import { type LoweredRequest, lowerRequest } from "../../gemini-wire/lower.ts";
import type { Clock } from "../../lib/clock.ts";

export interface AttemptDeps {
  clock: Clock;
  /** Url-safe, "call_" and 24 characters. */
  newCallId(): string;
}

/**
 * One attempt at a call: lowered, sent by `ask`, which answers with a 2xx or throws a GatewayError, and decoded. A failure
 * names a repair only where it would change what is sent.
 */
export async function* attempt(
  call: UpstreamCall,
  dialect: Dialect,
  ask: (lowered: LoweredRequest) => Promise<Response>,
  deps: AttemptDeps,
  signal: AbortSignal,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const lowered = lowerRequest(call.request, call.model, call.repairs, dialect);
  for (const loss of lowered.losses) call.onLoss(loss);
  if (!lowered.isFormatEnforced) call.onUnenforcedFormat?.();
  const { tools, mayEndSilently } = lowered;
  try {
    const { status, body } = await ask(lowered);
    call.onAnswer?.(status);
    if (!body) throw new GatewayError("unavailable", "Upstream sent an empty answer");
    const decoderDeps = { newCallId: deps.newCallId, tools, mayEndSilently, now: () => deps.clock.now() };
    yield* readAnswer(body, decoderDeps, signal);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw withUsefulRepair(cause, call.repairs, (repair) => {
      const repaired = lowerRequest(call.request, call.model, new Set([...call.repairs, repair]), dialect);
      return JSON.stringify(repaired.body) !== JSON.stringify(lowered.body);
    });
  }
}
