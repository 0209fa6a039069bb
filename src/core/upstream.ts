import type { Repair } from "./errors.ts";
import type { Discovery, ModelProfile } from "./models.ts";
import type { Loss } from "./protocol.ts";
import type { GenerateRequest } from "./request.ts";
import type { TurnEvent } from "./turn.ts";

export interface Credential {
  accountId: string;
  accessToken: string;
  projectId: string;
}

export interface UpstreamCall {
  request: GenerateRequest;
  model: ModelProfile;
  /** Stable text of the conversation; the upstream derives its own session id from it and the account. */
  conversationKey: string;
  /** Changes to the body that earlier refusals asked for. */
  repairs: ReadonlySet<Repair>;
  /** Receives what lowering could not carry over, under its canonical names (ParsedCall.fieldName). Called before the first batch. */
  onLoss(loss: Loss): void;
}

export interface Upstream {
  readonly id: string;
  /**
   * One attempt, always streamed. Yields non-empty batches, one per network chunk; the first holds `turn-start` and
   * at least one block (or the turn's end). Throws GatewayError; never retries, sleeps or changes account.
   * Ending the iteration early or aborting the signal closes the connection.
   */
  stream(call: UpstreamCall, credential: Credential, signal: AbortSignal): AsyncIterable<readonly TurnEvent[]>;
  /** The account's model catalogue. Throws GatewayError. */
  discoverModels(credential: Credential, signal: AbortSignal): Promise<Discovery>;
}
