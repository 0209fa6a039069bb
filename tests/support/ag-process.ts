import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Account } from "../../src/core/accounts.ts";
import { spawnAg } from "../cli/support.ts";
import type { CloudCodeServer } from "./cloudcode/index.ts";
import { gatewayEnvironment, signInOf } from "./gateway.ts";
import { temporaryHome } from "./temporary.ts";

/** `ag serve` in a process of its own, with everything it writes kept. */
export interface AgProcess {
  url: string;
  /** All it has written to stdout and stderr so far. */
  written(): string;
  /** Resolves once it has written this (after the first `from` characters); rejects when it ends without. */
  hasWritten(pattern: RegExp, from?: number): Promise<void>;
  isAlive(): boolean;
  home: string;
  stop(): Promise<void>;
}

/** What is stored of a gateway's accounts, less the times of their use. */
export async function storedAccounts(upstream: CloudCodeServer, home: string): Promise<Omit<Account, "lastUsedAt">[]> {
  const store = await composeStore(loadConfig({ env: gatewayEnvironment(upstream, home), oauthClient: undefined }));
  const accounts = await store.accounts.list();
  await store.close();
  return accounts.map(({ lastUsedAt: _, ...account }) => account);
}

/**
 * Started from source over the strict server, on a free port, with all accounts of the upstream's world; with these variables
 * besides.
 */
export async function startAgProcess(
  upstream: CloudCodeServer,
  variables: Record<string, string> = {},
): Promise<AgProcess> {
  const home = temporaryHome();
  const env = { ...gatewayEnvironment(upstream, home), ...variables };
  const config = loadConfig({ env, oauthClient: undefined });
  const store = await composeStore(config);
  await store.accounts.add(
    upstream.world.accounts.map((account) => ({
      ...signInOf(account),
      ...(account.project !== undefined && { projectId: account.project }),
    })),
    Date.now(),
    { again: false },
  );
  await store.close();

  const child = spawnAg(home, ["serve", "--log-level", "debug"], env);
  let text = "";
  let changed = Promise.withResolvers<void>();
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    const utf8 = new TextDecoder();
    for await (const chunk of stream) {
      text += utf8.decode(chunk, { stream: true });
      changed.resolve();
      changed = Promise.withResolvers();
    }
  };
  const ended = Promise.all([keep(child.stdout), keep(child.stderr)]);
  const hasWritten = async (pattern: RegExp, from = 0) => {
    while (!pattern.test(text.slice(from))) {
      const isOver = await Promise.race([changed.promise, ended.then(() => true)]);
      if (isOver && !pattern.test(text.slice(from))) throw new Error(`ended without ${pattern}: ${text}`);
    }
  };
  await hasWritten(/listens on \S+\s/);
  return {
    url: /listens on (\S+?)\/?\s/.exec(text)?.[1] ?? "",
    home,
    written: () => text,
    hasWritten,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
