import type { Counter, Gauge, GaugeConfiguration, Histogram, Registry } from "prom-client";
import type { AccountView } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";
import type { RequestRecord } from "../core/record.ts";
import { boundedNames, statusLabel } from "./labels.ts";
import type { LoopLag } from "./loop-lag.ts";
import type { ProcessUsage } from "./process-usage.ts";

export interface MetricSources {
  /** Requests for models that are being answered. */
  inFlight(): number;
  accounts(): readonly AccountView[];
  processUsage(): ProcessUsage;
  loopLag: LoopLag;
  version: string;
}

/** The parts of prom-client that are used; the module itself is loaded late. */
export interface PrometheusClient {
  Registry: typeof Registry;
  Counter: typeof Counter;
  Gauge: typeof Gauge;
  Histogram: typeof Histogram;
}

export interface Families {
  registry: Registry;
  observe(records: readonly RequestRecord[]): void;
}

const PROBLEMS: Record<AccountProblem, true> = {
  "needs-login": true,
  "needs-verification": true,
  "terms-block": true,
  "no-project": true,
  "key-rejected": true,
};

/** All of them, so that a state nobody is in is 0 and not missing. */
const STATES = ["ready", "resting", "disabled", ...Object.keys(PROBLEMS)];

const FIRST_EVENT_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120];
const DURATION_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
const WAIT_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

/**
 * All metrics, in a registry of their own. Label values come from closed sets, or are bounded in number; no name of a key, no
 * e-mail, nothing a client has typed is among them.
 */
export function createFamilies(client: PrometheusClient, sources: MetricSources): Families {
  const registry = new client.Registry();
  const registers = [registry];
  const model = boundedNames();

  const requests = new client.Counter({
    name: "ag_requests_total",
    help: "Requests whose reply has ended. model is the upstream id that served; status is what was sent to the client.",
    labelNames: ["protocol", "model", "outcome", "status"],
    registers,
  });
  const attempts = new client.Counter({
    name: "ag_attempts_total",
    help: "Attempts at upstream. status is upstream's.",
    labelNames: ["model", "outcome", "status"],
    registers,
  });
  const waits = new client.Counter({
    name: "ag_waits_total",
    help: "Waits of requests, by what they were for.",
    labelNames: ["source"],
    registers,
  });
  const waitSeconds = new client.Histogram({
    name: "ag_wait_seconds",
    help: "Length of the waits of requests, by what they were for.",
    labelNames: ["source"],
    buckets: WAIT_SECONDS,
    registers,
  });
  const tokens = new client.Counter({
    name: "ag_tokens_total",
    help: "Tokens as upstream counts them. cached_input is a part of input, thinking a part of output.",
    labelNames: ["model", "type"],
    registers,
  });
  const firstEventSeconds = new client.Histogram({
    name: "ag_time_to_first_event_seconds",
    help: "Time from a request's arrival to the first event of its answer, waits and failed attempts included.",
    labelNames: ["protocol"],
    buckets: FIRST_EVENT_SECONDS,
    registers,
  });
  const durationSeconds = new client.Histogram({
    name: "ag_request_duration_seconds",
    help: "Time from a request's arrival to the end of its reply.",
    labelNames: ["protocol"],
    buckets: DURATION_SECONDS,
    registers,
  });
  addGauges(client, registry, sources, model);

  return {
    registry,
    observe(records) {
      const sums = [sumsFor(requests), sumsFor(attempts), sumsFor(waits), sumsFor(tokens)] as const;
      const [requestSums, attemptSums, waitSums, tokenSums] = sums;
      for (const record of records) {
        const { protocol = "none", outcome, usage, firstEventMs } = record;
        const served = model(record.served);
        requestSums.add({ protocol, model: served, outcome, status: statusLabel(record.status) });
        for (const attempt of record.attempts) {
          attemptSums.add({
            model: attempt.model === undefined ? served : model(attempt.model),
            outcome: attempt.outcome,
            status: statusLabel(attempt.upstreamStatus ?? (attempt.outcome === "ok" ? 200 : undefined)),
          });
        }
        for (const { source, ms } of record.waits) {
          waitSums.add({ source });
          waitSeconds.observe({ source }, ms / 1_000);
        }
        if (usage) {
          tokenSums.add({ model: served, type: "input" }, usage.input);
          tokenSums.add({ model: served, type: "cached_input" }, usage.cachedInput);
          tokenSums.add({ model: served, type: "output" }, usage.output);
          tokenSums.add({ model: served, type: "thinking" }, usage.thinking);
        }
        if (firstEventMs !== undefined) firstEventSeconds.observe({ protocol }, firstEventMs / 1_000);
        durationSeconds.observe({ protocol }, record.totalMs / 1_000);
      }
      for (const sum of sums) sum.count();
    },
  };
}

/** Increments that go to a counter together: of each it checks and hashes the labels anew. */
function sumsFor<Label extends string>(counter: Counter<Label>) {
  type Labels = Record<Label, string>;
  const sums = new Map<string, { labels: Labels; sum: number }>();
  return {
    add(labels: Labels, value = 1): void {
      const key = Object.values(labels).join("\n");
      const known = sums.get(key);
      if (known) known.sum += value;
      else sums.set(key, { labels, sum: value });
    },
    count(): void {
      for (const { labels, sum } of sums.values()) counter.inc(labels, sum);
    },
  };
}

/** What is read when somebody asks. */
function addGauges(
  { Counter, Gauge }: PrometheusClient,
  registry: Registry,
  sources: MetricSources,
  model: (name: string) => string,
): void {
  const gauge = (configuration: GaugeConfiguration<string>) => new Gauge({ ...configuration, registers: [registry] });
  gauge({
    name: "ag_requests_in_flight",
    help: "Requests for models that are being answered.",
    collect() {
      this.set(sources.inFlight());
    },
  });
  gauge({
    name: "ag_accounts",
    help: "Accounts by state. resting: ready, but limited on some models.",
    labelNames: ["state"],
    collect() {
      for (const [state, count] of accountStates(sources.accounts())) this.set({ state }, count);
    },
  });
  gauge({
    name: "ag_cooldowns",
    help: "Accounts that rest on a model, by the kind of limit.",
    labelNames: ["model", "kind"],
    collect() {
      this.reset();
      for (const { cooldowns } of sources.accounts()) {
        for (const [id, { kind }] of cooldowns) this.inc({ model: model(id), kind });
      }
    },
  });
  gauge({
    name: "ag_event_loop_lag_seconds",
    help: "How late the gateway's event loop was in the last minute; quantile 1 is the worst.",
    labelNames: ["quantile"],
    collect() {
      const reading = sources.loopLag.read();
      if (!reading) return;
      this.set({ quantile: "0.5" }, reading.p50);
      this.set({ quantile: "0.99" }, reading.p99);
      this.set({ quantile: "1" }, reading.max);
    },
  });
  const build = gauge({
    name: "ag_build_info",
    help: "1, with the version of the gateway as a label.",
    labelNames: ["version"],
  });
  build.set({ version: sources.version }, 1);

  // As all Prometheus clients name them. The first is collected first, so that one reading serves all of them.
  let countedSeconds = 0;
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time spent, user and system.",
    registers: [registry],
    collect() {
      const usage = sources.processUsage();
      cpu.inc(Math.max(0, usage.cpuSeconds - countedSeconds));
      countedSeconds = Math.max(countedSeconds, usage.cpuSeconds);
      resident.set(usage.residentBytes);
      started.set(usage.startedAt);
      if (usage.openFiles !== undefined) openFiles.set(usage.openFiles);
      if (usage.maxFiles !== undefined) maxFiles.set(usage.maxFiles);
    },
  });
  const resident = gauge({ name: "process_resident_memory_bytes", help: "Resident memory size." });
  const started = gauge({ name: "process_start_time_seconds", help: "Start of the process, Unix time." });
  const openFiles = gauge({ name: "process_open_fds", help: "Open file descriptors." });
  const maxFiles = gauge({ name: "process_max_fds", help: "Most file descriptors it may open." });
  // Not 0 where nobody says how many.
  openFiles.remove();
  maxFiles.remove();
}

function accountStates(views: readonly AccountView[]): Map<string, number> {
  const states = new Map<string, number>(STATES.map((state) => [state, 0]));
  for (const view of views) {
    const state = stateOf(view);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return states;
}

function stateOf({ account, cooldowns }: AccountView): string {
  if (!account.enabled) return "disabled";
  return account.problem?.type ?? (cooldowns.size > 0 ? "resting" : "ready");
}
