import { type CommandDef, defineCommand, runCommand } from "citty";
import { describe, expect, test } from "bun:test";
import { parseLine } from "../../src/cli/command-line.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { renderHelp } from "../../src/cli/help.ts";
import { createPaint } from "../../src/cli/terminal.ts";

const loaded: string[] = [];
const root = defineCommand({
  meta: { name: "ag", description: "The tool\n\nMore about it" },
  subCommands: {
    serve: async () => {
      loaded.push("serve");
      return defineCommand({
        meta: { description: "Run it\n\nExamples" },
        args: {
          port: { type: "string", alias: "p", valueHint: "PORT", description: "the port" },
          mode: { type: "enum", options: ["fast", "slow"], description: "how" },
          demo: { type: "boolean", description: "play" },
        },
      });
    },
    things: defineCommand({
      meta: { description: "Manage things" },
      subCommands: {
        add: async () => {
          loaded.push("add");
          return defineCommand({
            meta: { description: "Add a thing" },
            args: { file: { type: "positional", required: true, description: "what" }, label: { type: "string" } },
          });
        },
        check: defineCommand({
          meta: { description: "Check a thing, or all" },
          args: { id: { type: "positional", required: false, description: "which; all when absent" } },
        }),
      },
      run: () => "menu",
    }),
  },
});

describe("accepted lines", () => {
  const rows: [line: string, type: string, path?: string][] = [
    ["", "help", "ag"],
    ["--help", "help", "ag"],
    ["-h", "help", "ag"],
    ["help", "help", "ag"],
    ["help things add", "help", "ag things add"],
    ["things", "help", "ag things"],
    ["things --help", "help", "ag things"],
    ["things help add", "help", "ag things add"],
    ["things add --help", "help", "ag things add"],
    ["serve --port 1 --help", "help", "ag serve"],
    ["--version", "version"],
    ["-v --json", "version"],
    ["serve", "run", "ag serve"],
    ["serve --port 1 --demo --mode=slow", "run", "ag serve"],
    ["serve -p 1", "run", "ag serve"],
    ["serve --port=-1", "run", "ag serve"],
    ["things check", "run", "ag things check"],
    ["things check x", "run", "ag things check"],
    ["things add -", "run", "ag things add"],
    ["things add x --label y", "run", "ag things add"],
    ["things add -- --help", "run", "ag things add"],
  ];
  for (const [line, type, path] of rows) {
    test(`"${line}" is ${type}`, async () => {
      const parsed = await parseLine(root, words(line));
      expect(parsed.type as string).toBe(type);
      if (parsed.type !== "version") expect(parsed.path.join(" ")).toBe(path ?? "");
    });
  }

  test("only the command that runs is loaded", async () => {
    loaded.length = 0;
    await parseLine(root, words("things add x"));
    expect(loaded).toEqual(["add"]);
  });
});

describe("a group with an action of its own", () => {
  const rows: [line: string, interactive: boolean, type: string][] = [
    ["things", true, "run"],
    ["things", false, "help"],
    ["things --help", true, "help"],
    ["help things", true, "help"],
    ["things help", true, "help"],
    ["things check", true, "run"],
    ["", true, "help"],
  ];
  for (const [line, interactive, type] of rows) {
    test(`"${line}" ${interactive ? "on a terminal" : "in a script"} is ${type}`, async () =>
      expect((await parseLine(root, words(line), { interactive })).type as string).toBe(type));
  }

  test("is run by the library that runs commands, with no words", async () => {
    const line = await parseLine(root, ["things"], { interactive: true });
    if (line.type !== "run") throw new Error("Expected a command");
    expect(await runCommand(line.command, { rawArgs: line.rawArgs })).toEqual({ result: "menu" });
  });
});

describe("refused lines", () => {
  const KEYS_ELSEWHERE = "Keys and tokens are not taken from the command line, where other programs can read them";
  const rows: [line: string, message: string][] = [
    ["serv", "Unknown command serv. Did you mean serve?"],
    ["things ad", "Unknown command things ad. Did you mean add?"],
    ["version", "Unknown command version. Did you mean ag --version?"],
    ["things version", "Unknown command things version"],
    ["zzz", "Unknown command zzz"],
    ["toString", "Unknown command toString"],
    ["serve --prot 1", "Unknown flag --prot. Did you mean --port?"],
    ["serve --prot=1", "Unknown flag --prot. Did you mean --port?"],
    ["serve -x", "Unknown flag -x"],
    ["serve --no-demo", "Unknown flag --no-demo. Did you mean --demo?"],
    ["serve --port", "--port needs a value"],
    ["serve --port --demo", "--port needs a value"],
    ["serve --port=", "--port needs a value"],
    ["serve --demo=yes", "--demo takes no value"],
    ["serve --mode fats", '--mode must be one of fast, slow, not "fats". Did you mean fast?'],
    ["serve extra", 'Unexpected argument "extra"'],
    ["things add", "FILE is missing"],
    ["things add a b", 'Unexpected argument "b"'],
    ["things check a b", 'Unexpected argument "b"'],
    ["--port 1 serve", "Unknown flag --port"],
    ["--verison", "Unknown flag --verison. Did you mean --version?"],
    ["serve AIza-test-key-0001", KEYS_ELSEWHERE],
    ["things add a 1//test-token", KEYS_ELSEWHERE],
    ["things 1//test-token", KEYS_ELSEWHERE],
    ["ya29.test-token", KEYS_ELSEWHERE],
    ["--version serve", 'Unexpected argument "serve" after --version'],
  ];
  for (const [line, message] of rows) {
    test(`"${line}"`, async () => {
      const error = await parseLine(root, words(line)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UsageError);
      expect((error as UsageError).message).toBe(message);
      expect((error as UsageError).exitCode).toBe(2);
    });
  }
});

test("a help page shows usage, flags with their choices, and the details below them", async () => {
  const parsed = await parseLine(root, words("serve --help"));
  if (parsed.type !== "help") throw new Error("Expected help");
  expect(await renderHelp(parsed, createPaint(false), 80)).toBe(`Run it

Usage: ag serve [flags]

Flags:
  -p, --port PORT   the port
      --mode MODE   how (fast, slow)
      --demo        play
  -h, --help        show this help

Examples`);
});

test("a help page fits 80 columns, but breaks no command", async () => {
  const long = `  ag x${" y".repeat(50)}`;
  const command: CommandDef = {
    meta: {
      description: `${"do it at once ".repeat(8).trim()}\n\n${"many words ".repeat(8).trim()}\nand more\n\n${long}\n  ag x   ${"why ".repeat(30).trim()}`,
    },
    args: { flag: { type: "boolean", description: "much to say ".repeat(8).trim() } },
  };
  const page = await renderHelp({ path: ["ag", "x"], command }, createPaint(false), 80);
  expect(page.split("\n").filter((line) => line.length > 80)).toEqual([long]);
  expect(page).toContain("words many words\nmany words and more\n");
  expect(page).toContain(`say much\n${" ".repeat(15)}to say`);
  expect(page).toContain("why\n         why");
});

test("a help page shows what may be left out in brackets", async () => {
  const usage = async (line: string) => {
    const parsed = await parseLine(root, words(line));
    if (parsed.type !== "help") throw new Error("Expected help");
    return /^Usage: .*$/m.exec(await renderHelp(parsed, createPaint(false), 80))?.[0];
  };
  expect(await usage("things --help")).toBe("Usage: ag things [COMMAND]");
  expect(await usage("things check --help")).toBe("Usage: ag things check [ID]");
  expect(await usage("things add --help")).toBe("Usage: ag things add [flags] FILE");
  expect(await usage("--help")).toBe("Usage: ag COMMAND");
});

function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}
