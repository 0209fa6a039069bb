import type { Protocol } from "../../core/protocol.ts";
import { completion } from "./body.ts";
import { encodeError } from "./error.ts";
import { FIELDS } from "./fields.ts";
import { readRequest } from "./request.ts";
import { chunkEncoder } from "./stream.ts";

/** `POST /v1/chat/completions`, as OpenAI publishes it and as its clients speak it. */
export const openaiChat: Protocol = {
  id: "openai-chat",
  fields: FIELDS,
  parse(call) {
    const { form, ...parsed } = readRequest(call);
    return {
      ...parsed,
      reply: {
        stream: (context) => chunkEncoder(context, form),
        whole: (turn, context) => completion(turn, context, form),
      },
    };
  },
  encodeError,
};
