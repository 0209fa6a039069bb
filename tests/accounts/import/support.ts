/** Writes protobuf messages as the app does, and as other writers of its database have. */

export type Field = [number: number, value: string | Uint8Array | number];

export function message(...fields: Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === "number") return Buffer.concat([varint(number * 8), varint(value)]);
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
    }),
  );
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return new Uint8Array([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export interface TokenInfo {
  access?: string;
  refresh?: string;
}

export function tokenInfo({ access = "ya29.test-access", refresh }: TokenInfo): Uint8Array {
  return message(
    [1, access],
    [2, "Bearer"],
    ...(refresh === undefined ? [] : [[3, refresh] satisfies Field]),
    [4, message([1, 1786000000], [2, 5])],
    [5, "eyJ-test-id-token"],
    [6, 1],
  );
}

/** One entry of a Topic as the app writes it: the payload in base64, in field 1 of the row. */
export function entry(key: string, payload: Uint8Array): Field {
  return [1, message([1, key], [2, message([1, base64(payload)])])];
}

/** A Topic as it stands in the database. */
export function topic(...entries: Field[]): string {
  return base64(message(...entries));
}
