import { approximated, fieldTable, harmless, mapped, refused, type Treatment } from "../../core/field-table.ts";

const isAuto = (value: unknown) => value === "auto";
const only = (format: string) => harmless(`only has a meaning with ${format} output, which is refused`);

/** What both ways to ask for pictures have in common. */
const COMMON: Readonly<Record<string, Treatment>> = {
  model: mapped,
  prompt: mapped,
  background: approximated("pictures come without transparency", (value) => value === "opaque" || isAuto(value)),
  complexity: approximated("the upstream has no such setting"),
  frame_count: only("GIF"),
  frame_duration_ms: only("GIF"),
  n: mapped,
  output_compression: approximated("pictures come as the model makes them", (value) => value === 100),
  output_format: approximated("the model chooses the format; the reply names it"),
  partial_images: approximated("only finished pictures are sent", (value) => value === 0),
  quality: mapped,
  response_format: mapped,
  safety_identifier: mapped,
  size: mapped,
  stream: mapped,
  user: mapped,

  // What OpenAI has not published and clients of these models send all the same.
  aspectRatio: mapped,
  aspect_ratio: mapped,
  imageSize: mapped,
  image_size: mapped,
};

export const generationFields = fieldTable("images/generations", {
  ...COMMON,
  moderation: approximated("the upstream applies its own safety rules", isAuto),
  style: approximated("the models take a style in the prompt only"),
  svg: only("SVG"),
});

export const editFields = fieldTable("images/edits", {
  ...COMMON,
  image: mapped,
  /** How the edits of JSON requests are given their pictures. */
  images: mapped,
  input_fidelity: approximated("the upstream has no such setting"),
  markup: refused("the models take no overlay; describe the change in the prompt"),
  mask: refused("the models take no mask; describe in the prompt what shall change"),
  // Not published for edits, and harmless to those who send it to both.
  moderation: approximated("the upstream applies its own safety rules", isAuto),
});
