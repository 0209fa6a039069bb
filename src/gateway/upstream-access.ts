import type { AccountKind } from "../core/account-kind.ts";
import type { Discovery } from "../core/models.ts";
import type { QuotaBucket } from "../core/quota.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { CountCall, Credential, CredentialOf, Upstream, UpstreamCall, Upstreams } from "../core/upstream.ts";

/** The upstream of one credential's kind, asked with that credential. */
export interface UpstreamAccess {
  stream(call: UpstreamCall, signal: AbortSignal): AsyncIterable<readonly TurnEvent[]>;
  countTokens(call: CountCall, signal: AbortSignal): Promise<number>;
  discoverModels(signal: AbortSignal): Promise<Discovery>;
  readBuckets(signal: AbortSignal): Promise<QuotaBucket[]>;
}

export function accessWith(credential: Credential, upstreams: Upstreams): UpstreamAccess {
  switch (credential.kind) {
    case "antigravity":
      return access(upstreams.antigravity, credential);
    case "gemini-api-key":
      return access(upstreams["gemini-api-key"], credential);
    default:
      return credential satisfies never;
  }
}

function access<K extends AccountKind>(upstream: Upstream<K>, credential: CredentialOf<K>): UpstreamAccess {
  return {
    stream: (call, signal) => upstream.stream(call, credential, signal),
    countTokens: (call, signal) => upstream.countTokens(call, credential, signal),
    discoverModels: (signal) => upstream.discoverModels(credential, signal),
    readBuckets: (signal) => upstream.readBuckets(credential, signal),
  };
}
