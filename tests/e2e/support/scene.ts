import type { JsonObject } from "../../../src/lib/json.ts";
import type { Client } from "../../support/clients.ts";
import { type FakeClock, fakeClock } from "../../support/clock.ts";
import { type CloudCodeOptions, type CloudCodeServer, startCloudCode } from "../../support/cloudcode/index.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { CLAUDE } from "../../support/cloudcode/samples.ts";

/** The whole gateway and its upstream on one clock that only moves when told to. */
export interface Scene extends AsyncDisposable {
  readonly upstream: CloudCodeServer;
  readonly clock: FakeClock;
  readonly home: string;
  url(): string;
  /** One request of a conversation that the client names; rejects when nothing answers. */
  ask(client: Client, options?: AskOptions): Promise<Told>;
  /** Resolves when upstream has answered all it was asked, and the gateway lets this time, and at most two seconds more, pass. */
  waitsFor(ms: number): Promise<void>;
  /** Ends the gateway and starts another one over the same data, with these variables besides. */
  restart(env?: Record<string, string>): Promise<void>;
}

export interface AskOptions {
  stream?: boolean;
  /** The conversation. */
  session?: string;
  model?: string;
  fields?: JsonObject;
  signal?: AbortSignal;
  /** The reply's head is there. */
  onHead?(): void;
}

/** What the client was told. */
export interface Told {
  status: number;
  account: string | null;
  model: string | null;
  attempts: number;
  waitedMs: number;
  retryAfter: number | undefined;
  text: string;
}

/** A longer pause is cut into pieces, between which other processes' changes are looked for. */
const LOOK_EVERY_MS = 1_000;
const SETTLED_TURNS = 20;

export interface SceneOptions extends CloudCodeOptions {
  config?: JsonObject;
  env?: Record<string, string>;
  /** Unix ms. */
  startAt?: number;
}

export async function startScene({ config, env, startAt, ...options }: SceneOptions = {}): Promise<Scene> {
  const clock = fakeClock(startAt);
  const upstream = await startCloudCode({ now: clock.now, ...options });
  const gatewayOptions = { clock, fromSources: true as const, ...(config && { config }), ...(env && { env }) };
  let gateway: TestGateway = await startGateway(upstream, gatewayOptions);
  return {
    upstream,
    clock,
    home: gateway.home,
    url: () => gateway.url,
    ask: (client, asked) => ask(gateway.url, client, asked),
    waitsFor: (ms) => {
      const isPause = (asleep: number) => asleep === LOOK_EVERY_MS || (asleep >= ms && asleep <= ms + 2_000);
      const isIdle = () => upstream.log.every(({ outcome }) => outcome !== undefined);
      return until(() => isIdle() && clock.sleeping().some(isPause), SETTLED_TURNS);
    },
    async restart(more) {
      await gateway.stop();
      gateway = await startGateway(upstream, { ...gatewayOptions, env: { ...env, ...more }, home: gateway.home });
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.stop();
    },
  };
}

/** One request to the gateway at this address; see `Scene.ask`. */
export async function ask(
  url: string,
  client: Client,
  { stream = false, session, model = CLAUDE, fields, signal, onHead }: AskOptions = {},
): Promise<Told> {
  const reply = await fetch(url + client.path, {
    method: "POST",
    headers: session === undefined ? {} : { "x-session-id": session },
    body: JSON.stringify(client.request("hidden", { model, stream, ...fields })),
    ...(signal && { signal }),
  });
  onHead?.();
  const { headers, status } = reply;
  const retryAfter = headers.get("retry-after");
  return {
    status,
    account: headers.get("x-ag-account"),
    model: headers.get("x-ag-model"),
    attempts: Number(headers.get("x-ag-attempts")),
    waitedMs: Number(headers.get("x-ag-waited-ms")),
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    text: await reply.text(),
  };
}

/** Lets everything run until the condition holds, for this many turns. Sockets need real time, but how much is not asserted. */
export async function until(condition: () => boolean, turns = 1): Promise<void> {
  const end = performance.now() + 10_000;
  for (let held = 0; held < turns; held = condition() ? held + 1 : 0) {
    if (performance.now() > end) throw new Error("what was waited for did not happen");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
