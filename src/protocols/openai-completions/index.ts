import type { Protocol } from "../../core/protocol.ts";
import { completion } from "./body.ts";
import { encodeError } from "./error.ts";
import { bodyFields, streamOptionFields } from "./fields.ts";
import { readRequest } from "./request.ts";
import { chunkEncoder } from "./stream.ts";

/** `POST /v1/completions`, the API before chat, served by chat models: each prompt becomes one user turn. */
export const openaiCompletions: Protocol = {
  id: "openai-completions",
  fields: [bodyFields, streamOptionFields],
  parse(call) {
    const { form, requests, ...parsed } = readRequest(call);
    return {
      ...parsed,
      reply: {
        stream: (context) => chunkEncoder(context, form),
        whole: (turn, context) => completion([turn], context, form),
      },
      ...(requests.length > 1 && {
        several: { requests, order: "in-turn", whole: (turns, context) => completion(turns, context, form) },
      }),
    };
  },
  encodeError,
};
