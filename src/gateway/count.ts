import { abortError, untilAborted, within } from "../core/abort.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";
import { type AskDeps, askAccount, inLaneOrder } from "./ask-account.ts";
import { estimateTokens } from "./estimate-tokens.ts";

export interface TokenCounter {
  /**
   * How many tokens the prompt is: by upstream's own counter, or estimated where that cannot be had in time. Takes no slot,
   * binds no conversation and is held against no account. Throws GatewayError only for a request that cannot be served as it
   * stands, and when aborted.
   */
  count(request: GenerateRequest, model: ModelProfile, signal: AbortSignal): Promise<TokenCount>;
}

export interface TokenCount {
  tokens: number;
  /** Upstream could not be asked: reckoned here. */
  estimated: boolean;
}

/** For all accounts that are asked: clients count before they ask, and an estimate at once beats a count too late. */
const LIMIT_MS = 8_000;
const MOST_ACCOUNTS = 2;

export interface CounterDeps extends AskDeps {
  /** The request with its remote media in it. Throws GatewayError. */
  inlineMedia(request: GenerateRequest, signal: AbortSignal): Promise<GenerateRequest>;
}

export function createTokenCounter(deps: CounterDeps): TokenCounter {
  const { clock } = deps;

  async function askInOrder(written: GenerateRequest, model: ModelProfile, signal: AbortSignal): Promise<number> {
    const request = await deps.inlineMedia(written, signal);
    const accounts = inLaneOrder(await deps.usableAccounts(), deps.lanes()).slice(0, MOST_ACCOUNTS);
    let failure: unknown;
    for (const { id } of accounts) {
      try {
        return await askAccount(id, (access, limit) => access.countTokens({ request, model }, limit), deps, signal);
      } catch (cause) {
        if (signal.aborted || isRequestAtFault(cause)) throw cause;
        failure = cause;
      }
    }
    throw failure ?? new GatewayError("no-account", "No account can be asked");
  }

  return {
    async count(request, model, signal) {
      try {
        const tokens = await within(LIMIT_MS, "Counting tokens", clock, (limit) => {
          const either = AbortSignal.any([limit, signal]);
          return untilAborted(askInOrder(request, model, either), either);
        });
        return { tokens, estimated: false };
      } catch (cause) {
        if (signal.aborted) throw abortError(signal);
        if (isRequestAtFault(cause)) throw cause;
        return { tokens: estimateTokens(request), estimated: true };
      }
    },
  };
}

/** Ours to say. What upstream refuses to count may still be counted by others, and is worth an estimate. */
function isRequestAtFault(cause: unknown): boolean {
  const { kind, detail } = asGatewayError(cause);
  return kind === "invalid-request" && detail.upstreamStatus === undefined;
}
