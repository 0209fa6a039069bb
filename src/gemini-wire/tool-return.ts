import type { JsonObject } from "../lib/json.ts";

/** Undoes, for one request, what lowering did to tool names and schemas: the model's calls come back as the client declared them. */
export interface ToolReturn {
  /** `wireName` and `args` as upstream sent them. An undeclared name is returned unchanged, never guessed. */
  restore(wireName: string, args: JsonObject): { name: string; args: JsonObject };
}
