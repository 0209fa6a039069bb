import { expect, test } from "bun:test";
import { REASONS } from "../../src/core/trace.ts";
import { EMAIL, metricsOf, record, samples, view } from "./support.ts";

async function rendered(metrics: ReturnType<typeof metricsOf>): Promise<string> {
  return (await metrics.render()).text;
}

test("a request is counted by protocol, model, outcome and status, with its attempts, waits, tokens and times", async () => {
  const metrics = metricsOf();
  metrics.observe(
    record({
      attempts: [
        { accountHandle: "a1", outcome: "rate-limited", upstreamStatus: 429, model: "claude-first" },
        { accountHandle: "a1", outcome: "account-unusable", unsent: true },
        { accountHandle: "a2", outcome: "ok" },
      ],
      waits: [{ atMs: 0, ms: 1_500, source: "burst" }],
      usage: { input: 100, cachedInput: 40, output: 30, thinking: 10 },
      firstEventMs: 1_900,
      totalMs: 4_000,
    }),
  );
  const text = await rendered(metrics);
  expect(samples(text, "ag_requests_total")).toEqual({
    'protocol="anthropic",model="claude-test",outcome="ok",status="200"': 1,
  });
  expect(samples(text, "ag_attempts_total")).toEqual({
    'model="claude-first",outcome="rate-limited",status="429"': 1,
    'model="claude-test",outcome="account-unusable",status="none"': 1,
    'model="claude-test",outcome="ok",status="200"': 1,
  });
  expect(samples(text, "ag_waits_total")).toEqual({ 'source="burst"': 1 });
  expect(samples(text, "ag_wait_seconds_sum")).toEqual({ 'source="burst"': 1.5 });
  expect(samples(text, "ag_tokens_total")).toEqual({
    'model="claude-test",type="input"': 100,
    'model="claude-test",type="cached_input"': 40,
    'model="claude-test",type="output"': 30,
    'model="claude-test",type="thinking"': 10,
  });
  expect(samples(text, "ag_time_to_first_event_seconds_sum")).toEqual({ 'protocol="anthropic"': 1.9 });
  expect(samples(text, "ag_time_to_first_event_seconds_bucket")).toMatchObject({
    'le="1",protocol="anthropic"': 0,
    'le="2",protocol="anthropic"': 1,
  });
  expect(samples(text, "ag_request_duration_seconds_sum")).toEqual({ 'protocol="anthropic"': 4 });
});

test("a request that asked no model, and one whose client had gone, are counted as such", async () => {
  const metrics = metricsOf();
  const { protocol: _, served: __, ...other } = record({ attempts: [] });
  metrics.observe({ ...other, outcome: "unauthorized", status: 401 });
  metrics.observe({ ...other, outcome: "client-closed", status: 0 });
  expect(samples(await rendered(metrics), "ag_requests_total")).toEqual({
    'protocol="none",model="none",outcome="unauthorized",status="401"': 1,
    'protocol="none",model="none",outcome="client-closed",status="none"': 1,
  });
});

test("however many models there are, a hundred have labels of their own; what looks like none has not", async () => {
  const metrics = metricsOf();
  for (const served of [EMAIL, "x".repeat(81), 'a"b\n', "", "two words"]) metrics.observe(record({ served }));
  for (let index = 0; index < 150; index++) metrics.observe(record({ served: `model-${index}` }));
  metrics.observe(record({ served: "model-7" }));
  const requests = samples(await rendered(metrics), "ag_requests_total");
  expect(Object.keys(requests)).toHaveLength(101);
  const counted = (model: string) => requests[`protocol="anthropic",model="${model}",outcome="ok",status="200"`];
  expect([counted("model-7"), counted("model-99"), counted("model-100"), counted("other")]).toEqual([
    2,
    1,
    undefined,
    55,
  ]);
});

test("what a client wrote, handles, keys, e-mails and reasons are in no label", async () => {
  const metrics = metricsOf({ accounts: () => [view({ label: "canary-label" }, { "claude-test": "rate-limited" })] });
  metrics.observe(
    record({
      id: "req_canary",
      key: "k77",
      model: "canary-model",
      account: "a77",
      rule: "canary-rule",
      losses: ["canary-loss"],
      reason: "canary-reason",
      outcome: "quota-exhausted",
      attempts: [{ accountHandle: "a77", outcome: "quota-exhausted", upstreamReason: "CANARY", model: "claude-test" }],
      waits: [{ atMs: 0, ms: 1, source: "limit", handle: "a77", evidence: "canary-evidence" }],
      choices: [{ atMs: 0, result: "take", accounts: REASONS.map((reason) => ({ handle: "a77", reason })) }],
    }),
  );
  expect(await rendered(metrics)).not.toMatch(/canary|a77|k77|@|1\/\//i);
});

test("accounts are counted by state, also those states that nobody is in, and their limits by model and kind", async () => {
  const problem = (type: "needs-login" | "terms-block") => ({ problem: { type, message: "m", since: 0 } });
  let views = [
    view(),
    view({}, { one: "rate-limited", two: "quota-exhausted" }),
    view({}, { one: "rate-limited" }),
    view(problem("needs-login")),
    view({ enabled: false, ...problem("terms-block") }),
  ];
  const metrics = metricsOf({ accounts: () => views, inFlight: () => 4 });
  const text = await rendered(metrics);
  expect(samples(text, "ag_requests_in_flight")).toEqual({ "": 4 });
  expect(samples(text, "ag_accounts")).toEqual({
    'state="ready"': 1,
    'state="resting"': 2,
    'state="disabled"': 1,
    'state="needs-login"': 1,
    'state="needs-verification"': 0,
    'state="terms-block"': 0,
    'state="no-project"': 0,
    'state="key-rejected"': 0,
  });
  expect(samples(text, "ag_cooldowns")).toEqual({
    'model="one",kind="rate-limited"': 2,
    'model="two",kind="quota-exhausted"': 1,
  });
  views = [];
  const later = await rendered(metrics);
  expect(samples(later, "ag_accounts")).toMatchObject({ 'state="ready"': 0, 'state="resting"': 0 });
  expect(samples(later, "ag_cooldowns")).toEqual({});
});

test("the process's own use is told under the usual names, and what is not known is left out", async () => {
  let cpuSeconds = 1.5;
  const usage = () => ({ cpuSeconds, residentBytes: 50_000_000, startedAt: 1_767_225_600 });
  const metrics = metricsOf({ processUsage: usage });
  const first = await rendered(metrics);
  expect(samples(first, "process_cpu_seconds_total")).toEqual({ "": 1.5 });
  expect(samples(first, "process_resident_memory_bytes")).toEqual({ "": 50_000_000 });
  expect(samples(first, "process_start_time_seconds")).toEqual({ "": 1_767_225_600 });
  expect(samples(first, "process_open_fds")).toEqual({});
  expect(samples(first, "ag_build_info")).toEqual({ 'version="1.2.3"': 1 });
  cpuSeconds = 2;
  expect(samples(await rendered(metrics), "process_cpu_seconds_total")).toEqual({ "": 2 });
  const known = metricsOf({ processUsage: () => ({ ...usage(), openFiles: 12, maxFiles: 1024 }) });
  const text = await rendered(known);
  expect([samples(text, "process_open_fds"), samples(text, "process_max_fds")]).toEqual([{ "": 12 }, { "": 1024 }]);
});

test("no request is lost, whether it ends before anybody asks, while the library is loaded, or later", async () => {
  const metrics = metricsOf();
  for (let index = 0; index < 300; index++) metrics.observe(record());
  const pending = metrics.render();
  for (let index = 0; index < 20; index++) metrics.observe(record());
  await pending;
  metrics.observe(record());
  expect(Object.values(samples(await rendered(metrics), "ag_requests_total"))).toEqual([321]);
});

test("two gateways in one process count apart", async () => {
  const [one, other] = [metricsOf(), metricsOf()];
  one.observe(record());
  expect(samples(await rendered(other), "ag_requests_total")).toEqual({});
  expect(Object.values(samples(await rendered(one), "ag_requests_total"))).toEqual([1]);
});

test("what is rendered is what Prometheus reads: each metric once, with help and type, in its content type", async () => {
  const metrics = metricsOf();
  metrics.observe(record());
  const { contentType, text } = await metrics.render();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(text).toEndWith("\n");
  const helped = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name ?? "");
  const typed = [...text.matchAll(/^# TYPE (\S+) (?:counter|gauge|histogram)$/gm)].map(([, name]) => name ?? "");
  expect(typed).toEqual(helped);
  expect(new Set(helped).size).toBe(helped.length);
  for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    expect(line).toMatch(/^[a-z_]+(?:\{(?:[a-z_]+="[^"\n]*",?)+\})? [\d.e+-]+$/);
    const [name = ""] = /^[a-z_]+/.exec(line) ?? [];
    expect(helped).toContain(helped.includes(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ""));
  }
});
