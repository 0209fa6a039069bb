import type { FailureKind } from "./errors.ts";
import type { Loss } from "./losses.ts";

export interface AttemptRecord {
  accountHandle: string;
  outcome: "ok" | FailureKind;
  /** Nothing was sent to upstream: the account had no credential to send it with. */
  unsent?: true;
  upstreamStatus?: number;
  upstreamReason?: string;
}

/** What happened to one request, gathered while it happens; reply headers and the log line read it. */
export interface Trace {
  readonly requestId: string;
  /** The client's name for the model, once known. */
  model?: string;
  /** Upstream id of the model that serves. */
  servedModel?: string;
  /** Set when a configured fallback serves in place of the model asked for: replies name `servedModel` then. */
  fellBack?: true;
  accountHandle?: string;
  attempts: AttemptRecord[];
  waitedMs: number;
  losses: Loss[];
}

export function newTrace(requestId: string): Trace {
  return { requestId, attempts: [], waitedMs: 0, losses: [] };
}
