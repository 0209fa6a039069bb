import type { Protocol } from "../../core/protocol.ts";
import { encodeMessage } from "./body.ts";
import { encodeError } from "./error.ts";
import { FIELDS } from "./fields.ts";
import { parseMessages } from "./request.ts";
import { encodeStream } from "./stream.ts";

/** The Anthropic Messages API. */
export const anthropic: Protocol = {
  id: "anthropic",
  fields: FIELDS,
  counting: {
    parse: parseMessages,
    reply: (tokens) => ({ input_tokens: tokens }),
  },
  parse(call) {
    const { form, ...parsed } = parseMessages(call);
    return {
      ...parsed,
      reply: {
        stream: (context) => encodeStream(context, form),
        whole: (turn, context) => encodeMessage(turn, context, form),
      },
    };
  },
  encodeError,
};
