import { describe, expect, test } from "bun:test";
import { accountsMenu, type Choice } from "../../src/cli/commands/accounts-menu.ts";
import type { Account } from "../../src/core/accounts.ts";

const first: Account = {
  id: "id-1",
  handle: "a1",
  kind: "antigravity",
  email: "one@example.com",
  secret: "1//test-refresh-token",
  enabled: true,
  addedAt: 0,
};
const second: Account = { ...first, id: "id-2", handle: "a2", email: "two@example.com", enabled: false };

/** The menu with answers prepared; `undefined` is Ctrl-C. */
async function play(
  answers: readonly (string | undefined)[],
  { stored = [first, second], exitCodeOfCommand = 1 }: { stored?: readonly Account[]; exitCodeOfCommand?: number } = {},
) {
  const waiting = [...answers];
  const ran: string[] = [];
  const said: string[] = [];
  const asked: { message: string; choices: readonly Choice[] }[] = [];
  const next = () => {
    if (waiting.length === 0) throw new Error("Asked more than was expected");
    return waiting.shift();
  };
  const exitCode = await accountsMenu({
    accounts: async () => [...stored],
    run: async (words) => {
      ran.push(words.join(" "));
      return exitCodeOfCommand;
    },
    say: async (text) => void said.push(text),
    prompts: {
      async select(message, choices) {
        asked.push({ message, choices });
        const answer = next();
        if (answer !== undefined) expect(choices.map(({ value }) => value)).toContain(answer);
        return answer;
      },
      text: async () => next(),
    },
  });
  expect(waiting).toEqual([]);
  return { exitCode, ran, said, asked };
}

describe("each choice runs the command that does the same", () => {
  const rows: [answers: string[], line: string][] = [
    [["list"], "accounts list"],
    [["limits"], "limits"],
    [["add"], "accounts add"],
    [["add-key"], "accounts add --gemini-key"],
    [["verify", "all"], "accounts verify"],
    [["verify", "a2"], "accounts verify a2"],
    [["switch", "a1"], "accounts disable a1"],
    [["switch", "a2"], "accounts enable a2"],
    [["label", "a1", "team north"], "accounts label -- a1 team north"],
    [["label", "a1", ""], "accounts label -- a1 "],
    [["import", ""], "accounts import"],
    [["import", " tokens.txt "], "accounts import -- tokens.txt"],
    [["export", "my accounts.ag"], "accounts export -- my accounts.ag"],
    [["remove", "a2"], "accounts remove a2"],
  ];
  for (const [answers, line] of rows) {
    test(`${answers.join(" → ")} is ag ${line}`, async () => {
      const { exitCode, ran } = await play([...answers, "quit"]);
      expect({ exitCode, ran }).toEqual({ exitCode: 0, ran: [line] });
    });
  }
});

test("names the command, ready to be pasted into a shell", async () => {
  const { said } = await play(["label", "a1", "it's $HOME", "quit"]);
  expect(said).toEqual([String.raw`ag accounts label -- a1 'it'\''s $HOME'`, ""]);
});

test("goes on after each command, failed or not, until it is left", async () => {
  expect((await play(["list", "limits", "list", "quit"])).ran).toEqual(["accounts list", "limits", "accounts list"]);
});

test("Ctrl-C in the menu leaves with 130", async () => {
  expect(await play([undefined])).toMatchObject({ exitCode: 130, ran: [] });
});

describe("Ctrl-C at a question leaves with 130 and runs nothing", () => {
  const rows: (string | undefined)[][] = [
    ["verify", undefined],
    ["switch", undefined],
    ["label", undefined],
    ["label", "a1", undefined],
    ["import", undefined],
    ["export", undefined],
    ["remove", undefined],
  ];
  for (const answers of rows) {
    test(answers.map((answer) => answer ?? "Ctrl-C").join(" → "), async () => {
      expect(await play(answers)).toMatchObject({ exitCode: 130, ran: [] });
    });
  }
});

test("Ctrl-C in a command leaves the menu too", async () => {
  expect(await play(["verify", "all"], { exitCodeOfCommand: 130 })).toMatchObject({ exitCode: 130 });
});

describe("who thinks better of it is back in the menu", () => {
  for (const answers of [
    ["verify", "back"],
    ["switch", "back"],
    ["label", "back"],
    ["remove", "back"],
    ["export", " "],
  ]) {
    test(answers.join(" → "), async () => {
      expect(await play([...answers, "quit"])).toMatchObject({ exitCode: 0, ran: [] });
    });
  }
});

test("without an account offers only what brings one in", async () => {
  const { asked } = await play(["quit"], { stored: [] });
  expect(asked[0]?.message).toStartWith("No accounts yet.");
  expect(asked[0]?.choices.map(({ value }) => value)).toEqual(["add", "add-key", "import", "quit"]);
});

test("says how many accounts are ready, and the state of each where one is chosen", async () => {
  const { asked } = await play(["remove", "back", "quit"]);
  expect(asked[0]?.message).toStartWith("2 accounts, 1 ready.");
  expect(asked[1]?.choices).toEqual([
    { value: "a1", label: "a1  one@example.com", hint: "ready" },
    { value: "a2", label: "a2  two@example.com", hint: "disabled" },
    { value: "back", label: "Back" },
  ]);
});
