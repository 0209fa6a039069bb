import * as v from "valibot";
import { GatewayError, type FailureKind } from "../../core/errors.ts";
import type { QuotaBucket } from "../../core/quota.ts";
import type { CredentialOf } from "../../core/upstream.ts";
import type { JsonObject } from "../../lib/json.ts";
import { lenient } from "../../lib/schema.ts";
import { callForObject, type CallDeps } from "./call.ts";
import type { Hosts } from "./hosts.ts";
import { quotaFields, readQuota } from "./quota.ts";

/** The account's 5-hour and weekly windows; none where no host has the method. Throws GatewayError. */
export async function readBuckets(
  { accountId, accessToken, projectId }: CredentialOf<"antigravity">,
  hosts: Hosts,
  signal: AbortSignal,
  deps: CallDeps,
): Promise<QuotaBucket[]> {
  const call = {
    hosts: hosts.generate,
    method: "retrieveUserQuotaSummary",
    accessToken,
    pool: accountId,
    body: () => JSON.stringify({ project: projectId }),
  };
  try {
    return bucketsIn(await callForObject(call, signal, deps));
  } catch (cause) {
    if (cause instanceof GatewayError && isMissingMethod(cause)) return [];
    throw cause;
  }
}

/** What the beginning of a bucket's id says about the models it covers. */
const COVERED: ReadonlyMap<string, NonNullable<QuotaBucket["covers"]>> = new Map([
  ["gemini", "gemini"],
  ["3p", "others"],
]);

const MISSING_STATUSES: ReadonlySet<number | undefined> = new Set([404, 405, 501]);
/** A missing project or a client that is too old are 404s too, and no missing method. */
const MISSING_KINDS: ReadonlySet<FailureKind> = new Set(["model-missing", "unavailable", "invalid-request"]);

function isMissingMethod({ kind, detail }: GatewayError): boolean {
  return MISSING_STATUSES.has(detail.upstreamStatus) && MISSING_KINDS.has(kind);
}

const text = lenient(v.pipe(v.string(), v.trim(), v.nonEmpty()));
const list = v.fallback(v.array(v.unknown()), []);
const Summary = v.looseObject({ groups: list });
const Group = v.looseObject({ displayName: text, buckets: list });
const Bucket = v.looseObject({
  bucketId: v.pipe(v.string(), v.nonEmpty()),
  window: text,
  displayName: text,
  ...quotaFields,
});

function bucketsIn(answer: JsonObject): QuotaBucket[] {
  return v.parse(Summary, answer).groups.flatMap((group) => {
    const read = v.safeParse(Group, group);
    return read.success ? read.output.buckets.flatMap((bucket) => bucketIn(bucket, read.output.displayName)) : [];
  });
}

/** None for an entry that cannot be read: it must not cost the others. */
function bucketIn(entry: unknown, groupName: string | undefined): QuotaBucket[] {
  const read = v.safeParse(Bucket, entry);
  if (!read.success) return [];
  const { bucketId: id, window, displayName } = read.output;
  const [prefix = "", ...rest] = id.split("-");
  const covers = COVERED.get(prefix);
  return [
    {
      id,
      ...(covers && { covers }),
      window: window ?? displayName ?? (rest.join("-") || id),
      group: groupName ?? prefix,
      ...readQuota(read.output),
    },
  ];
}
