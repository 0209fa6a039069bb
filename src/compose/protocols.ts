import type { LazyProtocol, Protocol, ProtocolId } from "../core/protocol.ts";
import type { Protocols } from "../http/inference-routes.ts";

/** Each is loaded when it is first needed. */
export const protocols: Protocols = {
  anthropic: lazily("anthropic", async () => (await import("../protocols/anthropic/index.ts")).anthropic),
  openaiChat: lazily("openai-chat", async () => (await import("../protocols/openai-chat/index.ts")).openaiChat),
  openaiResponses: lazily(
    "openai-responses",
    async () => (await import("../protocols/openai-responses/index.ts")).openaiResponses,
  ),
  openaiCompletions: lazily(
    "openai-completions",
    async () => (await import("../protocols/openai-completions/index.ts")).openaiCompletions,
  ),
  openaiImageGenerations: lazily(
    "openai-images",
    async () => (await import("../protocols/openai-images/index.ts")).openaiImageGenerations,
  ),
  openaiImageEdits: lazily(
    "openai-images",
    async () => (await import("../protocols/openai-images/index.ts")).openaiImageEdits,
  ),
  gemini: lazily("gemini", async () => (await import("../protocols/gemini/index.ts")).gemini),
};

function lazily(id: ProtocolId, load: () => Promise<Protocol>): LazyProtocol {
  let loading: Promise<Protocol> | undefined;
  return { id, load: () => (loading ??= load()) };
}

/** So that the first request of each need not wait for it. */
export async function preloadProtocols(): Promise<void> {
  for (const { load } of Object.values(protocols)) await load();
}
