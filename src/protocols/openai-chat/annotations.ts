import { readGrounding } from "../../core/grounding.ts";
import type { TurnMeta } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";

/** Follows the content that the client is given, so that the pages it rests on can be named at its end. */
export interface Annotator {
  /** A text block begins. */
  begin(): void;
  /** More of the text block. */
  text(text: string): void;
  /** Content that is no text of the model's: media in its written form. */
  other(content: string): void;
  /** `annotations` of the whole content; empty when nothing was searched for. Offsets are UTF-16 code units, `end_index` is exclusive. */
  annotations(meta: TurnMeta): JsonObject[];
}

export function annotator(): Annotator {
  const texts: string[] = [];
  /** Where each text begins in the content. */
  const starts: number[] = [];
  let length = 0;
  return {
    begin() {
      texts.push("");
      starts.push(length);
    },
    text(text) {
      texts.push((texts.pop() ?? "") + text);
      length += text.length;
    },
    other(content) {
      length += content.length;
    },
    annotations(meta) {
      const { spans, sources } = readGrounding(meta, texts) ?? { spans: [], sources: [] };
      return spans.flatMap((span) =>
        span.sources.flatMap((index) => {
          const source = sources[index];
          if (!source) return [];
          const begin = starts[span.block] ?? 0;
          const place = { start_index: begin + span.start, end_index: begin + span.end };
          return [{ type: "url_citation", url_citation: { ...place, ...source } }];
        }),
      );
    },
  };
}
