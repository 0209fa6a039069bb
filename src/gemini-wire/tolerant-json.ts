import { tryParseJson, type JsonValue } from "../lib/json.ts";

/** Only error documents are known to be written badly, and those are small. */
const REPAIRABLE_CHARACTERS = 256 * 1024;

const STRING_OR_STRAY_COMMA = /"[^"\\]*(?:\\[^][^"\\]*)*"|,\s*(?=[,}\]])/g;

/**
 * Parses JSON and, when that fails, once more without the stray commas that the service sometimes writes
 * (`{"code":429, ,"status":…}`). `undefined` when the text is not JSON even then.
 */
export function parseTolerantly(text: string): JsonValue | undefined {
  const parsed = tryParseJson(text);
  if (parsed !== undefined || text.length > REPAIRABLE_CHARACTERS) return parsed;
  const repaired = text.replace(STRING_OR_STRAY_COMMA, (match) => (match.startsWith('"') ? match : ""));
  return repaired === text ? undefined : tryParseJson(repaired);
}
