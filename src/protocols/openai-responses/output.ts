import { type Grounding, readGrounding } from "../../core/grounding.ts";
import { mediaAsText } from "../../core/media-text.ts";
import { customInput } from "../../core/openai/tools.ts";
import type { BlockHead, StopReason, TurnMeta } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { ReplyForm } from "./reply.ts";
import { sealSummary, sealThinking } from "./sealed.ts";
import type { OwnTool } from "./tools.ts";

// The items of an answer as they stand when they are done; a stream announces them with less in them.

type ItemStatus = "in_progress" | "completed" | "incomplete";

type ToolHead = Extract<BlockHead, { kind: "tool" }>;

export const reasoningId = (newId: () => string) => `rs_${newId()}`;
export const messageId = (newId: () => string) => `msg_${newId()}`;

/** Whether thinking has an item: it must have something to show or something to bring back. */
export function hasReasoning(text: string, signature: string | undefined, form: ReplyForm): boolean {
  return !form.compacts && ((form.showThinking && text !== "") || signature !== undefined);
}

/**
 * What is needed to send the thinking back is always sealed in it, whether the client asks for it or not: answers that are
 * kept are sent back from what is kept.
 */
export function reasoningItem(id: string, text: string, signature: string | undefined, form: ReplyForm): JsonObject {
  return {
    id,
    type: "reasoning",
    summary: form.showThinking && text !== "" ? [summaryText(text)] : [],
    ...(signature !== undefined && { encrypted_content: sealThinking({ text, signature }) }),
  };
}

export function summaryText(text: string): JsonObject {
  return { type: "summary_text", text };
}

export function messageItem(id: string, status: ItemStatus, content: JsonObject[]): JsonObject {
  return { id, type: "message", status, role: "assistant", content };
}

export function outputText(text: string, annotations: JsonObject[] = []): JsonObject {
  return { type: "output_text", text, annotations, logprobs: [] };
}

/** A call as an item, the events that write its input, and what they write. */
export interface CallItem {
  item: JsonObject;
  /** Absent: the item is announced with everything in it. */
  input?: { text: string; event: string; field: string };
}

export function callItem({ id: callId, name, args }: ToolHead, { names }: ReplyForm, newId: () => string): CallItem {
  const own = names.own(name);
  const { form } = own;
  if (form === "custom") {
    const input = customInput(args);
    const head = { id: `ctc_${newId()}`, type: "custom_tool_call", status: "completed", call_id: callId };
    return {
      item: { ...head, ...ownName(own), input },
      input: { text: input, event: "response.custom_tool_call_input", field: "input" },
    };
  }
  if (form === "function") {
    const text = JSON.stringify(args);
    const head = { id: `fc_${newId()}`, type: "function_call", status: "completed", call_id: callId };
    return {
      item: { ...head, ...ownName(own), arguments: text },
      input: { text, event: "response.function_call_arguments", field: "arguments" },
    };
  }
  const id = form.idPrefix + newId();
  return { item: { id, type: form.callType, status: "completed", call_id: callId, ...form.callFields(args) } };
}

function ownName({ name, namespace }: OwnTool): JsonObject {
  return { name, ...(namespace !== undefined && { namespace }) };
}

/** Images are items; media of other kinds have none and become text. */
export function mediaText(mimeType: string, data: string): string | undefined {
  return mimeType.startsWith("image/") ? undefined : mediaAsText(mimeType, data);
}

export function imageItem(mimeType: string, result: string, newId: () => string): JsonObject {
  const format = mimeType.slice("image/".length);
  return { id: `ig_${newId()}`, type: "image_generation_call", status: "completed", result, output_format: format };
}

export function compactionItem(summary: string, newId: () => string): JsonObject {
  return { id: `cmp_${newId()}`, type: "compaction", encrypted_content: sealSummary(summary) };
}

export function searchItem({ queries, sources }: Grounding, form: ReplyForm, newId: () => string): JsonObject {
  return {
    id: `ws_${newId()}`,
    type: "web_search_call",
    status: "completed",
    action: {
      type: "search",
      query: queries[0] ?? "",
      queries,
      ...(form.listSources && { sources: sources.map(({ url }) => ({ type: "url", url })) }),
    },
  };
}

/** In the place of a search that the client insisted on and upstream did not make: nothing found is no success. */
export function failedSearchItem(reason: StopReason, form: ReplyForm, newId: () => string): JsonObject | undefined {
  if (!form.mustSearch || reason !== "end") return undefined;
  const action = { type: "search", query: "", queries: [] };
  return { id: `ws_${newId()}`, type: "web_search_call", status: "failed", action };
}

/** One part of a message: a text block of the answer, or media as text, which nothing is cited in. */
export interface TextPart {
  text: string;
  isBlock: boolean;
}

export interface Citations {
  grounding: Grounding;
  /** The annotations of each of the parts, in their order. */
  annotations: JsonObject[][];
}

/** What the answer rests on, if it was searched for. `parts`: all its texts in order. */
export function readCitations(meta: TurnMeta, parts: readonly TextPart[]): Citations | undefined {
  const blocks = parts.filter(({ isBlock }) => isBlock);
  const grounding = readGrounding(
    meta,
    blocks.map(({ text }) => text),
  );
  if (!grounding) return undefined;
  const byPart = new Map(blocks.map((part): [TextPart, JsonObject[]] => [part, []]));
  for (const { block, start, end, sources } of grounding.spans) {
    const part = blocks[block];
    for (const index of sources) {
      const source = grounding.sources[index];
      if (!part || !source) continue;
      const { url, title } = source;
      byPart.get(part)?.push({ type: "url_citation", start_index: start, end_index: end, url, title });
    }
  }
  return { grounding, annotations: parts.map((part) => byPart.get(part) ?? []) };
}
