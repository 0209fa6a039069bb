import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import { ASPECT_RATIOS, type ImageOptions } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";

/** What an image model is told of the picture; `undefined`: it may do as it likes. */
export function imageConfig(
  options: ImageOptions | undefined,
  model: ModelProfile,
  losses: Loss[],
): JsonObject | undefined {
  const { aspectRatio, size } = options ?? {};
  const config: JsonObject = {};
  if (aspectRatio !== undefined && ASPECT_RATIOS.includes(aspectRatio)) config["aspectRatio"] = aspectRatio;
  else if (aspectRatio !== undefined) {
    losses.push({ field: "image", why: `${model.displayName} makes no pictures of ${aspectRatio}` });
  }
  // The models before Gemini 3 make one size.
  if (size !== undefined && model.generation !== "gemini-2.5") config["imageSize"] = size;
  else if (size !== undefined && size !== "1K") {
    losses.push({ field: "image", why: `${model.displayName} makes pictures of 1K only` });
  }
  return Object.keys(config).length > 0 ? config : undefined;
}

export function loseImageOptions(options: ImageOptions | undefined, model: ModelProfile, losses: Loss[]): void {
  if (options && Object.keys(options).length > 0) {
    losses.push({ field: "image", why: `left out: ${model.displayName} makes no pictures` });
  }
}
