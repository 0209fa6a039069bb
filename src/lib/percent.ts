/** The text that was percent-encoded; the text as it stands when it was not: a stray "%", bytes that are no UTF-8. */
export function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const PERCENT = 0x25;

/** The bytes that a percent-encoded text stands for; a stray "%" stands for itself. */
export function percentDecodedBytes(text: string): Uint8Array<ArrayBuffer> {
  const source = new TextEncoder().encode(text);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    let byte = source[at] ?? 0;
    if (byte === PERCENT) {
      const decoded = hexValue(source[at + 1]) * 16 + hexValue(source[at + 2]);
      if (decoded >= 0) {
        byte = decoded;
        at += 2;
      }
    }
    source[length++] = byte; // never ahead of what is still to be read
  }
  return source.slice(0, length);
}

function hexValue(byte: number | undefined): number {
  const digit = byte === undefined ? NaN : parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? -Infinity : digit;
}
