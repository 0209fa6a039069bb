import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ResolveReport } from "../../src/cli/commands/models-resolve.ts";
import { EXIT } from "../../src/cli/failure.ts";
import type { PlacedRule } from "../../src/cli/models/rules-text.ts";
import { freshHome, runAg } from "./support.ts";

const CONFIG = `{
  // Names of mine.
  "models": {
    "aliases": {
      "fast": "gemini-3-flash",
      "good-*": "sonnet(high)", // by another name
      "lost": "gemini-99"
    }
  }
}
`;

const home = freshHome();
afterAll(() => home[Symbol.dispose]());
mkdirSync(join(home.path, ".config/ag"), { recursive: true });
const configFile = join(home.path, ".config/ag/config.jsonc");
writeFileSync(configFile, CONFIG);

const models = (...words: string[]) => runAg(home.path, ["models", ...words, "--demo"]);
const resolve = async (id: string): Promise<ResolveReport> =>
  JSON.parse((await models("resolve", id, "--json")).stdout) as ResolveReport;

describe.concurrent("ag models resolve", () => {
  test("prints what was asked, what is served, the rule and where it is written", async () => {
    const { code, stdout, stderr } = await models("resolve", "claude-opus-9-9");
    expect([code, stderr]).toEqual([EXIT.done, ""]);
    expect(stdout).toBe(`claude-opus-9-9 → claude-opus-4-6-thinking   Claude Opus 4.6 (Thinking)

rule      shipped alias "claude-*opus*" → "claude-opus-*-thinking"
written   in ag itself, src/models/shipped.json: aliases["claude-*opus*"]
family    claude
limits    200000 tokens of context, 64000 of answer
thinks    1024 to 64000 tokens, 16000 where the request leaves it open
reads     text, image, pdf
`);
  });

  test("names the line of the configuration, and the rule after one's own", async () => {
    const { rules, served, thinking, listed } = await resolve("good-one[1m]");
    expect({ served, thinking, listed }).toEqual({
      served: "claude-sonnet-4-6",
      thinking: { type: "effort", effort: "high" },
      listed: true,
    });
    expect(rules).toEqual([
      {
        text: 'your alias "good-*" → "sonnet(high)"',
        kind: "user",
        from: "good-*",
        to: "sonnet(high)",
        written: `${configFile}:6`,
        file: configFile,
        line: 6,
      },
      {
        text: 'shipped alias "sonnet" → "claude-sonnet-*"',
        kind: "shipped",
        from: "sonnet",
        to: "claude-sonnet-*",
        written: 'in ag itself, src/models/shipped.json: aliases["sonnet"]',
        file: "src/models/shipped.json",
        key: 'aliases["sonnet"]',
      },
    ]);
  });

  test("tells ids of the list and what upstream has replaced from rules that are written somewhere", async () => {
    expect((await resolve("gemini-3-flash")).rules).toEqual([
      {
        text: 'listed id "gemini-3-flash"',
        kind: "listed",
        from: "gemini-3-flash",
        to: "gemini-3-flash",
        written: "nowhere: the accounts' list has this id",
      },
    ]);
    expect((await resolve("gemini-3-pro-high")).rules).toMatchObject([
      { kind: "replaced", to: "gemini-pro-agent", written: "nowhere: upstream says so with the accounts' list" },
    ]);
  });

  test("tells what a name's end asks for", async () => {
    const { stdout } = await models("resolve", "gemini-3-flash(8192)");
    expect(stdout).toContain("asks for   8192 tokens of thinking, which wins over the request's own field\n");
    const picture = await models("resolve", "dall-e-3-4k-16x9");
    expect(picture.stdout).toContain("asks for   pictures of 4K, 16:9, unless the request says otherwise\n");
    expect((await resolve("dall-e-3-4k")).image).toEqual({ size: "4K" });
  });

  test("fails for an unknown name, with the three nearest", async () => {
    const { code, stdout, stderr } = await models("resolve", "gemini-3-flahs");
    expect([code, stdout]).toEqual([EXIT.failed, ""]);
    expect(stderr).toMatch(/^ag: There is no model "gemini-3-flahs"\. The nearest are gemini-3-flash, \S+, \S+\n$/);
    const json = await models("resolve", "gemini-3-flahs", "--json");
    expect([json.code, json.stderr]).toEqual([EXIT.failed, ""]);
    expect(JSON.parse(json.stdout)).toEqual({
      asked: "gemini-3-flahs",
      error: 'There is no model "gemini-3-flahs"',
      nearest: ["gemini-3-flash", expect.any(String), expect.any(String)],
    });
  });

  test("blames an alias that leads nowhere", async () => {
    const { code, stderr } = await models("resolve", "lost");
    expect(code).toBe(EXIT.failed);
    expect(stderr).toContain('ag: Your alias "lost" stands for "gemini-99". There is no model "gemini-99"');
  });

  test("answers without any account, and says that nobody was asked", async () => {
    const { code, stdout, stderr } = await runAg(home.path, ["models", "resolve", "opus", "--json"]);
    expect(code).toBe(EXIT.done);
    expect(JSON.parse(stdout)).toMatchObject({ served: "claude-opus-4-6-thinking", listed: false });
    expect(stderr).toContain("The name was looked up among the ids that come with ag.\n");
  });

  test("wants a name", async () => {
    const { code, stderr } = await runAg(home.path, ["models", "resolve"]);
    expect([code, stderr]).toEqual([EXIT.usage, "ag: ID is missing\n    See ag models resolve --help\n"]);
  });
});

describe.concurrent("ag models list --rules", () => {
  test("prints every rule once, one's own first, with what serves it", async () => {
    const { code, stdout } = await runAg(home.path, ["models", "list", "--rules", "--demo"], {
      env: { COLUMNS: "200" },
    });
    expect(code).toBe(EXIT.done);
    const line = (start: string) => stdout.split("\n").find((text) => text.startsWith(`  ${start} `));
    expect(line("fast")).toMatch(/^ {2}fast +gemini-3-flash +\/.*config\.jsonc:5$/);
    expect(line("good-*")).toMatch(/^ {2}good-\* +claude-sonnet-4-6 +sonnet\(high\); \/.*config\.jsonc:6$/);
    expect(line("lost")).toMatch(/^ {2}lost +\(not on the list\) +gemini-99; \//);
    expect(line("gemini-3-pro-high")).toMatch(/^ {2}gemini-3-pro-high +gemini-pro-agent$/);
    expect(line("gpt-*")).toMatch(/^ {2}gpt-\* +gemini-pro-agent +as gemini-\*pro\*$/);
    const titles = [
      "Your aliases",
      "What upstream has replaced",
      "What comes with ag, written in src/models/shipped.json",
    ];
    expect(stdout.split("\n").filter((text) => titles.includes(text))).toEqual(titles);
  });

  test("prints them as one JSON document", async () => {
    const { stdout } = await models("list", "--rules", "--json");
    const { rules } = JSON.parse(stdout) as { rules: PlacedRule[] };
    expect(rules[0]).toEqual({
      kind: "user",
      from: "fast",
      to: ["gemini-3-flash"],
      served: "gemini-3-flash",
      written: `${configFile}:5`,
      file: configFile,
      line: 5,
    });
    expect(rules.find(({ from }) => from === "image")).toMatchObject({ kind: "shipped", key: 'aliases["image"]' });
  });
});
