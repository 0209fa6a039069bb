import { join } from "node:path";
import { consola } from "consola/basic";
import { startServer } from "../../scripts/lib/served-binary.ts";
import { composeGateway, composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { NewAccount } from "../../src/core/store.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { type CloudCodeServer, DEFAULT_CLIENT, type ServedAccount } from "./cloudcode/index.ts";
import { temporaryHome } from "./temporary.ts";

export interface TestGateway {
  url: string;
  /** Its data directory; give it to another gateway to play a restart. */
  home: string;
  stop(): Promise<void>;
}

export interface TestGatewayOptions {
  home?: string;
  env?: Record<string, string>;
  /** Written as the home's config.jsonc. */
  config?: JsonObject;
  /** Absent: every account of the upstream's world. */
  accounts?: readonly NewAccount[];
  /** Absent: the system's. A compiled gateway has its own whatever stands here. */
  clock?: Clock;
  /** The test moves the clock: nothing but the sources will do. */
  fromSources?: true;
  /** Files that requests name may come from loopback. Never with a binary: it has no such switch. */
  mediaFromLoopback?: true;
}

/** The environment that makes a gateway use this upstream and nothing else of the machine. */
export function gatewayEnvironment(upstream: Pick<CloudCodeServer, "url" | "tokenUrl" | "userinfoUrl">, home: string) {
  return {
    AG_HOME: home,
    AG_PORT: "0",
    AG_CLOUDCODE_URLS: upstream.url,
    AG_OAUTH_TOKEN_URL: upstream.tokenUrl,
    AG_OAUTH_USERINFO_URL: upstream.userinfoUrl,
    AG_OAUTH_CLIENT_ID: DEFAULT_CLIENT.id,
    AG_OAUTH_CLIENT_SECRET: DEFAULT_CLIENT.secret,
  };
}

/** The account as its owner would have added it. */
export function signInOf({ refreshToken, email }: ServedAccount): NewAccount {
  return { kind: "antigravity", secret: refreshToken, email };
}

/** Path of a compiled `ag` that shall stand in for the sources, its own clock included: scripts/test-binary.ts. */
export const BINARY = process.env["AG_TEST_BINARY"];

/** The whole gateway, composed as in earnest, in this process, on a free port, over the strict server. */
export async function startGateway(upstream: CloudCodeServer, options: TestGatewayOptions = {}): Promise<TestGateway> {
  consola.level = -999; // the log line of every request is not what is tested here
  const home = options.home ?? temporaryHome();
  const env = { ...gatewayEnvironment(upstream, home), ...options.env };
  if (options.config) await Bun.write(join(home, "config.jsonc"), JSON.stringify(options.config));
  const config = loadConfig({ env, oauthClient: undefined });
  const accounts = options.accounts ?? upstream.world.accounts.map(signInOf);
  const store = await composeStore(config);
  await store.accounts.add(accounts, Date.now(), { again: false });
  await store.close();
  if (BINARY !== undefined && !options.fromSources) {
    const { url, stop } = await startServer([BINARY, "serve"], home, env);
    return { url, home, stop: async () => void (await stop()) };
  }
  const gateway = await composeGateway(config, {
    demo: false,
    ...(options.clock && { clock: options.clock }),
    ...(options.mediaFromLoopback && { mayConnectTo: (address: string) => address === "127.0.0.1" }),
  });
  const { url } = await gateway.listen();
  return { url: url.replace(/\/$/, ""), home, stop: () => gateway.close() };
}
