import type { LossList } from "../../core/losses.ts";
import { invalid } from "../../core/openai/check.ts";
import { ASPECT_RATIOS, IMAGE_SIZES, type ImageOptions, type ImageSize } from "../../core/request.ts";
import { type ImageRequest, QUALITIES } from "./schema.ts";

/** How far the width over height of what is served may be from what was asked for. */
const RATIO_TOLERANCE = 0.05;

/** The most pixels that are asked of each size before the next one is: 1792x1024 still is a small picture, 2560x1440 none. */
const MOST_PIXELS_1K = 1_900_000;
const MOST_PIXELS_2K = 5_000_000;

/** The side of a square picture, which alone has exactly as many pixels as its size says. */
const SQUARE_SIDE = { "1K": 1024, "2K": 2048, "4K": 4096 } as const;

interface Pixels {
  width: number;
  height: number;
}

/**
 * What the pictures shall look like. What is said in the service's own terms wins over `quality`, and that over what `size`
 * suggests. Absent members were not asked for: the model's name may still say something about them.
 */
export function readImageOptions(request: ImageRequest, losses: LossList): ImageOptions {
  const asked = readSize(request.size);
  const size =
    readSizeName(request) ??
    (request.quality && QUALITIES[request.quality]) ??
    asked?.sizeName ??
    sizeOf(asked?.pixels);
  const aspectRatio = readRatioName(request) ?? asked?.ratio ?? ratioOf(asked?.pixels);
  if (asked?.pixels) reportInexact(asked.pixels, aspectRatio, size, losses);
  return { ...(aspectRatio !== undefined && { aspectRatio }), ...(size && { size }) };
}

/** `size` as OpenAI has it, "1536x1024" or "auto"; also what other services take there: "16:9", "2K". */
function readSize(
  size: string | undefined,
): { pixels?: Pixels; ratio?: string; sizeName?: ImageSize | undefined } | undefined {
  if (size === undefined || size === "auto") return undefined;
  if (ASPECT_RATIOS.includes(size)) return { ratio: size };
  const sizeName = sizeNamed(size);
  if (sizeName) return { sizeName };
  const [, width = "", height = ""] = /^(\d{1,5})\s*[x×*]\s*(\d{1,5})$/.exec(size) ?? [];
  const pixels = { width: Number(width), height: Number(height) };
  if (pixels.width === 0 || pixels.height === 0) {
    throw invalid("size", `Invalid value for 'size': expected "auto" or a width and a height like "1536x1024".`);
  }
  return { pixels };
}

function sizeNamed(name: string): ImageSize | undefined {
  return IMAGE_SIZES.find((size) => size.toLowerCase() === name);
}

function readSizeName(request: ImageRequest): ImageSize | undefined {
  const [field, name] = firstGiven(request, ["image_size", "imageSize"]);
  if (name === undefined || name === "auto") return undefined;
  const size = sizeNamed(name);
  if (!size) throw invalid(field, `Invalid value for '${field}'. Supported values are: ${IMAGE_SIZES.join(", ")}.`);
  return size;
}

function readRatioName(request: ImageRequest): string | undefined {
  const [field, name] = firstGiven(request, ["aspect_ratio", "aspectRatio"]);
  if (name === undefined || name === "auto") return undefined;
  const ratio = name.replace(/^(\d+)\s*[x/]\s*(\d+)$/, "$1:$2");
  if (!ASPECT_RATIOS.includes(ratio)) {
    throw invalid(field, `Invalid value for '${field}'. Supported values are: ${ASPECT_RATIOS.join(", ")}.`);
  }
  return ratio;
}

type NamedOption = "image_size" | "imageSize" | "aspect_ratio" | "aspectRatio";

function firstGiven(
  request: ImageRequest,
  fields: readonly [NamedOption, NamedOption],
): [NamedOption, string | undefined] {
  const field = request[fields[0]] === undefined ? fields[1] : fields[0];
  return [field, request[field]];
}

/** The nearest of the service's ratios, else a square. */
function ratioOf(pixels: Pixels | undefined): string | undefined {
  if (!pixels) return undefined;
  const asked = pixels.width / pixels.height;
  const distance = (ratio: string) => Math.abs(ratioValue(ratio) - asked);
  const best = ASPECT_RATIOS.reduce((nearest, ratio) => (distance(ratio) < distance(nearest) ? ratio : nearest));
  return distance(best) <= RATIO_TOLERANCE ? best : "1:1";
}

function ratioValue(ratio: string): number {
  const [width = 1, height = 1] = ratio.split(":").map(Number);
  return width / height;
}

/** The size that many pixels suggest; few suggest none, because clients send small sizes without a thought. */
function sizeOf(pixels: Pixels | undefined): ImageSize | undefined {
  const count = pixels ? pixels.width * pixels.height : 0;
  if (count <= MOST_PIXELS_1K) return undefined;
  return count <= MOST_PIXELS_2K ? "2K" : "4K";
}

function reportInexact(
  { width, height }: Pixels,
  aspectRatio: string | undefined,
  size: ImageSize | undefined,
  losses: LossList,
): void {
  const side = SQUARE_SIDE[size ?? "1K"];
  if (aspectRatio === "1:1" && width === side && height === side) return;
  losses.add(
    "size",
    `the upstream takes an aspect ratio and not pixels: ${aspectRatio ?? "its own"} at ${size ?? "1K"}`,
  );
}
