import type { Protocol } from "../../core/protocol.ts";
import { response } from "./body.ts";
import { encodeError } from "./error.ts";
import { FIELDS } from "./fields.ts";
import { ITEM_FIELDS } from "./item-fields.ts";
import { readRequest } from "./request.ts";
import { responseEncoder } from "./stream.ts";

/** `POST /v1/responses`, as OpenAI publishes it and as its clients speak it. */
export const openaiResponses: Protocol = {
  id: "openai-responses",
  fields: [...FIELDS, ...ITEM_FIELDS],
  counting: {
    parse(call) {
      const { request, losses } = readRequest(call);
      return { request, losses };
    },
    reply: (tokens) => ({ object: "response.input_tokens", input_tokens: tokens }),
  },
  parse(call) {
    const { form, ...parsed } = readRequest(call);
    return {
      ...parsed,
      reply: {
        stream: (context) => responseEncoder(context, form),
        whole: (turn, context) => response(turn, context, form),
      },
    };
  },
  encodeError,
};
