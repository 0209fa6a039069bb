import type { JsonObject } from "../lib/json.ts";
import type { GatewayError } from "./errors.ts";
import type { FieldTable } from "./field-table.ts";
import type { Loss } from "./losses.ts";
import type { GenerateRequest } from "./request.ts";
import type { Turn, TurnEvent } from "./turn.ts";

export interface ClientRequest {
  /** The parsed JSON body; nothing about its shape is known yet. */
  body: unknown;
  headers: Headers;
  /** What the address says, for protocols that put it there: `/v1beta/models/<model>:<method>?alt=sse`. */
  address?: { model: string; method: string; query: URLSearchParams };
}

export interface ParsedCall {
  request: GenerateRequest;
  stream: boolean;
  losses: readonly Loss[];
  /**
   * Upstreams do not know what the client speaks and name what they lose in one way: messages, system, tools,
   * tool_choice, web_search, thinking, response_format, max_tokens, stop_sequences, temperature, top_p, top_k, seed,
   * presence_penalty, frequency_penalty, image (its shape and size); of what only the Gemini protocol says:
   * generation_config, safety_settings, tool_config, url_context, code_execution. This is the field in which this very request
   * said it.
   */
  fieldName(canonical: string): string;
  /** Writes the answer in the form this very call asked for. */
  reply: ReplyEncoder;
  several?: Several;
  /** Pictures are all that is asked for: a model that makes none is not worth asking. */
  needsPictures?: true;
}

/** A call that asks for more than one answer: `n` images, a list of prompts. */
export interface Several {
  /** All requests of the call; the first is ParsedCall.request. */
  requests: readonly GenerateRequest[];
  /**
   * `together`: asked at the same time; those that fail are left out, unless all do. `in-turn`: one after the other; the
   * first failure is the call's.
   */
  order: "together" | "in-turn";
  /** The whole reply; one turn for each request that was answered, in their order. Replaces `reply.whole`. */
  whole(turns: readonly Turn[], context: EncodeContext): JsonObject;
}

export interface EncodeContext {
  /**
   * The name that replies give the model: as the client wrote it, or the id of the fallback that serves in its place. Final
   * at the turn's first event, so encoders read it there.
   */
  model: string;
  /** Unix seconds at which the reply began. */
  createdAt: number;
  /** Url-safe random text of 24 characters, new at each call. */
  newId(): string;
  /** Told the complete reply object of a stream by protocols whose clients may refer to it later. */
  onReply?(reply: JsonObject): void;
}

export interface StreamEncoder {
  /**
   * Events in, text of complete frames out ("" when there is nothing to say yet). `turn-end` writes the terminator; of a call
   * with several answers the turns come one after the other, each from `turn-start` to `turn-end`, and the last one does.
   */
  push(events: readonly TurnEvent[]): string;
  /** The protocol's error form, legal after any prefix of events and before any. Never the success terminator. */
  fail(error: GatewayError): string;
  /** A frame that the protocol's clients count as a sign of life. */
  keepAlive(): string;
}

export interface ReplyEncoder {
  /** The content type of a stream. Absent: `text/event-stream`. */
  streamType?: string;
  stream(context: EncodeContext): StreamEncoder;
  whole(turn: Turn, context: EncodeContext): JsonObject;
}

/** How a protocol's clients have a prompt counted. */
export interface TokenCounting {
  /** Throws like `Protocol.parse`. */
  parse(call: ClientRequest): Pick<ParsedCall, "request" | "losses">;
  reply(tokens: number): JsonObject;
}

export interface ErrorReply {
  status: number;
  body: JsonObject;
}

export const PROTOCOL_IDS = [
  "anthropic",
  "openai-chat",
  "openai-responses",
  "openai-completions",
  "openai-images",
  "gemini",
] as const;

export type ProtocolId = (typeof PROTOCOL_IDS)[number];

/** One client-facing wire protocol. Pure: no clock, no randomness, no IO. */
export interface Protocol {
  readonly id: ProtocolId;
  /** What becomes of every field of the published API: the source of losses, and of `ag compat`. */
  readonly fields: readonly FieldTable[];
  readonly counting?: TokenCounting;
  /** Throws GatewayError("invalid-request", …, { field }) for what cannot be understood. */
  parse(call: ClientRequest): ParsedCall;
  encodeError(error: GatewayError, requestId: string): ErrorReply;
}

/** A protocol that is loaded when it is first needed: most gateways are asked in one or two. */
export interface LazyProtocol {
  readonly id: ProtocolId;
  load(): Promise<Protocol>;
}
