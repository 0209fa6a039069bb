import { GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { JsonObject } from "../lib/json.ts";

/** How model lists look to the client that asks. */
export type ListShape = "openai" | "anthropic";

/** Anthropic clients always send `anthropic-version`; everything else is taken for an OpenAI client. */
export function listShape(headers: Headers): ListShape {
  return headers.has("anthropic-version") ? "anthropic" : "openai";
}

const OWNERS: Record<ModelProfile["family"], string> = { claude: "anthropic", gemini: "google", "gpt-oss": "openai" };

/** Upstream does not say when a model was released. */
const RELEASE_UNKNOWN = "1970-01-01T00:00:00Z";

export function describeModel(model: ModelProfile, shape: ListShape): JsonObject {
  if (shape === "anthropic") {
    return {
      type: "model",
      id: model.id,
      display_name: model.displayName,
      created_at: RELEASE_UNKNOWN,
      lifecycle: "active",
      deprecated_at: null,
      retires_at: null,
      line: null,
      capabilities: null,
      max_input_tokens: model.contextTokens,
      max_tokens: model.maxOutputTokens,
    };
  }
  return {
    id: model.id,
    object: "model",
    created: 0,
    owned_by: OWNERS[model.family],
    display_name: model.displayName,
    context_window: model.contextTokens,
    max_output_tokens: model.maxOutputTokens,
  };
}

export function listModels(models: readonly ModelProfile[], shape: ListShape, query: URLSearchParams): JsonObject {
  if (shape === "openai") return { object: "list", data: models.map((model) => describeModel(model, shape)) };
  const page = pageOf(models, query);
  return {
    data: page.models.map((model) => describeModel(model, shape)),
    has_more: page.hasMore,
    first_id: page.models.at(0)?.id ?? null,
    last_id: page.models.at(-1)?.id ?? null,
  };
}

/** Anthropic's cursors: `after_id`, `before_id`, `limit` (1 to 1000, 20 when absent). */
function pageOf(models: readonly ModelProfile[], query: URLSearchParams): { models: ModelProfile[]; hasMore: boolean } {
  const limit = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new GatewayError("invalid-request", "limit: must be an integer from 1 to 1000", { field: "limit" });
  }
  const before = query.get("before_id");
  if (before !== null) {
    const end = models.findIndex((model) => model.id === before);
    const start = Math.max(0, end - limit);
    return { models: models.slice(start, Math.max(0, end)), hasMore: start > 0 };
  }
  const start = models.findIndex((model) => model.id === query.get("after_id")) + 1;
  return { models: models.slice(start, start + limit), hasMore: start + limit < models.length };
}
