import { readFileSync } from "node:fs";
import { JsoncError, parseJsonc, type TextPosition } from "./jsonc.ts";

/** Where a setting stands in the configuration file; `undefined` where it does not stand there any more. */
export function settingPosition(file: string, path: readonly string[]): TextPosition | undefined {
  try {
    return parseJsonc(readFileSync(file, "utf8")).positionOf(path);
  } catch (cause) {
    // The settings in use were read a moment ago: somebody is just writing the file.
    if (cause instanceof JsoncError || cause instanceof Error) return undefined;
    throw cause;
  }
}
