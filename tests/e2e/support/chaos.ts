import { composeStore } from "../../../src/compose.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { Account } from "../../../src/core/accounts.ts";
import type { LimitRecord, NewAccount, Store } from "../../../src/core/store.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { chatClient, type Client, messagesClient } from "../../support/clients.ts";
import {
  type Answer,
  type AnswerContext,
  dropConnection,
  emptyBody,
  emptyCandidates,
  failure,
  type FailureName,
  FAILURE_NAMES,
  gate,
  type Gate,
  httpAnswer,
  malformedCall,
  pause,
  streamError,
  text,
  turn,
  usageOnly,
} from "../../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25 } from "../../support/cloudcode/samples.ts";
import { gatewayEnvironment, signInOf } from "../../support/gateway.ts";
import { KEY_FAILURE_NAMES, keyFailure, startGeminiApi } from "../../support/gemini-api/index.ts";
import { ask, type Told } from "./scene.ts";
import { faultsOf } from "./record-checks.ts";
import { type Scene, startScene, until } from "./scene.ts";

const KEY = "AIza-test-chaos";
const CAP = 3;
const SECOND = 1_000;
const DAY = 86_400_000;
const FIRST_BATCH_MS = 120_000;
/** The longest stretch that the clock is moved on at once; nothing is measured more finely. */
const STRIDE_MS = 5_000;
/** Less than what is ended may take to say so: that goes over the network, where this time does not count. */
const STOPPING_STRIDE_MS = 500;
const CLIENTS = [messagesClient, chatClient];

/** One request, as its client and its upstream calls have seen it. */
interface Asked {
  number: number;
  client: Client;
  stream: boolean;
  startedAt: number;
  hangUp: AbortController;
  hungUp: boolean;
  /** What upstream answered it, in order, and on which account. */
  answers: { name: string; account: string }[];
  toldAt?: number;
  told?: Told;
}

export interface ChaosOptions {
  seed: number;
  steps: number;
  scheduling?: JsonObject;
}

/** What went wrong, as sentences; empty when all held. */
export interface ChaosReport {
  broken: string[];
  asked: number;
  calls: number;
  statuses: Record<string, number>;
}

/** The same numbers for the same seed, in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BROKEN = ["drop", "empty", "no candidates", "usage", "malformed", "error inside", "cut"];

function nameOf(random: () => number, failures: readonly string[]): string {
  const dice = random();
  const names = dice < 0.45 ? ["fine"] : dice < 0.6 ? ["held", "late"] : dice < 0.72 ? BROKEN : failures;
  return names[Math.floor(random() * names.length)] ?? "fine";
}

/** Everything at once, at random, on one clock; then calm, and a look at what is left over. */
export async function runChaos({ seed, steps, scheduling = {} }: ChaosOptions): Promise<ChaosReport> {
  const random = randomOf(seed);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

  const broken: string[] = [];
  const requests: Asked[] = [];
  const gates: Gate[] = [];
  const side: Promise<unknown>[] = [];
  /** Secrets of accounts on which nothing may be sent any more, and what for. */
  const closed = new Map<string, string>();
  /** What upstream refused, per account: a limit needs one of them, or a reading. */
  const refused = new Map<string, Set<string>>();
  let isCalm = false;

  const api = await startGeminiApi({ keys: [{ key: KEY }] });
  const scene: Scene = await startScene({
    accounts: [1, 2, 3].map((number) => servedAccount(number)),
    env: { AG_GEMINI_URL: api.url },
    config: { scheduling: { maxConcurrentPerAccount: CAP, ...scheduling } },
  });
  const { clock, upstream } = scene;

  const secretOf = (email: string) =>
    upstream.world.accounts.find((account) => account.email === email)?.refreshToken ?? email;

  const answerAtRandom =
    (failures: readonly string[], make: (name: string) => Answer, accountOf: () => string): Answer =>
    (context) => {
      const account = accountOf();
      const asked = requests[Number(/request-(\d+)-/.exec(JSON.stringify(context.body))?.[1])];
      // Its own numbers for each call: the order in which sockets are served must not change all that follows.
      const own = randomOf(seed * 1_000_003 + (asked?.number ?? 0) * 101 + (asked?.answers.length ?? 0));
      const name = isCalm ? "fine" : nameOf(own, failures);
      if (asked === undefined) broken.push("an upstream call that belongs to no request");
      asked?.answers.push({ name, account });
      const closedFor = closed.get(account);
      if (closedFor !== undefined) broken.push(`request ${asked?.number}: a call on an account that is ${closedFor}`);
      if (failures.includes(name)) refused.set(account, (refused.get(account) ?? new Set()).add(name));
      return answerOf(name, context, make);
    };

  const answerOf = (name: string, context: AnswerContext, make: (name: string) => Answer) => {
    const special: Record<string, () => Answer> = {
      fine: () => turn([text("fine")]),
      drop: dropConnection,
      empty: emptyBody,
      "no candidates": emptyCandidates,
      usage: usageOnly,
      malformed: malformedCall,
      "error inside": () => turn([text("half"), streamError(503, "busy", "UNAVAILABLE")]),
      cut: () => turn([text("a first half")], { finishReason: null, usage: false }),
      held: () => turn([text("one"), pause(newGate()), text("two")]),
      late: () => (inner) => {
        const made = turn([text("late")])(inner);
        return { ...made, pieces: [{ wait: newGate().opened }, ...made.pieces] };
      },
    };
    return (special[name]?.() ?? make(name))(context);
  };

  const newGate = (): Gate => {
    const made = gate();
    gates.push(made);
    return made;
  };

  for (const account of upstream.world.accounts) scriptAccount(account.email);
  api.always(
    answerAtRandom(
      KEY_FAILURE_NAMES,
      (name) => keyFailure(name as (typeof KEY_FAILURE_NAMES)[number]),
      () => KEY,
    ),
  );

  function scriptAccount(email: string) {
    const answer = answerAtRandom(
      FAILURE_NAMES,
      (name) => failure(name as FailureName),
      () => secretOf(email),
    );
    upstream.always(answer, { account: email });
  }

  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await composeStore(
      loadConfig({ env: gatewayEnvironment(upstream, scene.home), oauthClient: undefined }),
    );
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };

  /** Lets what is on its way arrive: what was sent before these round trips is there after them. */
  /** What is on its way arrives while somebody is asked: this one, while the gateway is not there. */
  const echo = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const quiet = async (trips = 3) => {
    for (let trip = 0; trip < trips; trip++) {
      await (await fetch(isUp ? `${scene.url()}/healthz` : echo.url)).text();
      await until(() => true, 3);
    }
  };

  const startRequest = () => {
    const number = requests.length;
    const client = pick(CLIENTS);
    const asked: Asked = {
      number,
      client,
      stream: random() < 0.5,
      startedAt: clock.now(),
      hangUp: new AbortController(),
      hungUp: false,
      answers: [],
    };
    requests.push(asked);
    const model = random() < 0.5 ? CLAUDE : GEMINI_25;
    const session = `session-${below(6)}`;
    const said = { messages: [{ role: "user", content: `request-${number}-` }] };
    side.push(
      ask(scene.url(), client, {
        stream: asked.stream,
        model,
        session,
        fields: said,
        signal: asked.hangUp.signal,
        onHead: () => (asked.toldAt = clock.now()),
      }).then(
        (told) => (asked.told = told),
        (cause: unknown) => {
          if (!asked.hungUp && isUp) broken.push(`request ${number}: no answer at all (${String(cause)})`);
        },
      ),
    );
  };
  let isUp = true;

  const running = () => requests.filter(({ told, hungUp }) => told === undefined && !hungUp);

  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= STRIDE_MS) {
      await clock.advance(Math.min(left, STRIDE_MS));
      await quiet();
    }
  };

  let accountNumber = 3;
  const changeAccounts = async () => {
    await quiet(12);
    await withStore(async ({ accounts }) => {
      const stored = await accounts.list();
      const kind = pick(["disable", "enable", "enable", "remove", "add", "cure"]);
      const account = stored.length === 0 ? undefined : pick(stored);
      if (kind === "add" || account === undefined || (kind === "remove" && stored.length < 3)) {
        if (stored.length >= 6) return;
        const served = servedAccount(++accountNumber);
        upstream.world.accounts.push(served);
        scriptAccount(served.email);
        await accounts.add([signInOf(served)], clock.now(), { again: false });
      } else if (kind === "remove") {
        await accounts.remove(account.id, clock.now());
        closed.set(account.secret, "removed");
      } else if (kind === "disable") {
        await accounts.update(account.id, { enabled: false });
        closed.set(account.secret, "disabled");
      } else {
        if (account.problem?.type === "terms-block") return;
        await accounts.update(account.id, { enabled: true, ...(kind === "cure" && { problem: undefined }) });
        closed.delete(account.secret);
      }
    });
  };

  const changeQuota = () => {
    const account = pick(upstream.world.accounts);
    const model = pick([CLAUDE, GEMINI_25]);
    const remainingFraction = pick([0, 0, 0.3, 1, 1]);
    const resetTime = new Date(clock.now() + pick([30, 600, 18_000]) * SECOND).toISOString();
    account.quota = { ...account.quota, [model]: { remainingFraction, resetTime } };
    const bucket = pick(["gemini-5h", "gemini-weekly", "3p-5h", "3p-weekly"] as const);
    account.buckets = { [bucket]: { remainingFraction: pick([0, 1, 1]), resetTime } };
    side.push(
      fetch(`${scene.url()}/account-limits`).then(
        (reply) => reply.text(),
        () => {},
      ),
    );
  };

  let known: readonly LimitRecord[] = [];
  /** What the store says about accounts and limits, against what it said before and what upstream said. */
  const checkStore = async () => {
    const [accounts, records] = await withStore(async (store) => [
      await store.accounts.list(),
      await store.limits.load(),
    ]);
    for (const record of records) checkLimit(record, accounts);
    known = records;
    for (const { problem, secret } of accounts) if (problem?.type === "terms-block") closed.set(secret, "blocked");
    for (const { email } of upstream.world.accounts) {
      const open = upstream.world.traffic.open(email);
      if (open > CAP) broken.push(`${open} calls in flight on ${email}`);
    }
  };

  const checkLimit = ({ accountId, model, cooldown, liftedByReading }: LimitRecord, accounts: readonly Account[]) => {
    const before = known.find((one) => one.accountId === accountId && one.model === model)?.cooldown;
    const after = cooldown?.until ?? 0;
    if (before !== undefined && before.until > clock.now() && after > 0 && after < before.until && !liftedByReading) {
      broken.push(`a limit until ${before.until} was shortened to ${after}`);
    }
    if (cooldown === undefined) return;
    const account = accounts.find(({ id }) => id === accountId);
    if (account === undefined) return;
    // A key has no Claude models, and tokens are expired on purpose.
    const isOwnRefusal =
      account.secret === KEY ? cooldown.kind === "model-missing" : cooldown.evidence.startsWith("401");
    if (cooldown.evidence === "" || (!isOwnRefusal && (refused.get(account.secret)?.size ?? 0) === 0)) {
      broken.push(`${account.handle} rests on ${model} without evidence: ${JSON.stringify(cooldown)}`);
    }
  };

  const restart = async () => {
    isUp = false;
    for (const one of gates.splice(0)) one.open();
    const state = { isDown: false };
    const down = scene.restart().then(() => (state.isDown = true));
    while (!state.isDown) {
      await quiet();
      if (!state.isDown) await clock.advance(STOPPING_STRIDE_MS);
    }
    await down;
    isUp = true;
    await quiet();
    for (const asked of running()) asked.hungUp = true; // the server went away under it
  };

  await withStore((store) => store.accounts.add([keyAccount], clock.now(), { again: false }));

  for (let step = 0; step < steps; step++) {
    const dice = random();
    if (dice < 0.02) for (let burst = 0; burst < 15; burst++) startRequest();
    else if (dice < 0.5) startRequest();
    else if (dice < 0.62) gates.splice(below(gates.length), 1)[0]?.open();
    else if (dice < 0.68) hangUpOne();
    else if (dice < 0.73) await changeAccounts();
    else if (dice < 0.77) changeQuota();
    else if (dice < 0.79) {
      upstream.world.expireAccessTokens();
    } else if (dice < 0.81) {
      upstream.next(httpAnswer(500, "broken"), { method: "token" });
    } else if (dice < 0.97) await advance(pick([100, 700, 2_000, 9_000, 31_000]));
    else if (dice < 0.99) await advance(pick([30_000, 60_000, 300_000, 1_800_000]));
    else await restart();
    await quiet();
    await checkStore();
    if (broken.length > 5) break;
  }

  function hangUpOne() {
    const asked = running()[below(running().length)];
    if (asked === undefined) return;
    asked.hungUp = true;
    asked.hangUp.abort();
  }

  // Calm: everybody is answered in the end, and nothing is left over.
  isCalm = true;
  for (let round = 0; round < 200 && (running().length > 0 || gates.length > 0); round++) {
    for (const one of gates.splice(0)) one.open();
    await quiet();
    if (running().length > 0) await clock.advance(STRIDE_MS);
  }
  for (const { number, answers, startedAt } of running()) {
    const names = answers.map(({ name }) => name).join();
    broken.push(`request ${number} of ${startedAt}: never answered (${names}); now ${clock.now()}`);
  }
  if (running().length === 0) await Promise.all(side);
  const bodies = [...upstream.calls(), ...api.calls()].map(({ body }) => JSON.stringify(body));
  for (const asked of requests) {
    const calls = bodies.filter((body) => body.includes(`request-${asked.number}-`)).length;
    const isGone = closed.has(asked.answers.at(-1)?.account ?? "");
    checkAnswer(asked, calls, isGone, broken);
  }
  await checkLeftovers();

  async function checkLeftovers() {
    for (const account of upstream.world.accounts) {
      account.quota = {};
      account.buckets = {};
    }
    // All limits are over, all readings old.
    await clock.advance(8 * DAY);
    await quiet();
    const report = fetch(`${scene.url()}/account-limits`).then((reply) => reply.text());
    await until(() => clock.sleeping().every((ms) => ms !== 5_000), 30);
    await clock.advance(STRIDE_MS);
    await report;
    const usable = await withStore(async ({ accounts }) =>
      (await accounts.list()).filter(({ enabled, problem }) => enabled && problem === undefined),
    );
    if (usable.length > 0) await fillAllSlots(usable);
    await clock.advance(60_000);
    await until(() => true, 40);
    const asleep = clock.sleeping().filter((ms) => ms < 3_600_000);
    if (asleep.length > 0) broken.push(`timers are left: ${asleep.join()}`);
    const open = upstream.log.filter(({ outcome }) => outcome === undefined);
    if (open.length > 0) broken.push(`${open.length} upstream calls are left open`);
    for (const { rule, message } of [...upstream.refusals(), ...api.refusals()]) {
      if (!EXPECTED_REFUSALS.has(rule)) broken.push(`${rule}: ${message}`);
    }
  }

  /** Every slot of every account can be had again. */
  async function fillAllSlots(usable: readonly Account[]) {
    upstream.reset();
    api.reset();
    const door = gate();
    upstream.always(turn([text("one"), pause(door), text("two")]));
    api.always(turn([text("one"), pause(door), text("two")]));
    const wanted = usable.length * CAP;
    const open = () => upstream.calls().length + api.calls().length;
    const full = Array.from({ length: wanted }, (_, index) =>
      ask(scene.url(), messagesClient, { model: GEMINI_25, session: `last-${seed}-${index}` }),
    );
    await until(() => open() >= wanted, 5).catch(() => {
      broken.push(`only ${open()} of ${wanted} slots can be had in the end`);
    });
    door.open();
    for (const told of await Promise.all(full)) {
      if (told.status !== 200) broken.push(`in the end a request is refused: ${told.status} ${told.text}`);
      else if (told.waitedMs > 0) broken.push(`in the end a request waits ${told.waitedMs} ms`);
    }
  }

  const statuses: Record<string, number> = {};
  for (const { told, hungUp } of requests) {
    const status = hungUp ? "hung up" : String(told?.status ?? "none");
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  const calls = requests.reduce((sum, { answers }) => sum + answers.length, 0);
  await scene[Symbol.asyncDispose]();
  const records = await withStore((store) => store.records.list({ limit: 100_000 }));
  broken.push(...records.flatMap(({ record }) => faultsOf(record)));
  await api.stop();
  await echo.stop();
  return { broken, asked: requests.length, calls, statuses };
}

const keyAccount: NewAccount = { kind: "gemini-api-key", secret: KEY };

const servedAccount = (number: number) => ({
  email: `owner-${number}@example.test`,
  refreshToken: `1//test-${number}`,
  project: `sample-project-${number}`,
});

/** Of tokens that were expired on purpose, and of models that a key turns out not to have. */
const EXPECTED_REFUSALS = new Set(["token-expired", "model-unknown"]);
const UNDATED = new Set(["exhausted-generic", "exhausted-array"]);
const REGIONAL = new Set(["location", "security-policy"]);
const STATUSES = [200, 400, 403, 404, 429, 500, 502, 503, 504, 529];

/** `isGone`: the account that was asked last was taken away, and what was known of its limits with it. */
function checkAnswer(asked: Asked, calls: number, isGone: boolean, broken: string[]): void {
  const { number, client, stream, told, hungUp, answers, startedAt, toldAt = startedAt } = asked;
  const names = answers.map(({ name }) => name);
  const say = (what: string) =>
    broken.push(`request ${number} (${names.join()}): ${what}; told ${told?.status} ${told?.text.slice(0, 200)}`);
  const block = names.findIndex((name) => name === "terms");
  if (block >= 0 && block < names.length - 1) say("was tried elsewhere after a terms block");
  if (hungUp || told === undefined) return;
  const { status, attempts, retryAfter } = told;
  const last = names.at(-1) ?? "";
  if (!STATUSES.includes(status)) say(`status ${status}`);
  if (status === 403 && !REGIONAL.has(last)) say("403");
  if (status === 429 && retryAfter === undefined && !UNDATED.has(last) && !isGone) say("429 without Retry-After");
  if (stream && toldAt - startedAt > FIRST_BATCH_MS + 2 * STRIDE_MS) say(`told after ${toldAt - startedAt} ms`);
  const drops = names.filter((name) => name === "drop").length;
  // A stream's head may be sent before its last attempt, and the deadline may come while a call is on its way.
  // An attempt that was begun may end before it has reached anybody.
  const isCutShort = status === 504 || told.text.includes("being stopped");
  if ((!stream && attempts < calls - drops) || attempts > calls + (isCutShort ? 1 : 0)) {
    say(`x-ag-attempts ${attempts}, upstream calls ${calls}`);
  }
  try {
    if (status === 200 && stream)
      client.checkOrder(told.text, client.terminator.test(told.text) ? "complete" : "failed");
    else if (status !== 200) client.checkError(JSON.parse(told.text));
    else JSON.parse(told.text);
  } catch (cause) {
    say(`not of its protocol's shape: ${String(cause).slice(0, 300)}`);
  }
}
