import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import { turnCollector, type TurnEvent } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";
import { errorBody } from "./error.ts";
import { noPicture, picturesIn } from "./pictures.ts";
import { looksOf, NO_USAGE, type ReplyForm, usageReply } from "./reply.ts";

/**
 * Answers as events, one for each finished picture; an answer's usage stands in the event of its last. `push` throws
 * GatewayError, saying why, when all answers are there and none has a picture.
 */
export function eventEncoder(context: EncodeContext, form: ReplyForm, type: string): StreamEncoder {
  let collector = turnCollector();
  let answers = 0;
  let sent = 0;

  const endAnswer = (): string => {
    const turn = collector.turn();
    collector = turnCollector();
    answers++;
    const pictures = picturesIn(turn.blocks);
    sent += pictures.length;
    if (sent === 0 && answers === form.count) throw noPicture(turn);
    const event = (picture: (typeof pictures)[number], usage: JsonObject): JsonObject => ({
      type,
      b64_json: picture.data,
      created_at: context.createdAt,
      size: "auto",
      quality: "auto",
      ...looksOf(picture, form),
      usage,
    });
    return pictures
      .map((picture, index) => {
        const isLast = index === pictures.length - 1;
        const usage = usageReply([isLast ? turn : { usage: NO_USAGE, meta: {} }]);
        return sseFrame(JSON.stringify(event(picture, usage)), type);
      })
      .join("");
  };

  const encode = (event: TurnEvent): string => {
    collector.push([event]);
    return event.type === "turn-end" ? endAnswer() : "";
  };

  return {
    push(events) {
      let text = "";
      for (const event of events) text += encode(event);
      return text;
    },
    fail(error) {
      return sseFrame(JSON.stringify({ type: "error", ...errorBody(error) }), "error");
    },
    // A comment: clients take every event for a picture.
    keepAlive: () => ": keep-alive\n\n",
  };
}
