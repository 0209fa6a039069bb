import type { JsonObject } from "../../lib/json.ts";

export interface FrameWriter {
  /** One event with the next sequence number. */
  frame(type: string, fields: JsonObject): string;
  /** The same, with `fields` in JSON. */
  written(type: string, fields: string): string;
  /** Events that differ in one text only: what surrounds it is written once. */
  deltas(type: string, fields: JsonObject): (delta: string) => string;
}

export function frameWriter(): FrameWriter {
  let sequence = 0;
  const opening = (type: string) => `event: ${type}\ndata: {"type":"${type}","sequence_number":`;
  const written = (type: string, fields: string) => `${opening(type)}${sequence++},${fields.slice(1)}\n\n`;
  return {
    frame: (type, fields) => written(type, JSON.stringify(fields)),
    written,
    deltas(type, fields) {
      const open = opening(type);
      const middle = `,${JSON.stringify(fields).slice(1, -1)},"delta":`;
      return (delta) => `${open}${sequence++}${middle}${JSON.stringify(delta)}}\n\n`;
    },
  };
}
