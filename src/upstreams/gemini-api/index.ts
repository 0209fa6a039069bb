import type { Upstream } from "../../core/upstream.ts";
import type { Fetch } from "../../lib/fetch.ts";
import { attempt, type AttemptDeps } from "../shared/attempt.ts";
import { officialBody } from "./body.ts";
import { callApi, tellingOfKey } from "./call.ts";
import { countTokens } from "./count-tokens.ts";
import { fetchModels } from "./models.ts";

export interface GeminiApiDeps extends AttemptDeps {
  fetch: Fetch;
  /** Without a trailing slash; the API's version may be part of it. */
  baseUrl: string;
  /** "ag/1.2.3". */
  userAgent: string;
}

/** Google's official Gemini API behind `Upstream`. Always streams; sets no timers: deadlines come by signal. */
export function createGeminiApi(deps: GeminiApiDeps): Upstream<"gemini-api-key"> {
  return {
    kind: "gemini-api-key",

    stream(call, credential, signal) {
      const path = `models/${encodeURIComponent(call.model.id)}:streamGenerateContent?alt=sse`;
      const turn = attempt(
        call,
        "official",
        ({ body }) => {
          const text = JSON.stringify(officialBody(body));
          return callApi({ method: "POST", path, credential, body: () => text }, signal, deps);
        },
        deps,
        signal,
      );
      return tellingOfKey(turn);
    },

    countTokens: (call, credential, signal) => countTokens(call, credential, signal, deps),
    discoverModels: (credential, signal) => fetchModels(credential, signal, deps),

    /** The API tells of limits only by refusing. */
    readBuckets: async () => [],
  };
}
