import { readFileSync } from "node:fs";

/** What the choice of a browser depends on. */
export interface Desktop {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** Linux inside Windows. */
  isWsl: boolean;
  hasCommand(name: string): boolean;
}

/**
 * The commands that may open the address, the best first; each is a program and its arguments, never a line for a shell.
 * None where no browser can be: a Linux machine without a desktop.
 */
export function browserCommands(url: string, { platform, env, isWsl, hasCommand }: Desktop): string[][] {
  const chosen = env.BROWSER?.trim();
  if (chosen) {
    // By convention a list, where a colon does not stand in a path.
    const lines = platform === "win32" ? [chosen] : chosen.split(/:(?!\/\/)/);
    return lines.map((line) => withUrl(wordsOf(line), url)).filter((command) => command.length > 1);
  }
  if (platform === "darwin") return [["open", url]];
  // Not cmd's start, which would read the & of the address as the end of its command.
  if (platform === "win32") return [["rundll32", "url.dll,FileProtocolHandler", url]];
  const candidates = [
    ...(isWsl ? [["wslview", url]] : []),
    ...(env.DISPLAY || env.WAYLAND_DISPLAY ? [["xdg-open", url]] : []),
    ...(isWsl ? [["rundll32.exe", "url.dll,FileProtocolHandler", url]] : []),
    ...(env.TERMUX_VERSION ? [["termux-open-url", url]] : []),
  ];
  return candidates.filter(([program = ""]) => hasCommand(program));
}

/** Opens the address in the owner's browser; false when none could be started. Never throws, and never waits for it to be closed. */
export async function openBrowser(url: string): Promise<boolean> {
  for (const command of browserCommands(url, thisDesktop())) {
    if (await starts(command)) return true;
  }
  return false;
}

/** Openers end at once, a browser itself stays: whoever is still there by then has started. */
const STARTED_AFTER_MS = 3_000;

async function starts(command: string[]): Promise<boolean> {
  try {
    // Detached: Ctrl-C in this terminal must not close the owner's browser.
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore", detached: true });
    child.unref();
    const code = await Promise.race([child.exited, Bun.sleep(STARTED_AFTER_MS).then(() => 0)]);
    return code === 0;
  } catch {
    return false; // no such program, or none that may be run: the owner opens the address by hand
  }
}

/** Words as a shell would part them, with quotes and nothing else of a shell's powers. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(
      /"([^"]*)"|'([^']*)'/g,
      (_, double: string | undefined, single: string | undefined) => double ?? single ?? "",
    ),
  );
}

function withUrl(words: readonly string[], url: string): string[] {
  if (words.length === 0) return [];
  const filled = words.map((word) => word.replaceAll("%s", () => url));
  return words.some((word) => word.includes("%s")) ? filled : [...filled, url];
}

function thisDesktop(): Desktop {
  return {
    platform: process.platform,
    env: process.env,
    isWsl: process.platform === "linux" && isMicrosoftKernel(),
    hasCommand: (name) => Bun.which(name) !== null,
  };
}

function isMicrosoftKernel(): boolean {
  try {
    return /microsoft/i.test(readFileSync("/proc/sys/kernel/osrelease", "utf8"));
  } catch {
    return false; // a system that does not tell its kernel is not Windows's
  }
}
