import { unwrapped } from "./prompt.ts";
import type { DemoBlob, DemoCall, DemoContent, DemoResult } from "./request.ts";

/** What the user side said since the model's last answer. */
export interface LatestTurn {
  /** The user's own words: the last text that is not a client's reminder; "" when there is none. */
  prompt: string;
  /** Results of tools, each with the call it answers. */
  results: { result: DemoResult; call?: DemoCall }[];
  media: DemoBlob[];
}

// Agent clients put notes to the model into the user's turn, between these tags.
const REMINDER = /<system-reminder>[\s\S]*?<\/system-reminder>/g;
// Clients that ask for a title wrap the conversation they want named.
const SESSION = /<session>\s*([\s\S]*?)\s*<\/session>/;

export function latestTurn(contents: readonly DemoContent[]): LatestTurn {
  const { start, end } = latestRange(contents);
  const parts = contents.slice(start, end).flatMap((content) => content.parts);
  const calls = contents[start - 1]?.parts.flatMap(({ functionCall }) => functionCall ?? []) ?? [];
  const results = parts.flatMap(({ functionResponse }) => functionResponse ?? []);
  return {
    prompt: unwrapped(userTexts(contents.slice(start, end)).at(-1) ?? ""),
    results: results.map((result, index) => {
      const call = calls.find(({ id }) => id !== undefined && id === result.id) ?? calls[index];
      return call ? { result, call } : { result };
    }),
    media: parts.flatMap(({ inlineData, functionResponse }) => [
      ...(inlineData ? [inlineData] : []),
      ...(functionResponse?.parts.flatMap((nested) => nested.inlineData ?? []) ?? []),
    ]),
  };
}

/** What the user wrote over the whole conversation, reminders removed, in order. */
export function userTexts(contents: readonly DemoContent[]): string[] {
  return contents
    .filter(({ role }) => role !== "model")
    .flatMap(({ parts }) => parts.flatMap(({ text }) => text ?? []))
    .map((text) => text.replace(REMINDER, "").trim())
    .map((text) => SESSION.exec(text)?.[1] ?? text)
    .filter((text) => text !== "");
}

/** The contents that can come from a cache: all before the latest turn. */
export function earlierContents(contents: readonly DemoContent[]): DemoContent[] {
  return contents.slice(0, latestRange(contents).start);
}

/** A conversation may end with the beginning of an answer; the latest turn is then the one before it. */
function latestRange(contents: readonly DemoContent[]): { start: number; end: number } {
  const end = contents.findLastIndex(({ role }) => role !== "model") + 1;
  return { start: contents.slice(0, end).findLastIndex(({ role }) => role === "model") + 1, end };
}
