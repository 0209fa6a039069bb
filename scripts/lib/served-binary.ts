export interface ServedBinary {
  /** "http://127.0.0.1:40123", as the server printed it. */
  url: string;
  pid: number;
  /** Its exit code, once it has ended. */
  exited: Promise<number>;
  /** Asks the server to end and resolves with its exit code. */
  stop(): Promise<number>;
}

const START_TIMEOUT_MS = 15_000;

/**
 * Starts a gateway with nothing of the caller's environment but PATH and what is given, and waits until it has printed
 * its address.
 */
export async function startServer(
  command: string[],
  home: string,
  env: Record<string, string> = {},
): Promise<ServedBinary> {
  const child = Bun.spawn(command, {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stderr = child.stderr.text();
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  let output = "";
  let url: string | undefined;
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  while (url === undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    output += decoder.decode(value, { stream: true });
    url = /listens on (http:\/\/\S+?)\/?\s/.exec(output)?.[1];
  }
  clearTimeout(timer);
  if (url === undefined)
    throw new Error(`the server did not start: ${(await stderr).trim() || output.trim() || "no output"}`);
  void drain(reader);
  return {
    url,
    pid: child.pid,
    exited: child.exited,
    async stop() {
      child.kill("SIGTERM");
      return child.exited;
    },
  };
}

/** Keeps the pipe empty, so that the server never blocks on writing. */
async function drain(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}
