import { GatewayError } from "../../core/errors.ts";
import type { Upstream } from "../../core/upstream.ts";
import { readAnswer } from "../../gemini-wire/answer.ts";
import { withUsefulRepair } from "../../gemini-wire/classify.ts";
import { lowerRequest } from "../../gemini-wire/lower.ts";
import { type CallDeps, callHosts } from "./call.ts";
import { envelope } from "./envelope.ts";
import type { Hosts } from "./hosts.ts";
import { fetchModels } from "./models.ts";
import { sessionId } from "./session-id.ts";

export { userAgent } from "./headers.ts";
export { hostsFor, type Hosts } from "./hosts.ts";
export { discoverProject } from "./project.ts";

export interface CloudCodeDeps extends CallDeps {
  hosts: Hosts;
  newUuid(): string;
  /** Url-safe, "call_" and 24 characters. */
  newCallId(): string;
}

/** The Cloud Code service behind `Upstream`. Always streams; sets no timers: deadlines come by signal. */
export function createCloudCode(deps: CloudCodeDeps): Upstream {
  return {
    id: "cloudcode",

    async *stream(call, credential, signal) {
      const lowered = lowerRequest(call.request, call.model, call.repairs);
      for (const loss of lowered.losses) call.onLoss(loss);
      const writeBody = envelope({
        projectId: credential.projectId,
        model: call.model.id,
        requestType: lowered.requestType,
        sessionId: sessionId(credential.accountId, call.conversationKey),
        body: lowered.body,
      });
      const { tools, mayEndSilently } = lowered;
      const decoderDeps = { newCallId: deps.newCallId, tools, mayEndSilently, now: () => deps.clock.now() };
      try {
        const response = await callHosts(
          {
            hosts: deps.hosts.generate,
            method: "streamGenerateContent?alt=sse",
            accessToken: credential.accessToken,
            accept: "text/event-stream",
            body: () => writeBody(`agent-${deps.newUuid()}`),
          },
          signal,
          deps,
        );
        if (!response.body) throw new GatewayError("unavailable", "Upstream sent an empty answer");
        yield* readAnswer(response.body, decoderDeps, signal);
      } catch (cause) {
        if (!(cause instanceof GatewayError)) throw cause;
        throw withUsefulRepair(cause, call.repairs, (repair) => {
          const repaired = lowerRequest(call.request, call.model, new Set([...call.repairs, repair]));
          return JSON.stringify(repaired.body) !== JSON.stringify(lowered.body);
        });
      }
    },

    discoverModels: (credential, signal) => fetchModels(credential, deps.hosts, signal, deps),
  };
}
