import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";

const MAIN = resolve(import.meta.dir, "../../src/main.ts");

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** A home directory of its own for each test, removed when disposed. */
export function freshHome(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "ag-cli-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts `ag` from source with nothing of this process's environment but PATH. */
export function spawnAg(home: string, words: string[], env: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, "--no-env-file", MAIN, ...words], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH, ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs `ag` to its end. */
export async function runAg(
  home: string,
  words: string[],
  { env = {}, stdin = "" }: { env?: Record<string, string>; stdin?: string } = {},
): Promise<Outcome> {
  const child = spawnAg(home, words, env);
  child.stdin.write(stdin);
  await child.stdin.end();
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

/** Resolves with all text so far once it matches; throws when the stream ends before. */
export async function readUntil(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  while (!pattern.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Ended before ${pattern}: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text;
}

/** Runs `ag` on a terminal: each time the screen shows a pattern (after what was shown before), these keys are pressed. */
export async function agOnTerminal(
  home: string,
  words: string[],
  keys: readonly [shown: RegExp, press: string][],
): Promise<{ code: number; screen: string }> {
  let screen = "";
  let changed = Promise.withResolvers<void>();
  const utf8 = new TextDecoder();
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, ...words], {
    cwd: home,
    env: { HOME: home, AG_HOME: home, PATH: process.env.PATH, TERM: "xterm", NO_COLOR: "1" },
    terminal: {
      cols: 80,
      rows: 40,
      data(_, data) {
        screen += stripVTControlCharacters(utf8.decode(data, { stream: true }));
        changed.resolve();
        changed = Promise.withResolvers();
      },
    },
  });
  let from = 0;
  for (const [shown, press] of keys) {
    while (!shown.test(screen.slice(from))) {
      const isOver = await Promise.race([changed.promise, child.exited.then(() => true)]);
      if (isOver && !shown.test(screen.slice(from))) throw new Error(`Ended before ${shown}: ${screen}`);
    }
    from = screen.length;
    child.terminal?.write(press);
  }
  return { code: await child.exited, screen };
}
