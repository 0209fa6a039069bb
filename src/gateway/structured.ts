import { GatewayError } from "../core/errors.ts";
import type { OutputFormat } from "../core/request.ts";
import type { TurnEvent, TurnMeta } from "../core/turn.ts";
import { jsonInText, type JsonInText } from "../lib/json-in-text.ts";
import { isValidAgainst } from "../lib/json-schema.ts";
import { isJsonObject } from "../lib/json.ts";

/**
 * An answer whose form is asked for in words only, as one batch when it is complete and was checked: its text is then
 * exactly the JSON, without the fence or the words around it. Throws `malformed-answer` when there is none, or none that is
 * valid; as nothing was given out by then, thinking neither, the request can be tried again. Turns that end otherwise than
 * with an answer (calls of tools, a limit, a filter) are left as they are, and so is every answer while `isUnenforced`
 * says no; it is asked at the first batch.
 */
export async function* checkedAnswer(
  batches: AsyncIterable<readonly TurnEvent[]>,
  format: OutputFormat,
  isUnenforced: () => boolean,
  onProgress: () => void,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const held: TurnEvent[] = [];
  for await (const batch of batches) {
    if (isUnenforced()) {
      onProgress();
      held.push(...batch);
    } else yield batch;
  }
  if (held.length > 0) yield checked(held, format);
}

function checked(events: readonly TurnEvent[], format: OutputFormat): readonly TurnEvent[] {
  const end = events.at(-1);
  if (end?.type !== "turn-end" || end.reason !== "end") return events;
  const texts = textsOf(events);
  const text = [...texts.values()].join("");
  const json = answerIn(text, format);
  if (json === undefined) {
    const what = format.type === "json" ? "JSON" : "JSON that is valid against the schema";
    throw new GatewayError("malformed-answer", `The model did not answer with ${what}`);
  }
  return text === json && texts.size === 1 ? events : withText(events, [...texts.keys()], json);
}

/** The texts of the text blocks, by their indexes. */
function textsOf(events: readonly TurnEvent[]): Map<number, string> {
  const texts = new Map<number, string>();
  for (const event of events) {
    if (event.type === "block-start" && event.head.kind === "text") texts.set(event.index, "");
    if (event.type !== "block-delta") continue;
    const before = texts.get(event.index);
    if (before !== undefined) texts.set(event.index, before + event.text);
  }
  return texts;
}

/** The one document in the text that is an answer; of several, none is known to be it. */
function answerIn(text: string, format: OutputFormat): string | undefined {
  const answers = jsonInText(text).filter((document) => isAnswer(document, format));
  const [answer = wordIn(text, format)] = answers;
  return answers.every((other) => other.text === answer?.text) ? answer?.text : undefined;
}

/** One of the words to choose from, which models give without the quotes that make it JSON. */
function wordIn(text: string, format: OutputFormat): JsonInText | undefined {
  if (format.type === "json" || !Array.isArray(format.schema["enum"])) return undefined;
  const value = text.trim();
  return isValidAgainst(format.schema, value) ? { text: JSON.stringify(value), value } : undefined;
}

function isAnswer({ value }: JsonInText, format: OutputFormat): boolean {
  if (format.type === "json") return isJsonObject(value) || Array.isArray(value);
  return isValidAgainst(format.schema, value);
}

/** The same turn with this text in the last of its text blocks, and without the others. */
function withText(events: readonly TurnEvent[], textIndexes: readonly number[], text: string): TurnEvent[] {
  const last = textIndexes.at(-1);
  const left = new Set(textIndexes.slice(0, -1));
  const indexes = new Map<number, number>();
  return events.flatMap((event): TurnEvent[] => {
    if (event.type === "turn-start") return [event];
    if (event.type === "turn-end") return [{ ...event, meta: withoutOffsets(event.meta) }];
    if (left.has(event.index) || (event.index === last && event.type === "block-delta")) return [];
    if (event.type === "block-start") indexes.set(event.index, indexes.size);
    const index = indexes.get(event.index) ?? 0;
    const moved = { ...event, index };
    return event.type === "block-start" && event.index === last
      ? [moved, { type: "block-delta", index, text }]
      : [moved];
  });
}

/** What grounding says about places in the text is true no more; its sources are. */
function withoutOffsets(meta: TurnMeta): TurnMeta {
  const { grounding } = meta;
  if (!isJsonObject(grounding)) return meta;
  const { groundingSupports: _, ...rest } = grounding;
  return { ...meta, grounding: rest };
}
