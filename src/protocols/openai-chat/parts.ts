import { checkFields } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { refuseField } from "../../core/openai/check.ts";
import { readContent } from "../../core/openai/content.ts";
import type { Part } from "../../core/request.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { partFields, partObjectFields } from "./fields.ts";

/** The parts of a message's `content`. */
export function readParts(content: unknown, field: string, losses: LossList): Part[] {
  return readContent(content, field, (type, part, at) => checkPart(type, part, at, losses));
}

function checkPart(type: string, part: JsonObject, field: string, losses: LossList): void {
  const table = Object.hasOwn(partFields, type) ? partFields[type] : undefined;
  if (!table) return;
  checkFields(table, part, field, losses, refuseField);
  if (type.endsWith("text") || type === "refusal") return;
  for (const [key, objectTable] of Object.entries(partObjectFields)) {
    const object = part[key];
    if (!isJsonObject(object)) continue;
    // With the content itself at hand, an id beside it asks for nothing.
    const asks = isAbsent(object["file_data"]) ? object : { ...object, file_id: null };
    checkFields(objectTable, asks, `${field}.${key}`, losses, refuseField);
  }
}
