import type { FailureKind } from "./errors.ts";
import type { ProtocolId } from "./protocol.ts";
import type { AttemptRecord, ChoiceRecord, WaitRecord } from "./trace.ts";
import type { Usage } from "./turn.ts";

/**
 * What is kept of one request: enough to explain it, nothing of what was said. No e-mails, tokens, prompts or answers. It is
 * what `ag logs --json` and `ag why --json` print, so fields are added, never renamed.
 */
export interface RequestRecord {
  /** req_… */
  id: string;
  /** Unix ms of its arrival. */
  at: number;
  /** "POST /v1/messages", without a query. */
  route: string;
  /** Absent: not a request for a model. */
  protocol?: ProtocolId;
  /** See Trace.key. */
  key?: string;
  /** As the client wrote it. */
  model?: string;
  /** Upstream id. */
  served?: string;
  /** The rule that led from `model` to what was asked for first, as one clause. */
  rule?: string;
  /** A configured fallback served. */
  fallback?: true;
  stream?: true;
  /** Handle of the account that was asked last. */
  account?: string;
  choices: readonly ChoiceRecord[];
  waits: readonly WaitRecord[];
  attempts: readonly AttemptRecord[];
  /** Fields that could not be honoured, with the reason. */
  losses: readonly string[];
  usage?: Usage;
  firstEventMs?: number;
  waitedMs: number;
  totalMs: number;
  /** The HTTP status that was sent; 0: the client was gone before. */
  status: number;
  /** `client-closed`: the client went away. A reply that failed after its status was sent has that failure here. */
  outcome: "ok" | "client-closed" | FailureKind;
  /** One sentence for people. Absent: ok. */
  reason?: string;
  /** How many entries of a list were left out to keep the record small. */
  omitted?: { choices?: number; accounts?: number; waits?: number; attempts?: number; losses?: number };
}

/** Whether something went wrong that its owner may want to see: a client that left is none of it. */
export function isFailed({ outcome }: Pick<RequestRecord, "outcome">): boolean {
  return outcome !== "ok" && outcome !== "client-closed";
}
