/** The rounds of a soak: much at once, everything that can go wrong, then calm, and a look at what is left over. */
import type { JsonObject } from "../../src/lib/json.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../../tests/support/cloudcode/samples.ts";
import { ask, type Ask, type Told, WAYS_TO_LEAVE } from "./soak-client.ts";
import { type Reading, type SoakGateway, startSoakGateway } from "./soak-process.ts";
import { bytesOf, endingOf, head, PROTOCOLS, type SoakRequest, wordsOf } from "./soak-requests.ts";
import { FAULT_NAMES, type SoakUpstream, startSoakUpstream } from "./soak-upstream.ts";

export interface SoakOptions {
  /** Paced streams at once, each round. */
  streams: number;
  /** Events of a paced stream. */
  events: number;
  /** Requests that are broken off, each round. */
  aborts: number;
  /** How often each fault is played in each round, streamed and whole. */
  faults: number;
  /** Rounds are begun until this time is over; at least one. */
  forMs: number;
  slotsPerAccount: number;
  /** The gateway's own deadlines: stalls end by them. */
  firstEventMs: number;
  idleMs: number;
  /** Upstream keeps connections for later calls. Then each round waits until it has closed the idle ones. */
  keepsConnections: boolean;
  /** Path of a compiled gateway. Absent: from source. */
  binary?: string;
  onRound?(report: RoundReport): void;
}

export interface RoundReport {
  round: number;
  ms: number;
  reading: Reading;
  /** What the gateway counts as being answered, after calm. */
  inFlight: number;
  /** Upstream calls that go on, after calm. */
  openCalls: number;
  /** Slots there are, and how many could be filled. */
  slots: number;
  filled: number;
  /** How often what came of what: "paced: 200 success". */
  outcomes: ReadonlyMap<string, number>;
  problems: readonly string[];
}

export interface SoakReport {
  baseline: Reading;
  rounds: readonly RoundReport[];
  exitCode: number;
  /** What must not be, over all rounds. Empty: all is well. */
  problems: readonly string[];
}

const ABORTS_AT_ONCE = 100;
/** A busy gateway hears of those that have left when the next ones are there already. */
const ABORTS_IN_MIND = 4 * ABORTS_AT_ONCE;
const FAULTS_AT_ONCE = 100;
const QUEUED = 20;
const BODY_LIMIT = 200_000;
const MODEL = CLAUDE;
/** Its quota is used up in the first round, for good. */
const EXHAUSTED_MODEL = GEMINI_25;
const EXHAUSTING: ReadonlySet<string> = new Set(["429-minute", "429-quota"]);
/** Where it is upstream that fails, so that its pauses hold up nobody else. */
const FAILING_MODEL = GEMINI_3;
/** More files than at the start are no leak yet: the database opens its log, the runtime its threads. */
const SPARE_DESCRIPTORS = 12;
const CALM_MS = 40_000;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { streams, slotsPerAccount, aborts, firstEventMs, idleMs } = options;
  const besides = Math.min(ABORTS_IN_MIND, aborts);
  const accounts = Math.ceil((streams + besides) / slotsPerAccount) + 1;
  const slots = accounts * slotsPerAccount;
  const config: JsonObject = {
    server: { maxConcurrent: slots + QUEUED, maxBodyBytes: BODY_LIMIT },
    timeouts: { firstEventMs, idleMs, totalMs: 300_000, drainMs: 5_000 },
    scheduling: { maxConcurrentPerAccount: slotsPerAccount, maxWaitMs: 2_000 },
  };
  await using upstream = await startSoakUpstream({ ...options, accounts });
  await using gateway = await startSoakGateway(upstream, config, options.binary);
  const crowd = createCrowd(upstream, gateway, options, slots);
  await crowd.warmUp();
  const baseline = (await crowd.calm()).reading;
  const rounds: RoundReport[] = [];
  const endAt = performance.now() + options.forMs;
  do {
    const report = await crowd.round(rounds.length + 1, baseline);
    rounds.push(report);
    options.onRound?.(report);
  } while (performance.now() < endAt);
  const exitCode = await gateway.stop();
  const stopped = exitCode === 0 ? [] : [`the gateway ended with ${exitCode} when it was asked to stop`];
  return { baseline, rounds, exitCode, problems: [...rounds.flatMap(({ problems }) => problems), ...stopped] };
}

function createCrowd(upstream: SoakUpstream, gateway: SoakGateway, options: SoakOptions, slots: number) {
  const { port, key } = gateway;
  let number = 0;
  let outcomes = new Map<string, number>();
  let problems = new Map<string, number>();

  const count = (counts: Map<string, number>, what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);

  const newRequest = (kind: string, changes: Partial<SoakRequest> = {}): SoakRequest => {
    number++;
    return {
      protocol: PROTOCOLS[number % PROTOCOLS.length] ?? "chat",
      model: MODEL,
      stream: true,
      kind,
      number,
      ...changes,
    };
  };

  const send = (request: SoakRequest, changes: Partial<Ask> = {}) =>
    ask({ port, pieces: [bytesOf(request, key).join("")], ...changes });

  /** Notes what came of a request that its client has waited for; what is no answer is a problem. */
  const judge = (label: string, request: SoakRequest, { status, body, end }: Told): "success" | "other" => {
    const streamed = request.stream && status === 200 ? endingOf(request.protocol, body) : undefined;
    const ending = streamed ?? (status === 200 ? "success" : "");
    count(outcomes, `${label}: ${status} ${ending}`.trimEnd());
    if (status === 0) count(problems, `${label}: no answer`);
    else if (end !== "whole") count(problems, `${label}: ${end} after ${status}, ${request.protocol}`);
    else if (ending === "none" || ending === "both") {
      const tail = JSON.stringify(body.slice(-200));
      count(problems, `${label}: ${request.protocol} stream with ${ending} of success and failure: ${tail}`);
    } else return ending === "success" ? "success" : "other";
    return "other";
  };

  /** A stream that must come to its end with every word of it. */
  const complete = async (label: string, request: SoakRequest, changes: Partial<Ask> = {}) => {
    const told = await send(request, changes);
    if (judge(label, request, told) !== "success") {
      const said = /"message":"[^"]*"/.exec(told.body)?.[0] ?? "";
      return count(problems, `${label}: not served, but ${told.status} ${said}`);
    }
    const words = wordsOf(request.protocol, told.body);
    if (words !== options.events) count(problems, `${label}: ${words} of ${options.events} words`);
  };

  const paced = async () => {
    const all = Array.from({ length: options.streams }, () => complete("paced", newRequest("paced")));
    await Promise.all(all);
  };

  const leaveAtRandom = async () => {
    const stream = Math.random() < 0.7;
    const request = newRequest("paced", { stream });
    const [requestHead, body] = bytesOf(request, key);
    const how = WAYS_TO_LEAVE[Math.floor(Math.random() * WAYS_TO_LEAVE.length)] ?? "fin";
    const dice = Math.random();
    const begun = dice < 0.1 ? [requestHead, body.slice(0, 20)] : [requestHead + body];
    const leave =
      dice < 0.5
        ? { how, afterMs: Math.random() * 30, afterBytes: Number.POSITIVE_INFINITY }
        : { how, afterMs: 400, afterBytes: 1 + Math.random() * 3_000 };
    const told = await ask({ port, pieces: begun, leave });
    count(outcomes, `left by ${how}: ${told.status === 0 ? "before the answer" : told.status}`);
    if (told.end === "stuck") count(problems, `left by ${how}: the connection stayed open`);
  };

  const faulty = async (kind: string, stream: boolean) => {
    const model = EXHAUSTING.has(kind) ? EXHAUSTED_MODEL : /^\d/.test(kind) ? FAILING_MODEL : MODEL;
    const request = newRequest(kind, { stream, model });
    judge(`fault ${kind}`, request, await send(request));
  };

  const slowReader = async () => {
    const request = newRequest("flood");
    judge("slow reader", request, await send(request, { deafMs: 1_000 }));
  };

  const deafLeaver = async () => {
    const leave = { how: "rst" as const, afterMs: 700, afterBytes: Number.POSITIVE_INFINITY };
    await send(newRequest("flood"), { deafMs: 5_000, leave });
    count(outcomes, "reader that never reads: left");
  };

  /** What clients do wrong, and the only status for it. */
  const mistakes = (): Record<string, { status: number; pieces: (string | Uint8Array)[] }> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const post = "POST /v1/chat/completions";
    const [fineHead, fineBody] = bytesOf(newRequest("fine"), key);
    const chunk = `${(65_536).toString(16)}\r\n${"x".repeat(65_536)}\r\n`;
    return {
      "body over the limit": {
        status: 413,
        pieces: [head(post, { ...headers, "content-length": String(BODY_LIMIT + 1) }), "x".repeat(BODY_LIMIT + 1)],
      },
      "body over the limit in chunks": {
        status: 413,
        pieces: [head(post, { ...headers, "transfer-encoding": "chunked" }), ...Array.from({ length: 8 }, () => chunk)],
      },
      "wrong key": { status: 401, pieces: bytesOf(newRequest("fine"), "sk-ag-test-wrong") },
      "no key": { status: 401, pieces: [head(post, { "content-length": "2" }), "{}"] },
      "not JSON": { status: 400, pieces: [head(post, { ...headers, "content-length": "5" }), '{"a":'] },
      "unknown model": {
        status: 404,
        pieces: bytesOf(newRequest("fine", { model: "no-such-model", protocol: "chat" }), key),
      },
      "unknown path": { status: 404, pieces: [head("GET /v1/nothing", headers)] },
      "written slowly": { status: 200, pieces: [fineHead, ...(fineBody.match(/.{1,20}/g) ?? [])] },
    };
  };

  const mistaken = async () => {
    for (const [what, { status, pieces }] of Object.entries(mistakes())) {
      const told = await ask({ port, pieces });
      count(outcomes, `${what}: ${told.status}`);
      if (told.status !== status) count(problems, `${what}: ${told.status} in place of ${status}`);
    }
  };

  const faults = async () => {
    const work: (() => Promise<unknown>)[] = [];
    for (let turn = 0; turn < options.faults; turn++) {
      for (const kind of FAULT_NAMES.filter((name) => name !== "flood")) {
        work.push(
          () => faulty(kind, true),
          () => faulty(kind, false),
        );
      }
      work.push(slowReader, deafLeaver, mistaken);
    }
    await atOnce(work, Math.min(FAULTS_AT_ONCE, slots));
  };

  /** Fills every slot, puts some in line behind, asks one too many; the ones in line leave, the others end well. */
  const fill = async (): Promise<number> => {
    // GPT_OSS has not been refused to anybody, so that nothing but lost slots can keep the streams out.
    const holding = Array.from({ length: slots }, () => complete("held", newRequest("held", { model: GPT_OSS })));
    await soon(() => upstream.held() >= slots);
    const filled = upstream.held();
    const leave = { how: "fin" as const, afterMs: 1_500, afterBytes: Number.POSITIVE_INFINITY };
    const queued = Array.from({ length: QUEUED }, () => send(newRequest("paced", { model: GPT_OSS }), { leave }));
    await soon(async () => (await gateway.inFlight()) >= slots + QUEUED);
    const tooMany = newRequest("paced", { model: GPT_OSS });
    const told = await send(tooMany);
    judge("one too many", tooMany, told);
    if (filled === slots && told.status !== 503) count(problems, `one too many: ${told.status} in place of 503`);
    for (const { status, end } of await Promise.all(queued)) {
      count(outcomes, `in line: ${end}`);
      if (status !== 0) count(problems, `in line: ${status}, with all slots taken`);
    }
    upstream.release();
    await Promise.all(holding);
    return filled;
  };

  /** Waits until nothing goes on, as far as it ever stops. */
  const calm = async (): Promise<Pick<RoundReport, "inFlight" | "openCalls" | "reading">> => {
    await soon(async () => {
      if (upstream.open() > 0) return false;
      const { clients, upstream: kept } = gateway.reading().descriptors;
      return clients === 0 && kept === 0 && (await gateway.inFlight()) === 0;
    }, CALM_MS);
    return { inFlight: await gateway.inFlight(), openCalls: upstream.open(), reading: gateway.reading() };
  };

  return {
    calm,
    /** All code and all accounts have been used once. */
    async warmUp() {
      const warm = Array.from({ length: slots }, () => send(newRequest("fine", { model: GPT_OSS })));
      await Promise.all(warm);
    },
    async round(round: number, baseline: Reading): Promise<RoundReport> {
      const startedAt = performance.now();
      outcomes = new Map();
      problems = new Map();
      const leaving = Array.from({ length: options.aborts }, () => leaveAtRandom);
      const streaming = paced();
      await soon(() => upstream.open() >= options.streams);
      await Promise.all([streaming, atOnce(leaving, ABORTS_AT_ONCE)]);
      await faults();
      const filled = await fill();
      const left = await calm();
      const found = [...problems].map(
        ([what, times]) => `round ${round}: ${what}${times > 1 ? ` (${times} times)` : ""}`,
      );
      const leftovers = leftoversOf(left, filled, slots, baseline).map((what) => `round ${round}: ${what}`);
      return {
        round,
        ms: performance.now() - startedAt,
        ...left,
        slots,
        filled,
        outcomes,
        problems: [...found, ...leftovers],
      };
    },
  };
}

function leftoversOf(
  { inFlight, openCalls, reading }: Pick<RoundReport, "inFlight" | "openCalls" | "reading">,
  filled: number,
  slots: number,
  baseline: Reading,
): string[] {
  const { clients, upstream, other } = reading.descriptors;
  const checks: [isWrong: boolean, what: string][] = [
    [filled < slots, `${slots - filled} of ${slots} slots are lost`],
    [inFlight > 0, `${inFlight} requests are counted as running, and none is`],
    [openCalls > 0, `${openCalls} upstream calls go on for nobody`],
    [clients > 0, `${clients} connections of clients are still open`],
    [upstream > 0, `${upstream} connections to upstream are still open, though it has closed them`],
    [
      other > baseline.descriptors.other + SPARE_DESCRIPTORS,
      `${other} other descriptors, ${baseline.descriptors.other} at the start`,
    ],
    [reading.strayFiles.length > 0, `files that should not be there: ${reading.strayFiles.join(", ")}`],
  ];
  return checks.flatMap(([isWrong, what]) => (isWrong ? [what] : []));
}

/** Runs all, so many at a time. */
async function atOnce(work: readonly (() => Promise<unknown>)[], limit: number): Promise<void> {
  const queue = work.values();
  const lane = async () => {
    for (const one of queue) await one();
  };
  await Promise.all(Array.from({ length: limit }, lane));
}

/** Waits until the condition holds, but not for ever: what then does not hold is found by who looks. */
async function soon(condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition()) && performance.now() < end) await Bun.sleep(50);
}
