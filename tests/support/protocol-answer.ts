import type { GatewayError } from "../../src/core/errors.ts";
import type { EncodeContext, ParsedCall, Protocol } from "../../src/core/protocol.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { collect, context, turnEvents } from "./turn-script.ts";

/** What a model says to one call. */
export interface Script {
  /** One for each answer. */
  turns: readonly (readonly TurnEvent[])[];
  /** What the call ends in: after all of the turns when it is streamed. */
  failure?: GatewayError | undefined;
}

/** The bytes that a protocol answers a call with, as the call asks: streamed, with a sign of life wherever one may come, or whole. */
export function answerOf(
  protocol: Protocol,
  call: ParsedCall,
  { turns, failure }: Script,
  encodeContext: EncodeContext = context(),
): Response {
  if (call.stream) {
    const encoder = call.reply.stream(encodeContext);
    const frames = [
      encoder.keepAlive(),
      ...turns.flat().map((event) => encoder.push([event]) + encoder.keepAlive()),
      failure ? encoder.fail(failure) : "",
    ];
    const type = call.reply.streamType ?? "text/event-stream; charset=utf-8";
    return new Response(frames.join(""), { headers: { "content-type": type } });
  }
  if (failure) {
    const { status, body } = protocol.encodeError(failure, "req_1");
    return Response.json(body, { status, headers: { "x-request-id": "req_1" } });
  }
  const whole = turns.map(collect);
  const [first = collect(turnEvents([]))] = whole;
  return Response.json(call.several?.whole(whole, encodeContext) ?? call.reply.whole(first, encodeContext));
}
