import type { JsonObject } from "../lib/json.ts";

/** One entry of the body's `contents`. */
export type WireContent = { role: "user" | "model"; parts: JsonObject[] };

/** Accepted by every Gemini model in place of the signature of a call whose own one is lost. Never sent to another family. */
export const SIGNATURE_SENTINEL = "skip_thought_signature_validator";
