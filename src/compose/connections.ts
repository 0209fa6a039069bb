import type { Clock } from "../lib/clock.ts";
import { proxyFor } from "../media/proxy-for.ts";
import { type Connections, createAccountPools } from "../upstreams/shared/account-pools.ts";
import { createConnectWatch } from "../upstreams/shared/connect-watch.ts";

const MOST_ACCOUNTS = 1_000;

/** The connections to everything outside, one pool for each account. Proxies are those of the environment. */
export function composeConnections(connectMs: number, clock: Clock): Connections {
  const watched = createConnectWatch({ connectMs, isSilent, clock });
  return createAccountPools({
    open(kept) {
      const session = new Bun.FetchSession({ keepAlive: kept });
      return { fetch: watched((url, options) => session.fetch(url, options)), close: () => session.close() };
    },
    clock,
    uptimeMs: () => performance.now(),
    most: MOST_ACCOUNTS,
  });
}

/** See ConnectWatchDeps. With https a connection is one when the handshake is done. */
export async function isSilent(url: string, limitMs: number): Promise<boolean> {
  // Loaded late: they take milliseconds of each start, and a host is seldom tried.
  const [{ connect }, { connect: connectTls }] = await Promise.all([import("node:net"), import("node:tls")]);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const asked = new URL(url);
  const proxy = proxyFor(asked, process.env);
  const target = proxy === undefined ? asked : new URL(proxy);
  const isTls = target.protocol === "https:";
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const port = Number(target.port) || (isTls ? 443 : 80);
  // Nothing is sent over it, so whose certificate it is does not matter.
  const socket = isTls
    ? connectTls({ host, port, rejectUnauthorized: false, ...(!isAddress(host) && { servername: host }) })
    : connect({ host, port });
  const timer = setTimeout(() => resolve(true), limitMs);
  socket.once(isTls ? "secureConnect" : "connect", () => resolve(false));
  socket.on("error", () => resolve(false)); // an answer too
  socket.once("close", () => resolve(false));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[\d.]+$/.test(host);
}
