import type { Account, AccountView, Cooldown } from "../../src/core/accounts.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import { createMetrics, type MetricsDeps } from "../../src/metrics/metrics.ts";

export const EMAIL = "owner-1@canary-mail.example";

export function metricsOf(deps: Partial<MetricsDeps> = {}) {
  return createMetrics({
    inFlight: () => 0,
    accounts: () => [],
    processUsage: () => ({ cpuSeconds: 1.5, residentBytes: 50_000_000, startedAt: 1_767_225_600 }),
    version: "1.2.3",
    ...deps,
  });
}

export function record(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: "req_1",
    at: 1_767_225_600_000,
    route: "POST /v1/messages",
    protocol: "anthropic",
    model: "opus",
    served: "claude-test",
    account: "a1",
    choices: [],
    waits: [],
    attempts: [{ accountHandle: "a1", outcome: "ok", upstreamStatus: 200 }],
    losses: [],
    waitedMs: 0,
    totalMs: 1_000,
    status: 200,
    outcome: "ok",
    ...changes,
  };
}

export function view(changes: Partial<Account> = {}, cooldowns: Record<string, Cooldown["kind"]> = {}): AccountView {
  return {
    account: {
      id: "id-1",
      handle: "a1",
      kind: "antigravity",
      email: EMAIL,
      secret: "1//test-secret",
      enabled: true,
      addedAt: 0,
      ...changes,
    },
    inFlight: 0,
    cooldowns: new Map(
      Object.entries(cooldowns).map(([model, kind]) => [model, { kind, until: 2, since: 1, evidence: "429" }]),
    ),
  };
}

/** Samples of one metric: what stands in braces → value. Those of a histogram by their suffix. */
export function samples(text: string, name: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = "", value = ""] = /^[a-z_]+(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return [labels, Number(value)];
    }),
  );
}
