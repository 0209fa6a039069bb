import { GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { JsonObject } from "../lib/json.ts";
import { METHODS } from "./method-address.ts";

/** How model lists look to the client that asks. */
export type ListShape = "openai" | "anthropic" | "gemini";

/**
 * The address decides where it is Google's own. Elsewhere Anthropic clients always send `anthropic-version`, Gemini clients
 * Google's header for their key and no other; everything else is taken for an OpenAI client.
 */
export function listShape(headers: Headers, pathname: string): ListShape {
  if (/\/v1(?:alpha|beta)(?:\/|$)/.test(pathname)) return "gemini";
  if (headers.has("anthropic-version")) return "anthropic";
  const hasOtherKey = headers.has("authorization") || headers.has("x-api-key");
  return headers.has("x-goog-api-key") && !hasOtherKey ? "gemini" : "openai";
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
  if (shape === "gemini") {
    return {
      name: `models/${model.id}`,
      baseModelId: model.id,
      version: model.id,
      displayName: model.displayName,
      description: `${model.displayName}, served by this gateway`,
      inputTokenLimit: model.contextTokens,
      outputTokenLimit: model.maxOutputTokens,
      supportedGenerationMethods: [...METHODS],
      thinking: model.thinking !== undefined,
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

/** Throws GatewayError("invalid-request") for a page that cannot be. */
export function listModels(models: readonly ModelProfile[], shape: ListShape, query: URLSearchParams): JsonObject {
  if (shape === "openai") return { object: "list", data: models.map((model) => describeModel(model, shape)) };
  if (shape === "gemini") return listPage(models, query);
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

const MOST_PER_PAGE = 1000;

/** Google's pages: `pageSize` (50 when absent or 0, never more than 1000) and the `pageToken` of the page before. */
function listPage(models: readonly ModelProfile[], query: URLSearchParams): JsonObject {
  const asked = Number(query.get("pageSize") ?? query.get("page_size") ?? 0);
  if (!Number.isInteger(asked) || asked < 0) {
    throw new GatewayError("invalid-request", "pageSize: expected a whole number, at least 0", { field: "pageSize" });
  }
  const size = Math.min(asked || 50, MOST_PER_PAGE);
  const token = query.get("pageToken") ?? query.get("page_token") ?? "";
  // A token is the name of the last model that was listed: it means the same when models come and go in between.
  const last = models.findIndex(({ id }) => id === token);
  if (token !== "" && last === -1) {
    throw new GatewayError("invalid-request", "pageToken: it is not of this list (any more); ask again without it", {
      field: "pageToken",
    });
  }
  const page = models.slice(last + 1, last + 1 + size);
  const hasMore = last + 1 + size < models.length;
  return {
    models: page.map((model) => describeModel(model, "gemini")),
    ...(hasMore && { nextPageToken: page.at(-1)?.id ?? "" }),
  };
}
