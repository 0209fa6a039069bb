import type { Loss } from "../core/losses.ts";
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import type { WireContent } from "./wire-content.ts";

/** How much of the conversation before a question goes with it, in characters: enough to know what "this one" means. */
const CONTEXT_CHARACTERS = 4_000;

/**
 * A conversation as the one user turn that a search takes (docs/wire.md, "Web search"): the latest of what was said, then the
 * last user's own words and attachments. What stands in none of it is a loss. A single turn stays as it is.
 */
export function asSearchQuestion(contents: readonly WireContent[], losses: Loss[]): WireContent[] {
  const last = contents.at(-1);
  if (last === undefined || contents.length === 1) return [...contents];
  const earlier = contents.slice(0, -1);
  const said = earlier.map(({ role, parts }) => ({ role, text: textOf(parts) })).filter(({ text }) => text !== "");
  const whole = said.map(({ role, text }) => `${role === "user" ? "User" : "Assistant"}: ${text}`).join("\n\n");
  const context = whole.slice(-CONTEXT_CHARACTERS).toWellFormed();
  if (context.length < whole.length || earlier.some(({ parts }) => parts.some(isWithoutWords))) {
    losses.push({ field: "messages", why: "a search takes one question: only the last words before it go with it" });
  }
  const question = textOf(last.parts);
  const text =
    context === ""
      ? question
      : `The conversation so far, for context:\n\n${context}\n\nSearch for this:\n\n${question}`;
  return [{ role: "user", parts: [...(text === "" ? [] : [{ text }]), ...last.parts.filter(isAttachment)] }];
}

function textOf(parts: readonly JsonObject[]): string {
  return parts
    .flatMap((part) => wordsOf(part) ?? [])
    .join("\n")
    .trim();
}

function wordsOf({ text, thought, functionResponse }: JsonObject): string | undefined {
  if (typeof text === "string") return thought === true ? undefined : text;
  return isJsonObject(functionResponse) ? `Result: ${JSON.stringify(functionResponse["response"])}` : undefined;
}

function isAttachment({ inlineData, fileData }: JsonObject): boolean {
  return inlineData !== undefined || fileData !== undefined;
}

function isWithoutWords(part: JsonObject): boolean {
  return part["thought"] !== true && wordsOf(part) === undefined;
}
