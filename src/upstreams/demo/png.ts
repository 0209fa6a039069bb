type Colour = readonly [red: number, green: number, blue: number];

/** An RGB picture as a PNG file; `colourAt` is asked for every pixel, coordinates in [0, 1). */
function encodePng(width: number, height: number, colourAt: (x: number, y: number) => Colour): Uint8Array {
  const stride = 1 + width * 3;
  const pixels = new Uint8Array(stride * height); // each row begins with its filter type, 0: none
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      pixels.set(colourAt(column / width, row / height), row * stride + 1 + column * 3);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, the only compression and filter methods, not interlaced
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("IDAT", zlibStream(pixels)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** RFC 1950 around RFC 1951. Not node:zlib: loading it takes longer than the whole start of the demo should. */
function zlibStream(data: Uint8Array<ArrayBuffer>): Uint8Array {
  const checksum = new DataView(new ArrayBuffer(4));
  checksum.setUint32(0, Bun.hash.adler32(data));
  return Buffer.concat([Uint8Array.of(0x78, 0x9c), Bun.deflateSync(data), new Uint8Array(checksum.buffer)]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Buffer.from(type, "latin1"), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, Bun.hash.crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** Width and height of a PNG file; undefined for anything else. */
export function pngSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Of the longer side, in pixels: a fraction of the real ones, for a demo is to answer at once. */
const SIZES: ReadonlyMap<string, number> = new Map([
  ["1K", 256],
  ["2K", 384],
  ["4K", 512],
]);

/**
 * A small seascape whose colours come from the prompt, in the ratio asked for ("16:9"; 1:1 when it is none) and, in miniature,
 * the size asked for ("2K"; 1K when it is none).
 */
export function paintPicture(prompt: string, aspectRatio: string, size: string): Uint8Array {
  const [across = 1, down = 1] = /^\d{1,2}:\d{1,2}$/.test(aspectRatio) ? aspectRatio.split(":").map(Number) : [];
  const scale = (SIZES.get(size) ?? 256) / Math.max(across, down, 1);
  const hue = [...prompt].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 360, 7);
  const sky = fromHue(hue);
  const sea = fromHue(hue + 150);
  const width = Math.max(1, Math.round(across * scale));
  const height = Math.max(1, Math.round(down * scale));
  return encodePng(width, height, (x, y) => {
    const horizon = 0.62 + 0.03 * Math.sin(x * 19 + hue);
    if (y > horizon) return shade(sea, 1.1 - (y - horizon) * 1.6);
    const fromSun = Math.hypot((x - 0.7) * across, (y - 0.3) * down) / Math.min(across, down);
    return fromSun < 0.13 ? [255, 236, 179] : shade(sky, 0.75 + y * 0.6);
  });
}

/** A soft colour: three waves a third of a circle apart. */
function fromHue(degrees: number): Colour {
  const wave = (offset: number) => 150 + 80 * Math.cos(((degrees + offset) * Math.PI) / 180);
  return [wave(0), wave(-120), wave(120)];
}

function shade(colour: Colour, factor: number): Colour {
  const [red, green, blue] = colour.map((part) => Math.max(0, Math.min(255, Math.round(part * factor))));
  return [red ?? 0, green ?? 0, blue ?? 0];
}
