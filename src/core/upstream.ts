import type { AccountKind } from "./account-kind.ts";
import type { Repair } from "./errors.ts";
import type { Discovery, ModelProfile } from "./models.ts";
import type { Loss } from "./losses.ts";
import type { QuotaBucket } from "./quota.ts";
import type { GenerateRequest } from "./request.ts";
import type { TurnEvent } from "./turn.ts";

/** What a request to upstream is sent with; its kind is the account's. */
export type Credential =
  | { kind: "antigravity"; accountId: string; accessToken: string; projectId: string }
  | { kind: "gemini-api-key"; accountId: string; apiKey: string };

/** The credential of one kind of account. */
export type CredentialOf<K extends AccountKind> = Extract<Credential, { kind: K }>;

export interface UpstreamCall {
  request: GenerateRequest;
  model: ModelProfile;
  /** Stable text of the conversation; the upstream derives its own session id from it and the account. */
  conversationKey: string;
  /** Changes to the body that earlier refusals asked for. */
  repairs: ReadonlySet<Repair>;
  /** Receives what lowering could not carry over, under its canonical names (ParsedCall.fieldName). Called before the first batch. */
  onLoss(loss: Loss): void;
  /** The form of the answer is asked for in words only: whether it has it must be checked. Called before the first batch. */
  onUnenforcedFormat?(): void;
  /** Upstream has taken the request, with this HTTP status; the answer itself may still fail. */
  onAnswer?(status: number): void;
}

/** What is counted: the prompt of a request, as it would be sent. */
export type CountCall = Pick<UpstreamCall, "request" | "model">;

export interface Upstream<K extends AccountKind = AccountKind> {
  /** The kind of account it serves. */
  readonly kind: K;
  /**
   * One attempt, always streamed. Yields non-empty batches, one per network chunk; the first holds `turn-start` and
   * at least one block (or the turn's end). Throws GatewayError; never retries, sleeps or changes account.
   * Ending the iteration early or aborting the signal closes the connection.
   */
  stream(call: UpstreamCall, credential: CredentialOf<K>, signal: AbortSignal): AsyncIterable<readonly TurnEvent[]>;
  /** The account's model catalogue, with what is left of each model's quota where the service says so. Throws GatewayError. */
  discoverModels(credential: CredentialOf<K>, signal: AbortSignal): Promise<Discovery>;
  /** How many tokens the prompt is, by the service's own counter. Throws GatewayError. Uses up no quota. */
  countTokens(call: CountCall, credential: CredentialOf<K>, signal: AbortSignal): Promise<number>;
  /** The account's shared windows; none where the service has no such summary. Throws GatewayError. */
  readBuckets(credential: CredentialOf<K>, signal: AbortSignal): Promise<QuotaBucket[]>;
}

/** One upstream per kind of account. */
export type Upstreams = { readonly [K in AccountKind]: Upstream<K> };
