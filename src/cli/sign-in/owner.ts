import { UserError } from "../failure.ts";
import { print, printError } from "../terminal.ts";

/** The person, or the script, in front of the command: what it is told and asked. */
export interface Owner {
  /** Progress for people, in the order in which it was said. */
  say(text: string): void;
  /** Resolves when all that was said has been written. */
  heard(): Promise<void>;
  /** Both only on a terminal. Reject with exit code 130 on Ctrl-C. */
  prompts?: { confirm(question: string): Promise<boolean>; secret(question: string): Promise<string> };
}

/** With `quietStdout`, stdout is left to the document that a script waits for. */
export function ownerHere(quietStdout: boolean): Owner {
  const write = quietStdout ? printError : print;
  let written: Promise<void> = Promise.resolve();
  const say = (text: string) => {
    written = written.then(() => write(text));
  };
  const heard = () => written;
  // Prompts wait for ever on an input that is none.
  if (!process.stdin.isTTY) return { say, heard };
  const output = quietStdout || !process.stdout.isTTY ? process.stderr : process.stdout;
  return {
    say,
    heard,
    prompts: {
      async confirm(question) {
        await written;
        const { confirm, isCancel } = await import("@clack/prompts");
        const answer = await confirm({ message: question, initialValue: false, output });
        if (isCancel(answer)) throw interrupted();
        return answer;
      },
      async secret(question) {
        await written;
        const { isCancel, password } = await import("@clack/prompts");
        const answer = await password({ message: question, output, clearOnError: true });
        if (isCancel(answer)) throw interrupted();
        return answer;
      },
    },
  };
}

function interrupted(): UserError {
  return new UserError("Interrupted; nothing was stored", { exitCode: 130 });
}
