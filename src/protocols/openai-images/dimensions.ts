import { decodeBase64 } from "../../lib/data-url.ts";

interface Dimensions {
  width: number;
  height: number;
}

/** Metadata and a preview may stand before a JPEG's frame header. Divisible by four: whole base64 groups. */
const MOST_HEAD_DIGITS = 256 * 1024;

/** The pixels of a PNG or JPEG, read from its first bytes; `undefined` for anything else. */
export function dimensionsOf(base64: string): Dimensions | undefined {
  const bytes = decodeBase64(base64.slice(0, MOST_HEAD_DIGITS));
  if (!bytes || bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return base64.startsWith("iVBORw0KGgo") ? pngDimensions(view) : jpegDimensions(view);
}

/** The first chunk of a PNG is its header: width and height after the signature and the chunk's length and name. */
function pngDimensions(view: DataView): Dimensions {
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** JPEG: segments of marker and length, until one that begins a frame: precision, height, width. */
function jpegDimensions(view: DataView): Dimensions | undefined {
  if (view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++; // any number of them may fill the space before a marker
      continue;
    }
    if (beginsFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** SOF0 to SOF15, without the three among them that are tables (DHT, JPG, DAC). */
function beginsFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
