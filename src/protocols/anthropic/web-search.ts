import type { CitedSpan, Grounding, Source } from "../../core/grounding.ts";
import type { GenerateRequest } from "../../core/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { textBlock } from "./message.ts";

/** Whether the answer may rest on a search. `forced`: without one the client is told that searching failed. */
export type SearchForm = "none" | "offered" | "forced";

/** Beside other tools nothing is searched for, unless the client insists: then the search stands alone all the same. */
export function searchForm({ webSearch, tools, toolChoice }: GenerateRequest): SearchForm {
  if (!webSearch) return "none";
  if (webSearch.forced) return "forced";
  return tools.length === 0 && toolChoice?.mode !== "none" ? "offered" : "none";
}

const COMMAND = /^\s*perform a web search\b/i;

/**
 * Whether the client insists on a search although it leaves the choice to the model: Claude Code does so in the one
 * message that it sends in order to search.
 */
export function commandsSearch({ webSearch, tools, toolChoice, contents }: GenerateRequest): boolean {
  if (!webSearch || tools.length > 0 || toolChoice?.mode === "none" || contents.length !== 1) return false;
  const texts = contents[0]?.parts.flatMap(({ text }) => text ?? []) ?? [];
  return COMMAND.test(texts.at(-1) ?? "");
}

/**
 * The search as the API shows it, before the first block of the answer: a call and what it found. Upstream names all
 * queries but not which of them found what, so they share one call. No result is never told as success.
 */
export function searchBlocks(form: SearchForm, grounding: Grounding | undefined, id: string): JsonObject[] {
  if (!grounding && form !== "forced") return [];
  const sources = grounding?.sources ?? [];
  const caller = { type: "direct" };
  return [
    {
      type: "server_tool_use",
      id: `srvtoolu_${id}`,
      name: "web_search",
      input: { query: grounding?.queries.join("; ") ?? "" },
      caller,
    },
    {
      type: "web_search_tool_result",
      tool_use_id: `srvtoolu_${id}`,
      content:
        sources.length > 0
          ? sources.map(searchResult)
          : { type: "web_search_tool_result_error", error_code: "unavailable" },
      caller,
    },
  ];
}

/** How many searches the client is told of; `undefined`: none. */
export function searchCount(grounding: Grounding | undefined): number | undefined {
  return grounding && Math.max(1, grounding.queries.length);
}

function searchResult({ url, title }: Source): JsonObject {
  return { type: "web_search_result", url, title, encrypted_content: "", page_age: null };
}

/** One visible text, divided so that each cited stretch is a block of its own. */
export function citedBlocks(text: string, block: number, { spans, sources }: Grounding): JsonObject[] {
  const blocks: JsonObject[] = [];
  let done = 0;
  for (const span of spans) {
    if (span.block !== block) continue;
    if (span.start > done) blocks.push(textBlock(text.slice(done, span.start)));
    const cited = text.slice(span.start, span.end);
    blocks.push({ ...textBlock(cited), citations: citations(span, cited, sources) });
    done = span.end;
  }
  if (done < text.length) blocks.push(textBlock(text.slice(done)));
  return blocks;
}

/** Upstream does not quote the pages: what is cited is the stretch of the answer that they support. */
function citations(span: CitedSpan, cited: string, sources: readonly Source[]): JsonObject[] {
  return span.sources.flatMap((index) => {
    const source = sources[index];
    if (!source) return [];
    return [{ type: "web_search_result_location", ...source, cited_text: cited, encrypted_index: "" }];
  });
}
