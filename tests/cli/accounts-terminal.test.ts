import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { agOnTerminal, freshHome, runAg } from "./support.ts";

setDefaultTimeout(30_000);

const CTRL_C = "\u0003";
const ENTER = "\r";
const DOWN = "\u001B[B";
const UP = "\u001B[A";

async function homeWithAccount() {
  const home = freshHome();
  const handles = async () => {
    const { stdout } = await runAg(home.path, ["accounts", "list", "--json"], { env: { AG_HOME: home.path } });
    return (JSON.parse(stdout) as { accounts: { handle: string }[] }).accounts.map(({ handle }) => handle);
  };
  await runAg(home.path, ["accounts", "import", "-"], {
    env: { AG_HOME: home.path },
    stdin: "1//test-refresh-token-of-the-first-account",
  });
  return { path: home.path, handles, [Symbol.dispose]: () => home[Symbol.dispose]() };
}

describe.concurrent("on a terminal, ag accounts remove", () => {
  const rows: [name: string, press: string, code: number, left: string[]][] = [
    ["removes nothing at a mere Enter", ENTER, 0, ["a1"]],
    ["removes at a yes", `y`, 0, []],
    ["removes nothing at Ctrl-C, and exits with 130", CTRL_C, 130, ["a1"]],
  ];
  for (const [name, press, code, left] of rows) {
    test(name, async () => {
      using home = await homeWithAccount();
      const outcome = await agOnTerminal(home.path, ["accounts", "remove", "a1"], [[/Remove a1 .*\?/, press]]);
      expect(outcome.code).toBe(code);
      expect(outcome.screen).toContain(left.length > 0 ? "Nothing was removed" : "Removed a1");
      expect(await home.handles()).toEqual(left);
    });
  }

  test("as JSON does not ask, and wants --yes", async () => {
    using home = await homeWithAccount();
    const { code, screen } = await agOnTerminal(home.path, ["accounts", "remove", "a1", "--json"], []);
    expect(code).toBe(2);
    expect(screen).toContain("--yes");
  });
});

describe.concurrent("on a terminal, ag accounts", () => {
  test("is a menu that Ctrl-C leaves with 130", async () => {
    using home = await homeWithAccount();
    const { code, screen } = await agOnTerminal(home.path, ["accounts"], [[/What would you like to do\?/, CTRL_C]]);
    expect(code).toBe(130);
    expect(screen).toContain("1 account, 1 ready.");
  });

  test("runs what is chosen, comes back, and leaves at Quit with 0", async () => {
    using home = await homeWithAccount();
    const { code, screen } = await agOnTerminal(
      home.path,
      ["accounts"],
      [
        [/What would you like to do\?[^]*Quit/, ENTER],
        [/ag accounts list[^]*ACCOUNT[^]*What would you like to do\?[^]*Quit/, UP],
        [/● Quit/, ENTER],
      ],
    );
    expect(code).toBe(0);
    expect(screen).toMatch(/^a1 +antigravity +ready +never/m);
  });

  test("disables an account that is chosen", async () => {
    using home = await homeWithAccount();
    const { code, screen } = await agOnTerminal(
      home.path,
      ["accounts"],
      [
        [/What would you like to do\?[^]*Quit/, DOWN.repeat(6)],
        [/● Enable or disable/, ENTER],
        [/Which account\?[^]*Back/, ENTER],
        [/Disabled a1[^]*0 ready[^]*Quit/, CTRL_C],
      ],
    );
    expect(code).toBe(130);
    expect(screen).toContain("ag accounts disable a1");
  });
});
