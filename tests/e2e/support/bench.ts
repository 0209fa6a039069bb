import Anthropic, { type ClientOptions as AnthropicOptions } from "@anthropic-ai/sdk";
import OpenAI, { type ClientOptions as OpenAIOptions } from "openai";
import type { Clock } from "../../../src/lib/clock.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { briskClock } from "../../support/clock.ts";
import { type CloudCodeServer, type ServedAccount, startCloudCode } from "../../support/cloudcode/index.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";

/** The whole gateway over the strict server, and the official SDKs pointed at it. */
export interface Bench extends AsyncDisposable {
  readonly upstream: CloudCodeServer;
  /** The gateway's present address; it changes with a restart. */
  url(): string;
  anthropic(options?: AnthropicOptions): Anthropic;
  openai(options?: OpenAIOptions): OpenAI;
  /** Ends the gateway and starts another one over the same data directory: what was only in memory is gone. */
  restart(): Promise<void>;
}

export interface BenchOptions {
  accounts?: readonly ServedAccount[];
  env?: Record<string, string>;
  config?: JsonObject;
  /** Absent: one whose short pauses end at once, time limits of a few seconds too. */
  clock?: Clock;
}

export async function startBench({ accounts, env, config, clock = briskClock() }: BenchOptions = {}): Promise<Bench> {
  const upstream = await startCloudCode(accounts && { accounts });
  const options = { clock, ...(env && { env }), ...(config && { config }) };
  let gateway: TestGateway = await startGateway(upstream, options);
  return {
    upstream,
    url: () => gateway.url,
    // The SDKs' own retries would hide what the gateway answered.
    anthropic: (over) => new Anthropic({ apiKey: "sk-ag-test", baseURL: gateway.url, maxRetries: 0, ...over }),
    openai: (over) => new OpenAI({ apiKey: "sk-ag-test", baseURL: `${gateway.url}/v1`, maxRetries: 0, ...over }),
    async restart() {
      await gateway.stop();
      gateway = await startGateway(upstream, { ...options, home: gateway.home });
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.stop();
    },
  };
}

/** Two sign-ins of made-up owners: a1 and a2. */
export const TWO_ACCOUNTS: readonly ServedAccount[] = [
  { email: "first@example.test", refreshToken: "1//test-first", project: "first-project-a1b2c" },
  { email: "second@example.test", refreshToken: "1//test-second", project: "second-project-z9y8x" },
];

/** For clients that are to hear of a limit rather than to wait for its end. */
export const NO_WAITING: JsonObject = { scheduling: { maxWaitMs: 0 } };

export const MODES = ["whole", "streamed"] as const;
export type Mode = (typeof MODES)[number];

/** What the work fails with; throws when it does not fail. The SDKs' promises are thenables that `expect().rejects` misreads. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (cause) {
    return cause;
  }
  throw new Error("it did not fail");
}
