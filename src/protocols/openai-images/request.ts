import { clientSession } from "../../core/client-session.ts";
import { checkFields, type FieldTable } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import { lossList } from "../../core/losses.ts";
import { check, refuseField } from "../../core/openai/check.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { GenerateRequest, Part } from "../../core/request.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import { readImageOptions } from "./options.ts";
import type { ReplyForm } from "./reply.ts";
import { type ImageRequest, requestSchema } from "./schema.ts";

/** What a request without a model is served by: an alias, so that the shipped rules and the user's decide. */
const DEFAULT_MODEL = "image";

interface ReadRequest extends Omit<ParsedCall, "reply" | "several"> {
  form: ReplyForm;
}

/**
 * The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault.
 * `references`: the pictures that stand before the prompt.
 */
export function readRequest(
  { body, headers }: ClientRequest,
  table: FieldTable,
  references: (request: ImageRequest) => Part[],
): ReadRequest {
  const asked = check(requestSchema, body, "");
  const losses = lossList();
  checkFields(table, asked, "", losses, refuseField);
  const image = readImageOptions(asked, losses);
  const request: GenerateRequest = {
    model: asked.model ?? DEFAULT_MODEL,
    system: [],
    contents: [{ role: "user", parts: [...references(asked), { text: wellFormed(asked.prompt) }] }],
    tools: [],
    sampling: {},
    image,
    ...clientSession({ userId: isAbsent(asked.user) ? asked.safety_identifier : asked.user, headers }),
  };
  return {
    request,
    needsPictures: true,
    stream: asked.stream ?? false,
    losses: losses.all(),
    fieldName: (canonical) => fieldName(canonical, asked),
    form: {
      count: asked.n ?? 1,
      asUrl: asked.response_format === "url",
      ...(image.size && { size: image.size }),
    },
  };
}

/** Where a request can say what its pictures shall look like; the first that does is named for it. */
const LOOKS = ["image_size", "imageSize", "aspect_ratio", "aspectRatio", "quality", "size"] as const;

function fieldName(canonical: string, asked: ImageRequest): string {
  switch (canonical) {
    case "messages":
    case "system":
      return "prompt";
    case "image":
      return LOOKS.find((field) => asked[field] !== undefined) ?? canonical;
    default:
      return canonical;
  }
}
