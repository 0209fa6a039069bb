import { decodeBase64 } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject, tryParseJson } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";

// What stands in `encrypted_content`. Clients bring it back as it is and read nothing of it; OpenAI seals what is theirs,
// and there is nothing here to hide from the client: it is base64 of JSON with a mark.

const MARK = "ag";

/** Thinking as the model signed it: the text must be exact, and clients may shorten or drop the summary. */
export interface SealedThinking {
  text: string;
  signature: string;
}

export function sealThinking({ text, signature }: SealedThinking): string {
  return seal({ [MARK]: 1, signature, text });
}

/** `undefined` for what others have sealed. */
export function openThinking(content: unknown): SealedThinking | undefined {
  const sealed = open(content);
  const { text, signature } = sealed ?? {};
  if (typeof text !== "string" || typeof signature !== "string" || signature === "") return undefined;
  return { text: wellFormed(text), signature: wellFormed(signature) };
}

export function sealSummary(summary: string): string {
  return seal({ [MARK]: 1, summary });
}

export function openSummary(content: unknown): string | undefined {
  const { summary } = open(content) ?? {};
  return typeof summary === "string" ? wellFormed(summary) : undefined;
}

function seal(content: JsonObject): string {
  return new TextEncoder().encode(JSON.stringify(content)).toBase64();
}

function open(content: unknown): JsonObject | undefined {
  const bytes = typeof content === "string" ? decodeBase64(content) : undefined;
  const parsed = bytes && tryParseJson(new TextDecoder().decode(bytes));
  return isJsonObject(parsed) && parsed[MARK] === 1 ? parsed : undefined;
}
