import type { EncodeContext } from "../../core/protocol.ts";
import type { Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { noPicture, picturesIn } from "./pictures.ts";
import { looksOf, type ReplyForm, usageReply } from "./reply.ts";

/** The pictures of all answers. Throws GatewayError, saying why, when there is none. */
export function imagesReply(turns: readonly Turn[], context: EncodeContext, form: ReplyForm): JsonObject {
  const pictures = turns.flatMap(({ blocks }) => picturesIn(blocks));
  const [first] = pictures;
  const [turn] = turns;
  if (!first) throw noPicture(turn ?? { blocks: [], reason: "end", meta: {} });
  return {
    created: context.createdAt,
    ...looksOf(first, form),
    data: pictures.map(({ mimeType, data }) =>
      form.asUrl ? { url: `data:${mimeType};base64,${data}` } : { b64_json: data },
    ),
    usage: usageReply(turns),
  };
}
