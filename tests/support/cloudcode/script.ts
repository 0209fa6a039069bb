import type { WireEnvelope } from "./wire-types.ts";

export interface CallInfo {
  /** `streamGenerateContent`, `loadCodeAssist`, …, `token`. */
  method: string;
  model?: string;
  /** The account's e-mail. */
  account?: string;
  body: WireEnvelope;
}

/** Which calls a scripted answer is for. Without `method`: generation calls only. */
export interface When {
  method?: string;
  model?: string;
  account?: string;
  where?: (info: CallInfo) => boolean;
}

export interface Script<A> {
  /** Queues one answer; the first entry that fits a call is used up by it. */
  next(answer: A, when?: When): void;
  /** Answers every fitting call that no queued entry takes; the latest wins. */
  always(answer: A, when?: When): void;
  take(info: CallInfo): A | undefined;
  /** Queued answers that no call has taken. */
  left(): number;
  clear(): void;
}

const GENERATION: ReadonlySet<string> = new Set(["streamGenerateContent", "generateContent"]);

export function script<A>(): Script<A> {
  const queue: { answer: A; when: When }[] = [];
  const standing: { answer: A; when: When }[] = [];
  return {
    next: (answer, when = {}) => void queue.push({ answer, when }),
    always: (answer, when = {}) => void standing.unshift({ answer, when }),
    take(info) {
      const index = queue.findIndex((entry) => fits(entry.when, info));
      if (index >= 0) return queue.splice(index, 1)[0]?.answer;
      return standing.find((entry) => fits(entry.when, info))?.answer;
    },
    left: () => queue.length,
    clear() {
      queue.length = 0;
      standing.length = 0;
    },
  };
}

function fits(when: When, info: CallInfo): boolean {
  if (when.method === undefined ? !GENERATION.has(info.method) : when.method !== info.method) return false;
  if (when.model !== undefined && when.model !== info.model) return false;
  if (when.account !== undefined && when.account !== info.account) return false;
  return when.where?.(info) ?? true;
}
