import { defineCommand, runCommand } from "citty";
import { parseLine } from "./command-line.ts";
import { describeFailure } from "./failure.ts";
import { renderHelp } from "./help.ts";
import { isInteractive, outputWidth, print, printError, stderrPaint, stdoutPaint } from "./terminal.ts";
import { versionText } from "./version.ts";

const accounts = defineCommand({
  meta: {
    name: "accounts",
    description: `Manage the accounts that requests are sent with

Alone, on a terminal, it opens a menu.`,
  },
  subCommands: {
    add: () => import("./commands/accounts-add.ts").then((module) => module.default),
    list: () => import("./commands/accounts-list.ts").then((module) => module.default),
    verify: () => import("./commands/accounts-verify.ts").then((module) => module.default),
    enable: () => import("./commands/accounts-enable.ts").then((module) => module.default),
    disable: () => import("./commands/accounts-disable.ts").then((module) => module.default),
    label: () => import("./commands/accounts-label.ts").then((module) => module.default),
    remove: () => import("./commands/accounts-remove.ts").then((module) => module.default),
    import: () => import("./commands/accounts-import.ts").then((module) => module.default),
    export: () => import("./commands/accounts-export.ts").then((module) => module.default),
  },
  run: () => import("./commands/accounts-menu.ts").then((module) => module.openMenu(runCli)),
});

const models = defineCommand({
  meta: { name: "models", description: "Show the models that can be asked for, and what a name stands for" },
  subCommands: {
    list: () => import("./commands/models-list.ts").then((module) => module.default),
    resolve: () => import("./commands/models-resolve.ts").then((module) => module.default),
  },
});

const keys = defineCommand({
  meta: { name: "keys", description: "Manage the keys that clients of the gateway come in with" },
  subCommands: {
    create: () => import("./commands/keys-create.ts").then((module) => module.default),
    list: () => import("./commands/keys-list.ts").then((module) => module.default),
    revoke: () => import("./commands/keys-revoke.ts").then((module) => module.default),
  },
});

const root = defineCommand({
  meta: {
    name: "ag",
    description: `Use Claude and Gemini through your own Antigravity accounts, from any OpenAI, Anthropic or Gemini client

Start here:
  ag serve --demo          try it without an account, offline
  ag accounts add          add an account
  ag serve                 run the gateway on http://127.0.0.1:48123
  ag why                   what became of the last request, and why

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing usable (no account, no key), 130 interrupted`,
  },
  subCommands: {
    serve: () => import("./commands/serve.ts").then((module) => module.default),
    accounts,
    limits: () => import("./commands/limits.ts").then((module) => module.default),
    models,
    keys,
    usage: () => import("./commands/usage.ts").then((module) => module.default),
    logs: () => import("./commands/logs.ts").then((module) => module.default),
    why: () => import("./commands/why.ts").then((module) => module.default),
    compat: () => import("./commands/compat.ts").then((module) => module.default),
  },
});

/** Runs one command line and returns the exit code. Never throws and never exits. */
export async function runCli(words: readonly string[]): Promise<number> {
  try {
    const line = await parseLine(root, words, { interactive: words.length < 2 && isInteractive() });
    switch (line.type) {
      case "version":
        await print(versionText(line.json));
        return 0;
      case "help":
        await print(await renderHelp(line, stdoutPaint, outputWidth()));
        return 0;
      case "run": {
        const { result } = await runCommand(line.command, { rawArgs: line.rawArgs });
        return typeof result === "number" ? result : 0;
      }
      default:
        line satisfies never;
        return 1;
    }
  } catch (thrown) {
    const failure = describeFailure(thrown);
    const lines = [`${stderrPaint.red("ag:")} ${failure.message}`];
    if (failure.hint !== undefined) lines.push(`    ${failure.hint}`);
    if (failure.stack !== undefined && process.env.AG_LOG_LEVEL === "debug") lines.push(failure.stack);
    await printError(lines.join("\n"));
    return failure.exitCode;
  }
}
