import { readFile } from "node:fs/promises";
import { SHORTEST_PASSPHRASE } from "../accounts/archive.ts";
import { errorCode } from "../lib/error-code.ts";
import { EXIT, UserError, UsageError } from "./failure.ts";

/** The flag of commands that need a passphrase. */
export const PASSPHRASE_FILE = {
  type: "string",
  valueHint: "FILE",
  description: "file, or - for stdin, whose first line is the archive's passphrase; without it, it is asked for",
} as const;

const PASSPHRASE_FILE_HINT = "Write the passphrase to a file that only you can read, and give --passphrase-file FILE";

export interface PassphraseOptions {
  /** A file, or "-" for stdin, whose first line it is. Absent: it is asked for on the terminal. */
  file: string | undefined;
  message: string;
  /** A new one is asked for twice, and has a shortest length. */
  isNew: boolean;
}

/** A passphrase from a file or, unseen, from the terminal; never from the command line. Throws UserError. */
export async function readPassphrase({ file, message, isNew }: PassphraseOptions): Promise<string> {
  const passphrase = file === undefined ? await askFor(message, isNew) : await readFirstLine(file);
  const fault = isNew ? faultOf(passphrase) : undefined;
  if (fault !== undefined) throw new UserError(fault);
  return passphrase;
}

async function askFor(message: string, isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError("There is no terminal to ask for the passphrase on", PASSPHRASE_FILE_HINT);
  }
  const { isCancel, password } = await import("@clack/prompts");
  // Prompts go to stderr: stdout may be where the archive goes.
  const ask = async (question: string, fault: (answer: string) => string | undefined) => {
    const validate = (answer: string | undefined) => fault(answer ?? "");
    const answer = await password({ message: question, output: process.stderr, clearOnError: true, validate });
    if (isCancel(answer)) throw new UserError("Interrupted; nothing was done", { exitCode: EXIT.interrupted });
    return answer;
  };
  if (!isNew) return ask(message, (answer) => (answer === "" ? "Type the passphrase, or press Ctrl-C" : undefined));
  const passphrase = await ask(message, faultOf);
  await ask("The same once more", (answer) => (answer === passphrase ? undefined : "That is not the same"));
  return passphrase;
}

function faultOf(passphrase: string): string | undefined {
  // As a reader counts: what is one character on the screen is one here.
  const length = [...passphrase].length;
  return length < SHORTEST_PASSPHRASE ? `The passphrase needs at least ${SHORTEST_PASSPHRASE} characters` : undefined;
}

async function readFirstLine(path: string): Promise<string> {
  let text: string;
  try {
    text = path === "-" ? await Bun.stdin.text() : await readFile(path, "utf8");
  } catch (cause) {
    const code = errorCode(cause) ?? "";
    const why = code === "ENOENT" ? "does not exist" : `cannot be read${code && ` (${code})`}`;
    throw new UserError(`The passphrase file ${path} ${why}`, { cause });
  }
  const [line = ""] = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1);
  if (line === "")
    throw new UserError(`The first line of ${path === "-" ? "stdin" : path} is empty: there is no passphrase in it`);
  return line;
}
