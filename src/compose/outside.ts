import type { OAuthClient } from "../auth/google.ts";
import type { Config } from "../config/load.ts";
import type { NewAccount } from "../core/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fetch } from "../lib/fetch.ts";
import { hostsFor, type Hosts } from "../upstreams/cloudcode/index.ts";
import type { DemoScenario } from "../upstreams/demo/index.ts";
import { composeConnections } from "./connections.ts";
import { newId } from "./ids.ts";

/** Everything beyond this process: Google, or the demo in its place. */
export interface Outside {
  fetch: Fetch;
  hosts: Hosts;
  geminiUrl: string;
  tokenUrl: string;
  userinfoUrl: string;
  /** Absent: none is configured. */
  client(): OAuthClient | undefined;
  /** Accounts that are there from the start. */
  accounts: readonly NewAccount[];
  /** Closes the connections that are kept for later calls. */
  close(): void;
}

export function realOutside({ oauth, cloudcode, gemini, timeouts }: Config, clock: Clock): Outside {
  const { clientId: id, clientSecret: secret, tokenUrl, userinfoUrl } = oauth;
  return {
    ...composeConnections(timeouts.connectMs, clock),
    hosts: hostsFor(cloudcode.urls),
    geminiUrl: gemini.url,
    tokenUrl,
    userinfoUrl,
    client: () => (id !== undefined && secret !== undefined ? { id, secret } : undefined),
    accounts: [],
  };
}

export async function demoOutside(scenario: DemoScenario, clock: Clock): Promise<Outside> {
  const { createDemo } = await import("../upstreams/demo/index.ts"); // no start in earnest needs it
  const demo = createDemo({ scenario, clock, newId, random: Math.random });
  return {
    fetch: (url, options) => demo.fetch(url, options),
    hosts: hostsFor([demo.urls.cloudcode]),
    geminiUrl: demo.urls.cloudcode, // no account of the demo has a key
    tokenUrl: demo.urls.token,
    userinfoUrl: demo.urls.userinfo,
    client: () => ({ id: "demo", secret: "demo" }),
    accounts: demo.accounts,
    close: () => {},
  };
}
