import { spawnAg } from "../../cli/support.ts";
import type { CloudCodeServer } from "../../support/cloudcode/index.ts";
import { gatewayEnvironment } from "../../support/gateway.ts";

/** `ag accounts add` in a process of its own. */
export interface SignInProcess {
  /** Where the owner signs in, as soon as it is shown. */
  url(): Promise<string>;
  type(line: string): Promise<void>;
  endInput(): Promise<void>;
  interrupt(): void;
  /** Resolves once it has written this to either stream. */
  hasWritten(pattern: RegExp): Promise<void>;
  ended: Promise<{ code: number; stdout: string; stderr: string }>;
}

export function signInEnvironment(upstream: CloudCodeServer, home: string): Record<string, string> {
  return {
    ...gatewayEnvironment(upstream, home),
    AG_OAUTH_AUTHORIZE_URL: upstream.authorizeUrl,
    BROWSER: "true", // takes any address, and shows nothing
  };
}

export function startSignIn(home: string, words: string[], env: Record<string, string>): SignInProcess {
  const child = spawnAg(home, ["accounts", "add", ...words], env);
  const text = { stdout: "", stderr: "" };
  let changed = Promise.withResolvers<void>();
  const keep = async (name: "stdout" | "stderr") => {
    const utf8 = new TextDecoder();
    for await (const chunk of child[name]) {
      text[name] += utf8.decode(chunk, { stream: true });
      changed.resolve();
      changed = Promise.withResolvers();
    }
  };
  const kept = Promise.all([keep("stdout"), keep("stderr")]);
  const find = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
      if (found) return found;
      const isOver = await Promise.race([changed.promise, kept.then(() => true)]);
      if (isOver && !pattern.test(text.stdout + text.stderr)) {
        throw new Error(`ended without ${pattern}: ${text.stdout}${text.stderr}`);
      }
    }
  };
  return {
    url: async () => (await find(/^ {2}(https?:\S+)\s*$/m))[1] ?? "",
    async type(line) {
      child.stdin.write(`${line}\n`);
      await child.stdin.flush();
    },
    endInput: async () => void (await child.stdin.end()),
    interrupt: () => child.kill("SIGINT"),
    hasWritten: async (pattern) => void (await find(pattern)),
    ended: kept.then(async () => ({ code: await child.exited, ...text })),
  };
}
