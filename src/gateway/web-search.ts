import { GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { GenerateRequest } from "../core/request.ts";

/** How a request is served that may want a web search; any other is served as it is. */
export interface SearchPlan {
  model: ModelProfile;
  /** The request to serve; the same object when nothing had to change. */
  request: GenerateRequest;
  losses: Loss[];
}

/**
 * Upstream searches only where nothing else is declared, and only some models do. A search that stands alone is served by
 * the model asked for if it is one of `searchModels` (best first; called only when it matters), else by the best of them.
 * Where the client insists on a search beside functions, the functions are left out: they could not be called in that turn.
 * Searches that are merely offered beside functions are left to the lowering, which drops them with a loss.
 *
 * `fieldName`: as in `ParsedCall`. Throws `invalid-request` when no model can search.
 */
export async function planSearch(
  request: GenerateRequest,
  asked: ModelProfile,
  searchModels: () => Promise<readonly ModelProfile[]>,
  fieldName: (canonical: string) => string,
): Promise<SearchPlan> {
  const unchanged = { model: asked, request, losses: [] };
  const { webSearch, tools, toolChoice } = request;
  if (!webSearch || toolChoice?.mode === "none" || asked.image) return unchanged;
  if (tools.length > 0 && !webSearch.forced) return unchanged;

  const losses: Loss[] = [];
  const model = await searchModel(asked, searchModels, fieldName);
  if (model.id !== asked.id) losses.push({ field: fieldName("web_search"), why: `searched with ${model.id}` });
  if (tools.length === 0) return { model, request, losses };
  losses.push({ field: fieldName("tools"), why: "functions are left out of a turn that must search" });
  const { toolChoice: _, ...rest } = request;
  return { model, request: { ...rest, tools: [] }, losses };
}

async function searchModel(
  asked: ModelProfile,
  searchModels: () => Promise<readonly ModelProfile[]>,
  fieldName: (canonical: string) => string,
): Promise<ModelProfile> {
  const candidates = await searchModels();
  const [best] = candidates;
  if (candidates.some(({ id }) => id === asked.id)) return asked;
  if (best) return best;
  // Nobody says which models search: a Gemini model may, and if it does not, its answer tells.
  if (asked.family === "gemini") return asked;
  throw new GatewayError(
    "invalid-request",
    `Web search is not available on ${asked.displayName}, and no model on the list searches the web in its place; leave the search tool out`,
    { field: fieldName("web_search") },
  );
}
