import { checkFields } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { refuseField } from "../../core/openai/check.ts";
import { readContent as readOpenAiContent } from "../../core/openai/content.ts";
import type { Part } from "../../core/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { contentFields } from "./item-fields.ts";

/** The parts of an item's `content` or of `instructions`. */
export function readContent(content: unknown, field: string, losses: LossList): Part[] {
  return readOpenAiContent(content, field, (type, part, at) => {
    const table = Object.hasOwn(contentFields, type) ? contentFields[type] : undefined;
    if (table) checkFields(table, hasContent(part) ? { ...part, file_id: null } : part, at, losses, refuseField);
  });
}

/** With the content itself at hand, an id beside it asks for nothing. */
function hasContent({ image_url: url, file_data: data, file_url: fileUrl }: JsonObject): boolean {
  return [url, data, fileUrl].some((value) => !isAbsent(value) && value !== "");
}
