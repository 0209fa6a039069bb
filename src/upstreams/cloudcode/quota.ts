import * as v from "valibot";
import type { Quota } from "../../core/quota.ts";
import { lenient } from "../../lib/schema.ts";

/** What is left of a window, as several methods write it. A protobuf float of 0 is not written at all: absent means used up. */
export const quotaFields = {
  remainingFraction: v.nullish(v.number(), 0),
  resetTime: lenient(v.string()),
};

export function readQuota(written: { remainingFraction: number; resetTime?: string | undefined }): Quota {
  const remainingFraction = Math.min(1, Math.max(0, written.remainingFraction));
  const resetAt = Date.parse(written.resetTime ?? "");
  return Number.isNaN(resetAt) ? { remainingFraction } : { remainingFraction, resetAt };
}
