/** The gateway of a soak, a process of its own, and what Linux says about it. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { composeStore, newKey } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { gatewayEnvironment, signInOf } from "../../tests/support/gateway.ts";
import { startServer } from "./served-binary.ts";
import type { SoakUpstream } from "./soak-upstream.ts";

export interface SoakGateway extends AsyncDisposable {
  port: number;
  pid: number;
  /** Its data directory. */
  home: string;
  /** Opens everything but nothing that is meant for owners alone. */
  key: string;
  /** Requests that it is answering, by its own count. Rejects when it does not say. */
  inFlight(): Promise<number>;
  /** Requests for models that it has finished, by its own count. */
  finished(): Promise<number>;
  reading(): Reading;
  exited: Promise<number>;
  /** Asks it to end; its exit code. */
  stop(): Promise<number>;
}

export interface Reading {
  rssBytes: number;
  descriptors: Descriptors;
  databaseBytes: number;
  /** Files that nobody can name a reason for, in the data directory and the folder for temporary files. */
  strayFiles: string[];
}

export interface Descriptors {
  total: number;
  /** Connections of clients. */
  clients: number;
  /** Connections to the upstream, kept ones included. */
  upstream: number;
  /** All else: files, the listener, what the runtime has for itself. */
  other: number;
}

const MAIN = resolve(import.meta.dir, "../../src/main.ts");

/** `binary`: absent: from source. */
export async function startSoakGateway(
  upstream: SoakUpstream,
  config: JsonObject,
  binary?: string | undefined,
): Promise<SoakGateway> {
  const folder = mkdtempSync(join(tmpdir(), "ag-soak-"));
  const home = join(folder, "home");
  const temporary = join(folder, "tmp");
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(temporary);
  writeFileSync(join(home, "config.jsonc"), JSON.stringify(config));
  const env = { ...gatewayEnvironment(upstream.addresses, home), AG_LOG_LEVEL: "error" };
  const key = await fillStore(upstream, env);
  const command = binary === undefined ? [process.execPath, "--no-env-file", MAIN] : [binary];
  const server = await startServer([...command, "serve"], folder, { ...env, TMPDIR: temporary });
  const port = Number(new URL(server.url).port);

  const metric = async (name: string): Promise<number> => {
    const reply = await fetch(`${server.url}/metrics`, {
      // Not to be seen among the connections that are counted.
      headers: { authorization: `Bearer ${key}`, connection: "close" },
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`/metrics answered ${reply.status}: ${text.slice(0, 300)}`);
    const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  };
  let exitCode: number | undefined;
  const stop = async () => (exitCode ??= await server.stop());
  return {
    port,
    pid: server.pid,
    home,
    key,
    inFlight: () => metric("ag_requests_in_flight"),
    finished: () => metric("ag_requests_total"),
    reading: () => ({
      rssBytes: rssOf(server.pid),
      descriptors: descriptorsOf(server.pid, port, upstream.port),
      databaseBytes: sizeOf(home, (name) => name.startsWith("ag.db")),
      strayFiles: strayFiles(home, temporary),
    }),
    exited: server.exited,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The accounts as their owners would have added them, and a key. Returns the key. */
async function fillStore({ accounts }: SoakUpstream, env: Record<string, string>): Promise<string> {
  const store = await composeStore(loadConfig({ env, oauthClient: undefined }));
  const now = Date.now();
  const { text, digest, hint } = newKey();
  try {
    const sign = accounts.map((account) => ({
      ...signInOf(account),
      ...(account.project !== undefined && { projectId: account.project }),
    }));
    await store.accounts.add(sign, now, { again: false });
    await store.keys.create({ digest, hint, scopes: ["inference", "admin", "metrics"], models: [], createdAt: now });
  } finally {
    await store.close();
  }
  return text;
}

function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

function descriptorsOf(pid: number, port: number, upstreamPort: number): Descriptors {
  const clients = new Set<string>();
  const upstream = new Set<string>();
  for (const file of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/${pid}/net/${file}`, "utf8").split("\n").slice(1)) {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (inode === undefined || state === LISTEN) continue;
      if (portOf(local) === port) clients.add(`socket:[${inode}]`);
      if (portOf(remote) === upstreamPort) upstream.add(`socket:[${inode}]`);
    }
  }
  const open = readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
  const count = (sockets: ReadonlySet<string>) => open.filter((target) => sockets.has(target)).length;
  const [ofClients, ofUpstream] = [count(clients), count(upstream)];
  return { total: open.length, clients: ofClients, upstream: ofUpstream, other: open.length - ofClients - ofUpstream };
}

const LISTEN = "0A";

function portOf(address = ""): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function sizeOf(folder: string, isMeant: (name: string) => boolean): number {
  return filesUnder(folder)
    .filter(isMeant)
    .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

const EXPECTED = /^(?:config\.jsonc|ag\.db(?:-wal|-shm)?|ag\.key|backups\/[^/]+)$/;

function strayFiles(home: string, temporary: string): string[] {
  return [
    ...filesUnder(home).filter((name) => !EXPECTED.test(name)),
    ...filesUnder(temporary).map((name) => join("TMPDIR", name)),
  ];
}
