import type { Family } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";

/**
 * A text that stays the same over the turns of one conversation and differs between conversations: the client's own
 * id, else a digest of what does not change while a conversation grows (system text, first user text, family).
 */
export function conversationKey(request: GenerateRequest, family: Family, hash: (text: string) => string): string {
  if (request.session !== undefined) return `client:${request.session}`;
  const firstUser = request.contents.find((content) => content.role === "user");
  const firstText = firstUser?.parts.find((part) => part.text !== undefined)?.text ?? "";
  return `derived:${hash([family, ...request.system, firstText].join("\u0000"))}`;
}
