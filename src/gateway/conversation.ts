import type { Family } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";

/**
 * A text that stays the same over the turns of one conversation and differs between conversations: the id that the client
 * gave it (`clientSession` says where ids are looked for and which goes first), else a digest of what does not change while
 * a conversation grows: family, end user, system text, first user text. The end user alone is no conversation: all of one
 * person's would become one.
 */
export function conversationKey(request: GenerateRequest, family: Family, hash: (text: string) => string): string {
  if (request.session !== undefined) return `client:${request.session}`;
  const firstUser = request.contents.find((content) => content.role === "user");
  const firstText = firstUser?.parts.find((part) => part.text !== undefined)?.text ?? "";
  return `derived:${hash([family, request.user ?? "", ...request.system, firstText].join("\u0000"))}`;
}
