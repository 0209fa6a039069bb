import { GatewayError } from "./errors.ts";

/** A field of the client's request that was not honoured as written. */
export interface Loss {
  /** Path in the client's spelling: "tools[3]", "logit_bias". */
  field: string;
  /** One short clause: what happened to it. */
  why: string;
}

/** Collects losses; of the same loss in many items of a list only the first is kept. */
export interface LossList {
  add(field: string, why: string): void;
  all(): readonly Loss[];
}

export function lossList(): LossList {
  const found = new Map<string, Loss>();
  return {
    add(field, why) {
      const key = `${field.replace(/\[\d+\]/g, "[]")} ${why}`;
      if (!found.has(key)) found.set(key, { field, why });
    },
    all: () => [...found.values()],
  };
}

/** Why a field of which nothing is known is a loss. */
export const UNKNOWN_FIELD = "this field is not known";

/** Strict mode: a request is refused rather than served with a loss. */
export function refuseLoss({ field, why }: Loss): never {
  throw new GatewayError("invalid-request", `${field}: ${why} (strict mode)`, { field });
}
