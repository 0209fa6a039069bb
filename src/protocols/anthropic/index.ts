import type { Protocol } from "../../core/protocol.ts";
import { encodeMessage } from "./body.ts";
import { encodeError } from "./error.ts";
import { parseMessages } from "./request.ts";
import { encodeStream } from "./stream.ts";

/** The Anthropic Messages API. */
export const anthropic: Protocol = {
  id: "anthropic",
  parse(call) {
    const { display, ...parsed } = parseMessages(call);
    return {
      ...parsed,
      reply: {
        stream: (context) => encodeStream(context, display),
        whole: (turn, context) => encodeMessage(turn, context, display),
      },
    };
  },
  encodeError,
};
