import * as v from "valibot";
import type { LimitsReport } from "./report.ts";

const text = v.nullable(v.string());
const time = v.pipe(v.string(), v.isoTimestamp());
const remaining = {
  remainingFraction: v.nullable(v.number()),
  resetAt: v.nullable(time),
  resetInSeconds: v.nullable(v.number()),
};

/** Loose: a newer server may say more, which is handed on. */
const schema = v.looseObject({
  at: time,
  accounts: v.array(
    v.looseObject({
      handle: v.string(),
      kind: v.string(),
      label: text,
      tier: text,
      state: v.string(),
      reason: text,
      url: text,
      inFlight: v.number(),
      readAt: v.nullable(time),
      readFailure: text,
      buckets: v.array(v.looseObject({ id: v.string(), group: v.string(), window: v.string(), ...remaining })),
      models: v.array(
        v.looseObject({
          id: v.string(),
          ...remaining,
          limited: v.boolean(),
          freeAt: v.nullable(time),
          freeInSeconds: v.nullable(v.number()),
          why: v.array(
            v.looseObject({
              by: v.picklist(["cooldown", "bucket", "quota"]),
              text: v.string(),
              until: v.nullable(time),
            }),
          ),
          cooldown: v.nullable(
            v.looseObject({
              kind: v.string(),
              since: time,
              until: time,
              inSeconds: v.number(),
              evidence: v.string(),
            }),
          ),
        }),
      ),
    }),
  ),
}) satisfies v.GenericSchema<unknown, LimitsReport>;

/** The report in a server's answer; `undefined` when it is something else. */
export function parseLimitsReport(value: unknown): LimitsReport | undefined {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : undefined;
}
