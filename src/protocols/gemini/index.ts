import type { Protocol } from "../../core/protocol.ts";
import { response } from "./body.ts";
import { encodeError } from "./error.ts";
import { FIELDS } from "./fields.ts";
import { readCountRequest, readRequest } from "./request.ts";
import { chunkEncoder } from "./stream.ts";

/** `models/<model>:generateContent`, `:streamGenerateContent` and `:countTokens`, as Google publishes them. */
export const gemini: Protocol = {
  id: "gemini",
  fields: FIELDS,
  counting: {
    parse: readCountRequest,
    reply: (tokens) => ({ totalTokens: tokens }),
  },
  parse(call) {
    const { form, ...parsed } = readRequest(call);
    return {
      ...parsed,
      reply: {
        ...(form.asList && { streamType: "application/json" }),
        stream: (context) => chunkEncoder(context, form),
        whole: (turn, context) => response(turn, context, form),
      },
    };
  },
  encodeError,
};
