import { describe, expect, test } from "bun:test";
import { consola } from "consola/basic";
import { modelTable } from "../../src/cli/commands/models-list.ts";
import { describeFailure, UserError } from "../../src/cli/failure.ts";
import { jsonReporter, prettyReporter } from "../../src/cli/serve/logging.ts";
import { renderTable } from "../../src/lib/table.ts";
import { createPaint, plain, wantsColor, wrapped } from "../../src/cli/terminal.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { ModelProfile } from "../../src/core/models.ts";

test("models list shows sizes as people say them", () => {
  const model: ModelProfile = {
    id: "gemini-test",
    displayName: "Gemini Test",
    family: "gemini",
    generation: "gemini-3",
    image: false,
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    thinking: { min: 128, max: 32_768, zeroAllowed: false, default: 8192 },
    mimeTypes: ["image/png", "image/webp", "application/pdf", "text/plain"],
  };
  const unthinking: ModelProfile = { ...model, id: "claude-test", family: "claude", contextTokens: 200_000 };
  delete unthinking.thinking;
  expect(modelTable([model, unthinking], 80)).toBe(
    `
MODEL         NAME          FAMILY   CONTEXT   OUTPUT   THINKS   READS
gemini-test   Gemini Test   gemini        1M      65k   yes      image pdf
claude-test   Gemini Test   claude      200k      65k            image pdf`.trimStart(),
  );
});

test("a table lines up wide characters and leaves out columns without any content", () => {
  const rows = [
    { name: "日本", count: "1" },
    { name: "abc", count: "10" },
  ];
  const table = renderTable(rows, [
    { title: "name", cell: ({ name }) => name },
    { title: "nothing", cell: () => "" },
    { title: "n", cell: ({ count }) => count, align: "right" },
  ]);
  expect(table).toBe("NAME    N\n日本    1\nabc    10");
});

test("a table wider than its place goes without its spare columns, the lowest number first, and keeps the others", () => {
  const columns = [
    { title: "id", cell: () => "i".repeat(10) },
    { title: "name", cell: () => "n".repeat(10), spare: 1 },
    { title: "family", cell: () => "f".repeat(10), spare: 2 },
    { title: "size", cell: () => "s".repeat(10) },
  ];
  const titles = (maxWidth: number) =>
    renderTable([{}], columns, { maxWidth }).split("\n", 1)[0]?.split(/\s+/).filter(Boolean);
  expect(titles(49)).toEqual(["ID", "NAME", "FAMILY", "SIZE"]);
  expect(titles(48)).toEqual(["ID", "FAMILY", "SIZE"]);
  expect(titles(35)).toEqual(["ID", "SIZE"]);
  expect(titles(5)).toEqual(["ID", "SIZE"]);
});

describe("a paragraph breaks between words", () => {
  const rows: [text: string, width: number, expected: string][] = [
    ["one two three", 13, "one two three"],
    ["one two three", 12, "one two\n  three"],
    ["one two three", 7, "one two\n  three"],
    ["one two three", 6, "one\n  two\n  three"],
    ["a https://example.com/a-long-link b", 10, "a https://example.com/a-long-link\n  b"],
    ["  two  spaces", 13, "  two  spaces"],
    ["日本 日本", 8, "日本\n  日本"],
  ];
  for (const [text, width, expected] of rows) {
    test(`${JSON.stringify(text)} at ${width}`, () => expect(wrapped(text, width, "  ")).toBe(expected));
  }
});

describe("colour", () => {
  const rows: [name: string, isTTY: boolean, env: Record<string, string>, expected: boolean][] = [
    ["on a terminal", true, {}, true],
    ["not into a pipe", false, {}, false],
    ["not with NO_COLOR=1", true, { NO_COLOR: "1" }, false],
    ["not with NO_COLOR=true", true, { NO_COLOR: "true" }, false],
    ["an empty NO_COLOR is not set", true, { NO_COLOR: "" }, true],
    ["not on a dumb terminal", true, { TERM: "dumb" }, false],
  ];
  for (const [name, isTTY, env, expected] of rows) {
    test(name, () => expect(wantsColor({ isTTY }, env)).toBe(expected));
  }

  test("off leaves the text as it is", () => expect(createPaint(false).red("x")).toBe("x"));
});

describe("what a failure says and how it exits", () => {
  const rows: [name: string, thrown: unknown, message: string | RegExp, exitCode: number][] = [
    ["user error", new UserError("No such file"), "No such file", 1],
    ["wrong flag", new ConfigError("flag", "--port must be"), "--port must be", 2],
    ["wrong variable", new ConfigError("environment", "AG_PORT must be"), "AG_PORT must be", 1],
    ["no account", new GatewayError("no-account", "No account"), "No account", 3],
    ["upstream down", new GatewayError("unavailable", "Upstream is down"), "Upstream is down", 1],
    ["interrupted", new GatewayError("cancelled", "Stopped"), "Stopped", 130],
    ["a file", Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }), /^EACCES/, 1],
    ["a defect", new TypeError("x is not a function"), "Unexpected failure: x is not a function", 1],
    ["a wrapped defect", new GatewayError("internal", "Failed", {}, { cause: new Error("why") }), /why$/, 1],
    ["no error at all", "text", "Unexpected failure: text", 1],
  ];
  for (const [name, thrown, message, exitCode] of rows) {
    test(name, () => {
      const failure = describeFailure(thrown);
      expect(failure.message).toMatch(message);
      expect(failure.exitCode).toBe(exitCode);
    });
  }

  test("what is missing has a hint of its own, which does not repeat the message", () => {
    const client = new GatewayError("no-account", "No OAuth client is configured", { missing: "oauth-client" });
    expect(describeFailure(client)).toMatchObject({ exitCode: 3, hint: expect.stringContaining("oauth.clientId") });
    expect(describeFailure(client).hint).not.toContain("import");
    const account = new GatewayError("no-account", "No account is stored", { missing: "account" });
    expect(describeFailure(account)).toMatchObject({
      exitCode: 3,
      hint: expect.stringContaining("ag accounts import"),
    });
    const unusable = describeFailure(new GatewayError("no-account", "No account is usable. a1 is disabled"));
    expect(unusable.hint).toStartWith("ag accounts list ");
  });

  test("only a defect has a stack to show", () => {
    expect(describeFailure(new UserError("x")).stack).toBeUndefined();
    expect(describeFailure(new GatewayError("unavailable", "x")).stack).toBeUndefined();
    expect(describeFailure(new TypeError("x")).stack).toBeDefined();
  });

  test("a defect is told without the secrets it holds", () => {
    const failure = describeFailure(new TypeError("Cannot use ya29.test-canary of owner@canary.example"));
    expect(`${failure.message} ${failure.stack}`).not.toContain("canary");
  });

  test("the owner of an account is told what to open", () => {
    const error = new GatewayError("account-unusable", "a1 must be verified", {
      ownerUrl: "https://accounts.google.com/x",
    });
    expect(describeFailure(error).message).toEndWith(" must open https://accounts.google.com/x");
  });
});

test("text from outside can neither repaint a terminal nor turn a line around", () => {
  expect(plain("a\u001b[31mb\r\u202Etxt.exe\u2066c\u2028d")).toBe("ab txt.exe c d");
  expect(plain("Łukasz 東京 עברית")).toBe("Łukasz 東京 עברית");
});

test("JSON log lines hold time, level and message, with objects as fields that cannot pose as them", () => {
  const lines: string[] = [];
  const logger = consola.create({ level: 5, reporters: [jsonReporter((line) => lines.push(line))] });
  logger.info("request", { status: 200, level: "fake", time: "fake" });
  logger.error("A task failed:", new Error("why"));
  const [info = "", error = ""] = lines;
  expect(info).toEndWith("\n");
  const { time, ...fields } = JSON.parse(info) as Record<string, unknown>;
  expect(fields).toEqual({ level: "info", message: "request", status: 200 });
  expect(new Date(String(time)).getTime()).toBeGreaterThan(0);
  expect(JSON.parse(error)).toMatchObject({ level: "error", message: "A task failed: why" });
});

test("pretty log lines hold the time of day, the level where it matters, and the text; colour only when wanted", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const logger = consola.create({ level: 5, reporters: [prettyReporter(write, createPaint(false))] });
  logger.info("all is well");
  logger.warn("limited", { account: "a1" });
  logger.error(new Error("why"));
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d all is well\n$/);
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d warn limited \{"account":"a1"\}\n$/);
  expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d error Error: why\n/);
});
