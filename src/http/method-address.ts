import { percentDecoded } from "../lib/percent.ts";

/** The methods of a model that are served. */
export const METHODS: readonly string[] = ["generateContent", "streamGenerateContent", "countTokens"];

/**
 * What stands behind `/models/` in the address of a method: `<model>:<method>`, or `<model>/countTokens` as older clients
 * write it. `undefined` for what names no method that is served.
 */
export function readMethodAddress(rest: string): { model: string; method: string } | undefined {
  const asked = percentDecoded(rest).replace(/\/+$/, "");
  const [, model = "", method = ""] = /^(.+)[:/]([A-Za-z]+)$/.exec(asked) ?? [];
  return METHODS.includes(method) ? { model, method } : undefined;
}
