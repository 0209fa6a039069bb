import { composeStore, newKey } from "../../../src/compose.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { NewKey } from "../../../src/core/keys.ts";
import type { RequestRecord } from "../../../src/core/record.ts";
import { type Store, USAGE_GROUPS, type UsageGroup, type UsageTotal } from "../../../src/core/store.ts";
import type { Usage } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  type Answer,
  dropConnection,
  emptyBody,
  emptyCandidates,
  failure,
  type FailureName,
  FAILURE_NAMES,
  gate,
  type Gate,
  malformedCall,
  pause,
  silent,
  streamError,
  text,
  turn,
  usageOnly,
} from "../../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25 } from "../../support/cloudcode/samples.ts";
import { gatewayEnvironment, signInOf } from "../../support/gateway.ts";
import { randomOf } from "./chaos.ts";
import { startScene, until } from "./scene.ts";

const WAVE = 40;
const ACCOUNTS_PER_WAVE = 4;
const MAX_CONCURRENT = 30;
const STRIDE_MS = 5_000;
/** Longer than any deadline in strides; a wave that is not over by then hangs. */
const MOST_STRIDES = 120;

/** One request, as its client saw it. */
export interface Sent {
  number: number;
  what: string;
  /** Absent: the client was gone before the head of the reply came. */
  status?: number;
  requestId?: string;
  hungUp: boolean;
  /** What upstream says it has used for the answer, where it was given as a whole. */
  served?: Usage;
}

export interface StormReport {
  sent: Sent[];
  /** From the oldest to the newest. */
  records: RequestRecord[];
  usage: Readonly<Record<UsageGroup, UsageTotal[]>>;
}

/** How a request is put. */
interface Put {
  method?: string;
  path: string;
  body?: JsonObject | string;
  headers?: Record<string, string>;
}

type Keys = Readonly<Record<"plain" | "paced" | "narrow" | "expired" | "metrics", string>>;

const NEW_KEYS: Readonly<Record<keyof Keys, Partial<NewKey>>> = {
  plain: {},
  paced: { rpm: 2 },
  narrow: { models: ["gemini-*"] },
  expired: { expiresAt: 1 },
  metrics: { scopes: ["metrics"] },
};

/** Requests for a model in each protocol's words. */
const CALLS: readonly ((prompt: string, model: string, stream: boolean) => Put)[] = [
  (prompt, model, stream) => ({
    path: "/v1/messages",
    body: { model, stream, max_tokens: 64, messages: [{ role: "user", content: prompt }] },
  }),
  (prompt, model, stream) => ({
    path: "/v1/chat/completions",
    body: { model, stream, messages: [{ role: "user", content: prompt }] },
  }),
  (prompt, model, stream) => ({ path: "/v1/responses", body: { model, stream, input: prompt } }),
  (prompt, model, stream) => ({ path: "/v1/completions", body: { model, stream, prompt } }),
  (prompt, model, stream) => ({
    path: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: { contents: [{ role: "user", parts: [{ text: prompt }] }] },
  }),
];

/** What a gateway answers by itself, or not at all. */
const OTHERS: Readonly<Record<string, (prompt: string, keys: Keys) => Put>> = {
  "no such path": () => ({ path: "/v1/nowhere" }),
  "no such method": () => ({ method: "DELETE", path: "/v1/messages" }),
  "a list of models": () => ({ method: "GET", path: "/v1/models" }),
  "a model": () => ({ method: "GET", path: `/v1/models/${GEMINI_25}` }),
  "a model that is none": () => ({ method: "GET", path: "/v1/models/no-such-model" }),
  "an answer that is not kept": () => ({ method: "GET", path: "/v1/responses/resp_none" }),
  "the limits without the scope": () => ({ method: "GET", path: "/account-limits" }),
  "the metrics": (_, { metrics }) => ({ method: "GET", path: "/metrics", headers: { "x-api-key": metrics } }),
  "no model of that name": (prompt) => CALLS[1]?.(prompt, "no-such-model", false) ?? { path: "/" },
  "no JSON": () => ({ path: "/v1/messages", body: "{" }),
  "a field of a wrong shape": () => ({ path: "/v1/chat/completions", body: { model: GEMINI_25, messages: 7 } }),
  "a body that is too large": () => ({ path: "/v1/messages", body: JSON.stringify({ model: "x".repeat(30_000) }) }),
  "a field that strict mode refuses": (prompt) => ({
    path: "/v1/chat/completions",
    headers: { "x-ag-strict": "1" },
    body: { model: GEMINI_25, messages: [{ role: "user", content: prompt }], logit_bias: { 1: 1 } },
  }),
  "a foreign page": (prompt) => ({
    ...(CALLS[0]?.(prompt, CLAUDE, false) ?? { path: "/" }),
    headers: { origin: "https://evil.example" },
  }),
  "no key": (prompt) => ({ ...(CALLS[0]?.(prompt, CLAUDE, false) ?? { path: "/" }), headers: { "x-api-key": "" } }),
  "a wrong key": (prompt) => ({
    ...(CALLS[1]?.(prompt, CLAUDE, true) ?? { path: "/" }),
    headers: { "x-api-key": "sk-ag-test-wrong" },
  }),
  "an expired key": (prompt, { expired }) => ({
    ...(CALLS[2]?.(prompt, CLAUDE, true) ?? { path: "/" }),
    headers: { "x-api-key": expired },
  }),
  "a key of another scope": (prompt, { metrics }) => ({
    ...(CALLS[0]?.(prompt, CLAUDE, true) ?? { path: "/" }),
    headers: { "x-api-key": metrics },
  }),
  "a key for other models": (prompt, { narrow }) => ({
    ...(CALLS[0]?.(prompt, CLAUDE, true) ?? { path: "/" }),
    headers: { "x-api-key": narrow },
  }),
  "a key that is paced": (prompt, { paced }) => ({
    ...(CALLS[1]?.(prompt, GEMINI_25, false) ?? { path: "/" }),
    headers: { "x-api-key": paced },
  }),
  "a count of tokens": (prompt) => ({
    path: "/v1/messages/count_tokens",
    body: { model: CLAUDE, messages: [{ role: "user", content: prompt }] },
  }),
};

const BROKEN = ["drop", "empty", "no candidates", "usage", "malformed", "error inside", "cut", "stall", "stall"];

function answerNameOf(random: () => number): string {
  const dice = random();
  const names = dice < 0.5 ? ["fine"] : dice < 0.65 ? ["held"] : dice < 0.8 ? BROKEN : FAILURE_NAMES;
  return names[Math.floor(random() * names.length)] ?? "fine";
}

async function exchange(one: Sent, url: string, init: RequestInit): Promise<void> {
  try {
    const reply = await fetch(url, init);
    one.status = reply.status;
    const requestId = reply.headers.get("x-ag-request-id");
    if (requestId !== null) one.requestId = requestId;
    await reply.text();
  } catch (cause) {
    if (!one.hungUp) throw cause;
  }
}

/** So many requests of every kind, in waves, each over accounts of its own, with upstream's answers at random; then the records. */
export async function runStorm({ seed, requests }: { seed: number; requests: number }): Promise<StormReport> {
  const random = randomOf(seed);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const sent: Sent[] = [];
  const gates: Gate[] = [];
  /** Of answers whose clients leave in the middle. */
  const leftGates = new Map<Sent, Gate>();
  const controllers = new Map<Sent, AbortController>();

  await using scene = await startScene({
    accounts: [],
    config: {
      server: { maxConcurrent: MAX_CONCURRENT, maxBodyBytes: 20_000 },
      scheduling: { maxConcurrentPerAccount: 4, maxQueued: 14, maxWaitMs: 30_000 },
      records: { keepDays: 365 },
    },
  });
  const { clock, upstream } = scene;

  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const env = gatewayEnvironment(upstream, scene.home);
    const store = await composeStore(loadConfig({ env, oauthClient: undefined }));
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };

  const keys = await withStore(async (store) => {
    const made: [string, string][] = [];
    for (const [name, more] of Object.entries(NEW_KEYS)) {
      const { text: key, ...minted } = newKey();
      await store.keys.create({ ...minted, name, scopes: ["inference"], models: [], createdAt: clock.now(), ...more });
      made.push([name, key]);
    }
    return Object.fromEntries(made) as Keys;
  });

  const answer: Answer = (context) => {
    const one = sent[Number(/request-(\d+)-/.exec(JSON.stringify(context.body))?.[1])];
    if (one === undefined) throw new Error("an upstream call that belongs to no request");
    const own = randomOf(seed * 1_000_003 + one.number * 101 + (one.served?.input ?? 0));
    delete one.served;
    const name = controllers.has(one) ? "held" : answerNameOf(own);
    return answerOf(name, one)(context);
  };

  const answerOf = (name: string, one: Sent): Answer => {
    const newGate = () => {
      const made = gate();
      if (controllers.has(one)) leftGates.set(one, made);
      else gates.push(made);
      return made;
    };
    const usage = { promptTokenCount: 1_000 + one.number, candidatesTokenCount: 7, thoughtsTokenCount: 3 };
    const counted = { usage: { ...usage, cachedContentTokenCount: 500, totalTokenCount: 1_010 + one.number } };
    const served = () => {
      one.served = { input: 1_000 + one.number, cachedInput: 500, output: 10, thinking: 3 };
    };
    switch (name) {
      case "fine":
        served();
        return turn([text("fine")], counted);
      case "held":
        served();
        return turn([text("one"), pause(newGate()), text("two")], counted);
      case "drop":
        return dropConnection();
      case "empty":
        return emptyBody();
      case "no candidates":
        return emptyCandidates();
      case "usage":
        return usageOnly();
      case "malformed":
        return malformedCall();
      case "error inside":
        return turn([text("half"), streamError(503, "busy", "UNAVAILABLE")]);
      case "cut":
        return turn([text("a first half")], { finishReason: null, usage: false });
      case "stall":
        return silent();
      default:
        return failure(name as FailureName);
    }
  };

  const newAccounts = async (wave: number) => {
    const fresh = Array.from({ length: ACCOUNTS_PER_WAVE }, (_, index) => ({
      email: `owner-${wave}-${index}@example.test`,
      refreshToken: `1//test-${wave}-${index}`,
      project: `sample-project-${wave}-${index}`,
    }));
    upstream.world.accounts.push(...fresh);
    await withStore(async ({ accounts }) => {
      for (const { id } of await accounts.list()) await accounts.remove(id, clock.now());
      await accounts.add(fresh.map(signInOf), clock.now(), { again: false });
    });
  };

  const send = () => {
    const one: Sent = { number: sent.length, what: "", hungUp: false };
    sent.push(one);
    const prompt = `request-${one.number}- ${"word ".repeat(below(20))}`;
    const isOther = random() < 0.25;
    const leaves = !isOther && random() < 0.1;
    const model = random() < 0.5 ? CLAUDE : GEMINI_25;
    const other = pick(Object.keys(OTHERS));
    const call = isOther ? OTHERS[other]?.(prompt, keys) : pick(CALLS)(prompt, model, random() < 0.5);
    const { method = "POST", path, body, headers }: Put = call ?? { path: "/" };
    one.what = isOther ? other : `${path}${leaves ? ", left" : ""}`;
    const controller = new AbortController();
    if (leaves) controllers.set(one, controller);
    const init = {
      method,
      headers: { "x-api-key": keys.plain, "x-session-id": `session-${below(12)}`, ...headers },
      signal: controller.signal,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    };
    return exchange(one, scene.url() + path, init).finally(() => controllers.delete(one));
  };

  /** Lets what is on its way arrive. */
  const quiet = async () => {
    for (let trip = 0; trip < 2; trip++) {
      await (await fetch(`${scene.url()}/healthz`)).text();
      await until(() => true, 3);
    }
  };

  upstream.always(answer);
  for (let wave = 0; sent.length < requests; wave++) {
    await newAccounts(wave);
    await clock.advance(STRIDE_MS);
    const told = Array.from({ length: Math.min(WAVE, requests - sent.length) }, send);
    const state = { isOver: false };
    const all = Promise.all(told).finally(() => (state.isOver = true));
    for (let stride = 0; !state.isOver; stride++) {
      if (stride === MOST_STRIDES) throw new Error(`wave ${wave} does not end`);
      await quiet();
      for (const [one, door] of leftGates) {
        if (random() < 0.3) continue;
        one.hungUp = true;
        controllers.get(one)?.abort();
        await quiet();
        door.open();
        leftGates.delete(one);
      }
      if (stride > 1) for (const one of gates.splice(0)) one.open();
      await clock.advance(stride % 3 === 0 ? STRIDE_MS : 700);
    }
    await all;
  }
  await scene.restart(); // what was buffered is written
  return withStore(async (store) => ({
    sent,
    records: (await store.records.list({ limit: 100_000 })).map(({ record }) => record).toReversed(),
    usage: Object.fromEntries(
      await Promise.all(USAGE_GROUPS.map(async (by) => [by, await store.usage.totals(by)] as const)),
    ) as StormReport["usage"],
  }));
}
