import { contentTokens } from "./tokens.ts";
import type { WireRequest } from "./wire-types.ts";

/** What upstream remembers of prompts: for one account, model and session the contents of the last turn. */
export interface PromptCache {
  /**
   * Tokens of this prompt that the cache holds. There are some only when system text and tools are byte for byte those of
   * the turn before and its contents are the beginning of these.
   */
  tokens(prompt: Prompt): number;
  /** The prompt was answered. */
  remember(prompt: Prompt): void;
}

export interface Prompt {
  account: string;
  model: string;
  request: WireRequest;
}

export function promptCache(): PromptCache {
  const remembered = new Map<string, { head: string; contents: readonly string[]; tokens: number }>();
  return {
    tokens(prompt) {
      const { head, contents } = written(prompt);
      const earlier = remembered.get(keyOf(prompt));
      if (earlier?.head !== head || earlier.contents.length >= contents.length) return 0;
      const isBeginning = earlier.contents.every((content, index) => content === contents[index]);
      return isBeginning ? earlier.tokens : 0;
    },
    remember(prompt) {
      const tokens = contentTokens(prompt.request.contents ?? []);
      remembered.set(keyOf(prompt), { ...written(prompt), tokens });
    },
  };
}

function keyOf({ account, model, request }: Prompt): string {
  return JSON.stringify([account, model, request.sessionId]);
}

function written({ request }: Prompt): { head: string; contents: string[] } {
  const head = JSON.stringify([request.systemInstruction, request.tools, request.toolConfig]);
  return { head, contents: (request.contents ?? []).map((content) => JSON.stringify(content)) };
}
