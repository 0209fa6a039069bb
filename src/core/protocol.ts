import type { JsonObject } from "../lib/json.ts";
import type { GatewayError } from "./errors.ts";
import type { GenerateRequest } from "./request.ts";
import type { Turn, TurnEvent } from "./turn.ts";

/** A field of the client's request that was not honoured as written. */
export interface Loss {
  /** Path in the client's spelling: "tools[3]", "logit_bias". */
  field: string;
  /** One short clause: what happened to it. */
  why: string;
}

export interface ClientRequest {
  /** The parsed JSON body; nothing about its shape is known yet. */
  body: unknown;
  headers: Headers;
}

export interface ParsedCall {
  request: GenerateRequest;
  stream: boolean;
  losses: readonly Loss[];
  /**
   * Upstreams do not know what the client speaks and name what they lose in one way: messages, system, tools,
   * tool_choice, web_search, thinking, response_format, max_tokens, stop_sequences, temperature, top_p, top_k, seed,
   * presence_penalty, frequency_penalty. This is the field in which this very request said it.
   */
  fieldName(canonical: string): string;
  /** Writes the answer in the form this very call asked for. */
  reply: ReplyEncoder;
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
}

export interface StreamEncoder {
  /** Events in, text of complete SSE frames out ("" when there is nothing to say yet). `turn-end` writes the terminator. */
  push(events: readonly TurnEvent[]): string;
  /** The protocol's error form, legal after any prefix of events and before any. Never the success terminator. */
  fail(error: GatewayError): string;
  /** A frame that the protocol's clients count as a sign of life. */
  keepAlive(): string;
}

export interface ReplyEncoder {
  stream(context: EncodeContext): StreamEncoder;
  whole(turn: Turn, context: EncodeContext): JsonObject;
}

export interface ErrorReply {
  status: number;
  body: JsonObject;
}

/** One client-facing wire protocol. Pure: no clock, no randomness, no IO. */
export interface Protocol {
  readonly id: "anthropic" | "openai-chat";
  /** Throws GatewayError("invalid-request", …, { field }) for what cannot be understood. */
  parse(call: ClientRequest): ParsedCall;
  encodeError(error: GatewayError, requestId: string): ErrorReply;
}
