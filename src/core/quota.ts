/** What is left of a window. */
export interface Quota {
  /** In [0, 1]. */
  remainingFraction: number;
  /** Unix ms. An untouched window names one too: it is no proof of a limit. */
  resetAt?: number;
}

/** A window shared by several models, from the service's summary. */
export interface QuotaBucket extends Quota {
  /** Upstream's id: "gemini-5h", "3p-weekly". */
  id: string;
  /** The models it covers, as far as the id tells. */
  covers?: "gemini" | "others";
  /** "5h", "weekly", or whatever upstream calls it. */
  window: string;
  /** For people: "Gemini". */
  group: string;
}

/** What one account said about its models and their quota. */
export interface QuotaReading {
  /** Unix ms. */
  readAt: number;
  /** By upstream model id: everything the account offers. `undefined`: it offers the model and does not say how much is left. */
  models: ReadonlyMap<string, Quota | undefined>;
  /** Empty where the host offers no summary. */
  buckets: readonly QuotaBucket[];
}
