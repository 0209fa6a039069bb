import type { Upstream } from "../../core/upstream.ts";
import { attempt, type AttemptDeps } from "../shared/attempt.ts";
import { readBuckets } from "./buckets.ts";
import { type CallDeps, callHosts } from "./call.ts";
import { countTokens } from "./count-tokens.ts";
import { envelope } from "./envelope.ts";
import type { Hosts } from "./hosts.ts";
import { fetchModels } from "./models.ts";
import { sessionId } from "./session-id.ts";

export { userAgent } from "./headers.ts";
export { hostsFor, type Hosts } from "./hosts.ts";
export { discoverProject } from "./project.ts";

export interface CloudCodeDeps extends CallDeps, AttemptDeps {
  hosts: Hosts;
  newUuid(): string;
}

/** The Cloud Code service behind `Upstream`. Always streams; sets no timers: deadlines come by signal. */
export function createCloudCode(deps: CloudCodeDeps): Upstream<"antigravity"> {
  return {
    kind: "antigravity",

    stream(call, { accountId, accessToken, projectId }, signal) {
      return attempt(
        call,
        "cloudcode",
        ({ body, requestType }) => {
          const writeBody = envelope({
            projectId,
            model: call.model.id,
            requestType,
            sessionId: sessionId(accountId, call.conversationKey),
            body,
          });
          return callHosts(
            {
              hosts: deps.hosts.generate,
              method: "streamGenerateContent?alt=sse",
              accessToken,
              pool: accountId,
              accept: "text/event-stream",
              body: () => writeBody(`agent-${deps.newUuid()}`),
            },
            signal,
            deps,
          );
        },
        deps,
        signal,
      );
    },

    countTokens: (call, credential, signal) => countTokens(call, credential, deps.hosts, signal, deps),
    discoverModels: (credential, signal) => fetchModels(credential, deps.hosts, signal, deps),
    readBuckets: (credential, signal) => readBuckets(credential, deps.hosts, signal, deps),
  };
}
