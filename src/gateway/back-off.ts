import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";

/** What all requests know of models that upstream has no capacity for. No account is to blame for that. */
export interface BackOff {
  /** Upstream refused the model; nobody should ask for it during the next `ms`. A longer rest is never shortened. */
  note(model: string, ms: number): void;
  /** What is left of the model's rest; 0: none. */
  restMs(model: string): number;
}

const MODELS = 1_000;

export function createBackOff(clock: Clock): BackOff {
  const until = new BoundedMap<number>(MODELS);
  const restMs = (model: string) => Math.max(0, (until.get(model) ?? 0) - clock.now());
  return {
    note(model, ms) {
      if (ms > restMs(model)) until.set(model, clock.now() + ms);
    },
    restMs,
  };
}
