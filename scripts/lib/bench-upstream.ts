/**
 * The strict server's fast mode as a process of its own, once for each kind of answer, over one set of accounts. Prints its
 * addresses as one JSON line.
 */
import { type CloudCodeServer, startCloudCode } from "../../tests/support/cloudcode/index.ts";

export const CALL_PATH = "/v1internal:streamGenerateContent?alt=sse";
/**
 * Answers that come as a model writes. `paced` is a quick one; a thousand of those would be more than one core can pass on,
 * with or without a gateway, so that a thousand streams are measured with the slower ones.
 */
export const PACES = {
  paced: { everyMs: 20, events: 200 },
  slow: { everyMs: 50, events: 100 },
} as const;

/** `short`: two events at once, `burst`: 201 at once. */
export type AnswerKind = "short" | "burst" | keyof typeof PACES;

export type UpstreamAddress = Pick<CloudCodeServer, "url" | "tokenUrl" | "userinfoUrl">;

if (import.meta.main) {
  const short = await startCloudCode({ fast: { events: 1, delivery: "at-once" } });
  const { world } = short;
  const burst = await startCloudCode({ world, fast: { events: 200, delivery: "at-once" } });
  const paced = await startCloudCode({ world, fast: { ...PACES.paced, delivery: "paced" } });
  const slow = await startCloudCode({ world, fast: { ...PACES.slow, delivery: "paced" } });
  const address = ({ url, tokenUrl, userinfoUrl }: CloudCodeServer): UpstreamAddress => ({
    url,
    tokenUrl,
    userinfoUrl,
  });
  const addresses = { short: address(short), burst: address(burst), paced: address(paced), slow: address(slow) };
  console.log(JSON.stringify(addresses satisfies Record<AnswerKind, UpstreamAddress>));
}
