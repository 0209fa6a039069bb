import { abortError, untilAborted } from "../core/abort.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Caller } from "../core/keys.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Trace } from "../core/trace.ts";
import { type AskDeps, askAccount, inLaneOrder, type Question } from "./ask-account.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { refuseHidden } from "./hidden-models.ts";
import { endAttempt } from "./telling.ts";

export interface TokenCounter {
  /**
   * How many tokens the prompt is: by upstream's own counter, or estimated where that cannot be had in time. Takes no slot,
   * binds no conversation and is held against no account; the trace names the model and those that were asked. Throws
   * GatewayError only for a model that cannot be had, for a request that cannot be served as it stands, and when aborted.
   */
  count(request: GenerateRequest, maySee: Caller["maySee"], trace: Trace, signal: AbortSignal): Promise<TokenCount>;
}

export interface TokenCount {
  tokens: number;
  /** Upstream could not be asked: reckoned here. */
  estimated: boolean;
}

/** From the model's name to the last account that is asked: an estimate at once beats a count too late. */
const LIMIT_MS = 8_000;
const MOST_ACCOUNTS = 2;

export interface CounterDeps extends AskDeps {
  /** Throws GatewayError("unknown-model"). */
  resolveModel(name: string, signal: AbortSignal): Promise<ResolvedModel>;
  /** The request with its remote media in it. Throws GatewayError. */
  inlineMedia(request: GenerateRequest, signal: AbortSignal): Promise<GenerateRequest>;
}

export function createTokenCounter(deps: CounterDeps): TokenCounter {
  const { clock } = deps;

  async function askInOrder(
    written: GenerateRequest,
    model: ModelProfile,
    trace: Trace,
    signal: AbortSignal,
  ): Promise<number> {
    const request = await deps.inlineMedia(written, signal);
    const accounts = inLaneOrder(await deps.usableAccounts(), deps.lanes()).slice(0, MOST_ACCOUNTS);
    let failure: unknown;
    for (const { id, handle } of accounts) {
      const before = trace.attempts.at(-1);
      if (before) before.next = "switch";
      trace.accountHandle = handle;
      try {
        const count: Question<number> = (access, limit) => access.countTokens({ request, model }, limit);
        return await askAccount(id, count, deps, signal, { trace, handle });
      } catch (cause) {
        if (signal.aborted || isRequestAtFault(cause)) throw cause;
        failure = cause;
      }
    }
    throw failure ?? new GatewayError("no-account", "No account can be asked");
  }

  return {
    async count(request, maySee, trace, signal) {
      const late = new AbortController();
      const timer = new AbortController();
      clock.sleep(LIMIT_MS, timer.signal).then(
        () => late.abort(new GatewayError("deadline", `Counting tokens took longer than ${LIMIT_MS / 1_000} s`)),
        () => {}, // it was done in time
      );
      const either = AbortSignal.any([late.signal, signal]);
      let model: ModelProfile | undefined;
      try {
        const found = await untilAborted(deps.resolveModel(request.model, either), either);
        const { profile } = found;
        trace.rule = found.rule;
        refuseHidden(request.model, found, maySee);
        trace.servedModel = profile.id;
        model = profile;
        const tokens = await untilAborted(askInOrder(request, profile, trace, either), either);
        return { tokens, estimated: false };
      } catch (cause) {
        const failure = either.aborted ? abortError(either) : asGatewayError(cause);
        for (const attempt of trace.attempts) endAttempt(attempt, trace, clock.now(), failure);
        if (signal.aborted || isRequestAtFault(failure)) throw failure;
        // A name that nobody could look up in time may be any model's; what is wrong with it is the client's to know.
        if (model === undefined && !late.signal.aborted) throw failure;
        if (model === undefined) refuseHidden(request.model, undefined, maySee);
        return { tokens: estimateTokens(request), estimated: true };
      } finally {
        timer.abort();
        late.abort(); // nothing that is left behind goes on
      }
    },
  };
}

/** Ours to say. What upstream refuses to count may still be counted by others, and is worth an estimate. */
function isRequestAtFault(cause: unknown): boolean {
  const { kind, detail } = asGatewayError(cause);
  return kind === "invalid-request" && detail.upstreamStatus === undefined;
}
