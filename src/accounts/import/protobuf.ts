/** A length-delimited field: a text, bytes, or a message. */
export interface BytesField {
  number: number;
  bytes: Uint8Array;
}

const WIRE_TYPE = { varint: 0, eightBytes: 1, lengthDelimited: 2, fourBytes: 5 } as const;

/**
 * The length-delimited fields of a message in order; those of other types are skipped. `undefined` for what is no message:
 * strict, because it also decides whether bytes are one.
 */
export function readMessage(bytes: Uint8Array): BytesField[] | undefined {
  const fields: BytesField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    if (tag === undefined) return undefined;
    at = tag.end;
    const number = Math.floor(tag.value / 8);
    if (number < 1 || number > 0x1fffffff) return undefined;
    switch (tag.value % 8) {
      case WIRE_TYPE.varint: {
        const skipped = readVarint(bytes, at);
        if (skipped === undefined) return undefined;
        at = skipped.end;
        break;
      }
      case WIRE_TYPE.eightBytes:
        at += 8;
        break;
      case WIRE_TYPE.fourBytes:
        at += 4;
        break;
      case WIRE_TYPE.lengthDelimited: {
        const length = readVarint(bytes, at);
        if (length === undefined || length.value > bytes.length - length.end) return undefined;
        at = length.end + length.value;
        fields.push({ number, bytes: bytes.subarray(length.end, at) });
        break;
      }
      default:
        return undefined; // groups have not been written for decades
    }
    if (at > bytes.length) return undefined;
  }
  return fields;
}

const LONGEST_VARINT = 10;

/** Exact up to 2^53; larger values, which only skipped fields have, are rounded. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < LONGEST_VARINT; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  return undefined;
}

/** The text of the last field of that number, as a parser that overwrites would have it. `undefined` when absent or no UTF-8. */
export function textOf(fields: readonly BytesField[], number: number): string | undefined {
  const field = fields.findLast((each) => each.number === number);
  return field === undefined ? undefined : decodeText(field.bytes);
}

export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined; // "no text" is an answer here, not a failure
  }
}
