import { isJsonObject, tryParseJson } from "../lib/json.ts";
import { isAbsent } from "./lenient.ts";
import type { GenerateRequest } from "./request.ts";

/** What a request says about the conversation it belongs to; anything may stand in a field. */
export interface ClientIds {
  /** The end user: Anthropic's `metadata.user_id`, OpenAI's `user`. Some clients write their session into it. */
  userId?: unknown;
  /** `prompt_cache_key`. */
  promptCacheKey?: unknown;
  /** `session_id`. */
  sessionId?: unknown;
  /** `conversation`: an id, or an object with an `id`. */
  conversation?: unknown;
  headers: Headers;
}

const SESSION_HEADERS = ["x-claude-code-session-id", "x-session-id", "session_id", "session-id", "x-session-affinity"];

/**
 * The client's own id of the conversation and of its end user. The first of these that is a text and not blank counts:
 * the session inside the user id, prompt_cache_key, session_id, the session headers, conversation. A plain user id names a
 * person and is no conversation.
 */
export function clientSession(ids: ClientIds): Pick<GenerateRequest, "session" | "user"> {
  const { promptCacheKey, sessionId, conversation, headers } = ids;
  const userId = idOf(ids.userId);
  const inside = idOf(sessionInside(userId));
  const candidates = [
    inside,
    promptCacheKey,
    sessionId,
    ...SESSION_HEADERS.map((name) => headers.get(name)),
    isJsonObject(conversation) ? conversation["id"] : conversation,
  ];
  const session = candidates.map(idOf).find((id) => id !== undefined);
  const user = inside === undefined ? userId : undefined;
  return { ...(session !== undefined && { session }), ...(user !== undefined && { user }) };
}

function idOf(value: unknown): string | undefined {
  const id = typeof value === "string" && !isAbsent(value) ? value.trim() : "";
  return id === "" ? undefined : id;
}

const UUID_SESSION = /_session_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Claude Code's two forms: `{"session_id":"…"}` and `user_…_session_<uuid>`. */
function sessionInside(userId: string | undefined): unknown {
  if (userId === undefined) return undefined;
  const parsed = userId.startsWith("{") ? tryParseJson(userId) : undefined;
  return isJsonObject(parsed) ? parsed["session_id"] : UUID_SESSION.exec(userId)?.[1];
}
