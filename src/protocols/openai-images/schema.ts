import * as v from "valibot";
import { options } from "../../core/openai/check.ts";
import { isJsonObject } from "../../lib/json.ts";
import { wholeNumber } from "../../lib/schema.ts";

/** Forms have texts only: numbers and switches are read from them, and an empty field says as little as an absent one. */
function fromText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value.trim();
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : value;
}

function withoutEmpty(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key, entry]) => entry !== "" || key === "prompt"));
}

const plain = <Schema extends v.GenericSchema<unknown, unknown>>(schema: Schema) =>
  v.pipe(v.unknown(), v.transform(fromText), schema);

const word = v.pipe(v.string(), v.trim(), v.toLowerCase());

/** The quality of pictures as clients name it, and the size of those that come nearest. Absent: the model's choice. */
export const QUALITIES = {
  auto: undefined,
  low: "1K",
  standard: "1K",
  medium: "2K",
  high: "4K",
  hd: "4K",
  xhigh: "4K",
  max: "4K",
} as const;

const MOST_PICTURES = 10;

/** Both requests; what is no member of one of them is judged by its loss table. */
export const requestSchema = v.pipe(
  v.unknown(),
  v.transform(withoutEmpty),
  options({
    model: v.optional(v.string()),
    prompt: v.pipe(v.string(), v.regex(/\S/, "a description of the picture")),
    n: v.optional(plain(wholeNumber(1, MOST_PICTURES))),
    size: v.optional(word),
    quality: v.optional(v.pipe(word, v.picklist(Object.keys(QUALITIES) as (keyof typeof QUALITIES)[]))),
    image_size: v.optional(word),
    imageSize: v.optional(word),
    aspect_ratio: v.optional(word),
    aspectRatio: v.optional(word),
    response_format: v.optional(v.pipe(word, v.picklist(["b64_json", "url"]))),
    output_format: v.optional(v.pipe(word, v.picklist(["png", "jpeg", "webp"]))),
    output_compression: v.optional(plain(v.number())),
    background: v.optional(word),
    moderation: v.optional(word),
    partial_images: v.optional(plain(v.number())),
    stream: v.optional(plain(v.boolean())),
    user: v.optional(v.unknown()),
    safety_identifier: v.optional(v.unknown()),
    image: v.optional(v.unknown()),
    images: v.optional(v.unknown()),
  }),
);

export type ImageRequest = v.InferOutput<typeof requestSchema>;
