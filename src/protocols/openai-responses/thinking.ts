import type { ThinkingRequest } from "../../core/request.ts";
import type { ResponsesRequest } from "./schema.ts";

type Effort = NonNullable<ResponsesRequest["reasoning"]>["effort"];

interface ThinkingWish {
  thinking?: ThinkingRequest;
  /** Whether summaries of reasoning are shown: only to clients that ask for them, as OpenAI does it. */
  show: boolean;
}

/** `updated`: the effort that the last `configuration_update` of the conversation set; it replaces the request's. */
export function readThinking({ reasoning }: ResponsesRequest, updated: Effort): ThinkingWish {
  const { effort = undefined, summary, generate_summary: oldSummary } = reasoning ?? {};
  const show = (summary ?? oldSummary ?? "none") !== "none";
  const thinking = ofEffort(updated ?? effort) ?? (show ? { type: "adaptive" } : undefined);
  return { ...(thinking && { thinking }), show };
}

function ofEffort(effort: Effort): ThinkingRequest | undefined {
  if (effort === undefined) return undefined;
  return effort === "none" ? { type: "off" } : { type: "effort", effort };
}
