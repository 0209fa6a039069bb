import type { FieldTable } from "../../core/field-table.ts";
import type { Protocol } from "../../core/protocol.ts";
import type { Part } from "../../core/request.ts";
import { imagesReply } from "./body.ts";
import { encodeError } from "./error.ts";
import { editFields, generationFields } from "./fields.ts";
import { readReferences } from "./references.ts";
import { readRequest } from "./request.ts";
import type { ImageRequest } from "./schema.ts";
import { eventEncoder } from "./stream.ts";

/** `POST /v1/images/generations`: a prompt in, pictures out. */
export const openaiImageGenerations = imageProtocol(generationFields, () => [], "image_generation.completed");

/** `POST /v1/images/edits`: pictures and a prompt in, pictures out. Forms arrive as plain objects, like JSON. */
export const openaiImageEdits = imageProtocol(editFields, readReferences, "image_edit.completed");

function imageProtocol(table: FieldTable, references: (request: ImageRequest) => Part[], eventType: string): Protocol {
  return {
    id: "openai-images",
    fields: [table],
    parse(call) {
      const { form, ...parsed } = readRequest(call, table, references);
      const requests = Array.from({ length: form.count }, () => parsed.request);
      return {
        ...parsed,
        reply: {
          stream: (context) => eventEncoder(context, form, eventType),
          whole: (turn, context) => imagesReply([turn], context, form),
        },
        ...(requests.length > 1 && {
          several: { requests, order: "together", whole: (turns, context) => imagesReply(turns, context, form) },
        }),
      };
    },
    encodeError,
  };
}
