import type { Verification } from "../../accounts/verify.ts";
import { fullMessage } from "../../core/errors.ts";
import type { QuotaReading } from "../../core/quota.ts";
import { durationText } from "../../lib/duration-text.ts";
import { zoneTimes } from "../../limits/zone-times.ts";
import { plain, wrapped } from "../terminal.ts";
import { nameOf, PROBLEM_TEXT, remedyFor } from "./text.ts";
import { publicView } from "./view.ts";

const INDENT = "    ";

/** What one verification found, for a person: a line that says how it stands, then details and what to do. */
export function verificationText(verification: Verification, now: number, maxWidth: number): string {
  const [standing = "", ...details] = lines(verification, now);
  const head = `${nameOf(verification.account)}: ${standing}`;
  return [head, ...details.map((line) => INDENT + line)].map((line) => wrapped(line, maxWidth, INDENT)).join("\n");
}

function lines({ account, result }: Verification, now: number): string[] {
  const { problem, handle } = account;
  switch (result.type) {
    case "ready": {
      const ended = result.ended === undefined ? "" : ` again, ${result.ended} is over`;
      return [`ready${ended}`, factsText(account, result.reading), ...quotaLines(result.reading, now)];
    }
    case "not-asked":
      if (result.because === "disabled")
        return [`disabled, so it was not asked`, `To use it: ag accounts enable ${handle}`];
      return [`${PROBLEM_TEXT["terms-block"]}, so it was not asked`, ...remedyFor(account)];
    case "needs-owner":
      if (problem === undefined)
        return ["changed while it was being verified", `Run it again: ag accounts verify ${handle}`];
      return [PROBLEM_TEXT[problem.type], plain(problem.message), ...remedyFor(account)];
    case "failed":
      return ["could not be verified", plain(fullMessage(result.error))];
    default:
      return result satisfies never;
  }
}

function factsText({ tier, projectId, kind }: Verification["account"], { models }: QuotaReading): string {
  const facts = [
    kind === "antigravity" ? `tier ${tier ?? "unknown"}` : "official API key",
    ...(projectId === undefined ? [] : [`project ${projectId}`]),
    `${models.size} ${models.size === 1 ? "model" : "models"}`,
  ];
  return plain(facts.join(", "));
}

/** The shared windows where the service tells them, else the models that are not full. */
function quotaLines({ buckets, models }: QuotaReading, now: number): string[] {
  if (buckets.length > 0) {
    const groups = Map.groupBy(buckets, ({ group }) => group);
    return [...groups].map(([group, windows]) => {
      const parts = windows.map(({ window, ...quota }) => `${window} ${leftText(quota, now)}`);
      return plain(`${group}: ${parts.join(", ")}`);
    });
  }
  return [...models].flatMap(([model, quota]) =>
    quota === undefined || quota.remainingFraction >= 1 ? [] : [plain(`${model}: ${leftText(quota, now)}`)],
  );
}

function leftText(
  { remainingFraction, resetAt }: { remainingFraction: number; resetAt?: number },
  now: number,
): string {
  const left = `${Math.floor(remainingFraction * 100)} % left`;
  if (remainingFraction >= 1 || resetAt === undefined || resetAt <= now) return left;
  return `${left} (resets in ${durationText(resetAt - now)}, ${zoneTimes().short(resetAt, now)})`;
}

/** The same for scripts. */
export function verificationView({ account, result }: Verification) {
  return {
    ...publicView(account),
    verification: result.type,
    ...(result.type === "ready" && {
      ended: result.ended,
      models: [...result.reading.models].map(([id, quota]) => ({ id, ...quotaView(quota) })),
      windows: result.reading.buckets.map((bucket) => ({
        id: bucket.id,
        group: bucket.group,
        window: bucket.window,
        ...quotaView(bucket),
      })),
    }),
    ...(result.type === "not-asked" && { because: result.because }),
    ...(result.type === "failed" && { error: { kind: result.error.kind, message: fullMessage(result.error) } }),
  };
}

function quotaView(quota: { remainingFraction: number; resetAt?: number } | undefined) {
  return {
    remainingFraction: quota?.remainingFraction ?? null,
    resetAt: quota?.resetAt === undefined ? null : new Date(quota.resetAt).toISOString(),
  };
}
