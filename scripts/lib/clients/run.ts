import { spawn } from "node:child_process";

export interface ProgramRun {
  /** The program and its words. */
  command: readonly string[];
  /** All of its environment. */
  env: Readonly<Record<string, string>>;
  directory: string;
  /** Written to its standard input, which then ends. */
  input?: string;
  timeLimitMs: number;
  /** Ends the program before its time. */
  signal: AbortSignal;
}

export interface ProgramEnd {
  /** `undefined`: it was ended from outside. */
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  elapsedMs: number;
  ended: "by itself" | "by the time limit" | "by the signal";
}

/** Runs a program in a process group of its own; whatever of the group is left at its end is killed. */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const { command, env, directory, input = "", timeLimitMs, signal } = run;
  const [program = "", ...words] = command;
  const startedAt = performance.now();
  const child = spawn(program, words, { cwd: directory, env: { ...env }, detached: true, stdio: "pipe" });
  const onExit = () => killGroup(child.pid);
  process.once("exit", onExit);
  let ended: ProgramEnd["ended"] = "by itself";
  const killAs = (how: ProgramEnd["ended"]) => {
    ended = how;
    killGroup(child.pid);
  };
  const timer = setTimeout(() => killAs("by the time limit"), timeLimitMs);
  const onAbort = () => killAs("by the signal");
  signal.addEventListener("abort", onAbort, { once: true });

  const written = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (written.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (written.stderr += text));
  child.stdin.on("error", () => {}); // a program that ends before it has read everything is not at fault
  child.stdin.end(input);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      // Not "close": a helper that the program leaves behind may hold its output open.
      child.once("exit", (code) => setTimeout(() => resolve(code), LAST_OUTPUT_MS));
    });
    return { exitCode: exitCode ?? undefined, ...written, elapsedMs: performance.now() - startedAt, ended };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    process.off("exit", onExit);
    killGroup(child.pid);
  }
}

/** What a program has written reaches us a moment after its end. */
const LAST_OUTPUT_MS = 100;

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}
