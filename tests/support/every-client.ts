import { chatClient, messagesClient } from "./clients.ts";
import { completionsClient } from "./completions-client.ts";
import { geminiClient } from "./gemini-client.ts";
import { responsesClient } from "./responses-client.ts";

/** What all text protocols have in common. */
export type AnyClient = typeof completionsClient & { streamPath?: string };

export const EVERY_CLIENT: readonly AnyClient[] = [
  messagesClient,
  chatClient,
  responsesClient,
  geminiClient,
  completionsClient,
];

/** For `describe.each`: by path. */
export const EVERY_PATH = EVERY_CLIENT.map((client) => [client.path, client] as const);

export function pathOf({ path, streamPath = path }: AnyClient, stream: boolean): string {
  return stream ? streamPath : path;
}
