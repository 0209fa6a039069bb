import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join, resolve } from "node:path";
import { consola, type ConsolaReporter } from "consola/basic";
import { jsonReporter, prettyReporter } from "../../src/cli/serve/logging.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { LogEntry } from "../../src/lib/log-entry.ts";
import { freshHome, readUntil, spawnAg } from "./support.ts";

setDefaultTimeout(30_000);

const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const DEMO = ["serve", "--demo", "--port", "0"];

const CANARIES = [
  "1//test-canary-refresh",
  "ya29.test-canary",
  "AIza-test-canary",
  "sk-ag-test-canary",
  "GOCSPX-test-canary",
  "owner-1@canary-mail.example",
];

const FORMATS: [name: string, reporter: (write: (line: string) => void) => ConsolaReporter][] = [
  ["pretty", (write) => prettyReporter(write, createPaint(false))],
  ["json", jsonReporter],
];

function loggerTo(reporter: (write: (line: string) => void) => ConsolaReporter) {
  const lines: string[] = [];
  const logger = consola.create({ level: 5, reporters: [reporter((line) => void lines.push(line))] });
  return { logger, lines };
}

for (const [name, reporter] of FORMATS) {
  describe(`the ${name} log`, () => {
    test("writes no secret, wherever it stands and whatever the level", () => {
      const { logger, lines } = loggerTo(reporter);
      for (const secret of CANARIES) {
        const error = new GatewayError("unavailable", `refused ${secret}`, {}, { cause: new Error(secret) });
        const entry = new LogEntry(
          "request",
          () => ({ reason: secret }),
          () => secret,
        );
        for (const log of [logger.debug, logger.info, logger.warn, logger.error, logger.fatal]) {
          log(`text ${secret}`, secret);
          log("fields", { value: secret, deep: { list: [secret], [secret]: 1 }, refresh_token: secret });
          log("a failure:", error);
          log(entry);
          log(JSON.stringify({ authorization: `Bearer ${secret}` }));
        }
      }
      expect(lines).toHaveLength(CANARIES.length * 5 * 5);
      for (const secret of CANARIES) expect(lines.join("")).not.toContain(secret);
      expect(lines.join("")).not.toContain("canary");
    });

    test("writes a line for every entry, also for two that are alike", () => {
      const { logger, lines } = loggerTo(reporter);
      logger.options.throttle = 0; // as configureLogging does
      for (let index = 0; index < 20; index++) logger.info("the same");
      expect(lines).toHaveLength(20);
    });

    test("tells of what cannot be written as JSON all the same", () => {
      const { logger, lines } = loggerTo(reporter);
      const round: Record<string, unknown> = { name: "round" };
      round.self = round;
      logger.error("it holds itself:", round);
      logger.error("a big number:", { count: 10n });
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain("it holds itself:");
      expect(lines[0]).toContain("round");
      expect(lines[1]).toContain("10n");
    });
  });
}

test("an entry is written as text for people and as fields for programs", () => {
  const entry = new LogEntry(
    "request",
    () => ({ status: 200 }),
    () => "200 ok",
  );
  const pretty = loggerTo((write) => prettyReporter(write, createPaint(false)));
  pretty.logger.info(entry);
  expect(pretty.lines[0]).toMatch(/^\d\d:\d\d:\d\d 200 ok\n$/);
  const json = loggerTo(jsonReporter);
  json.logger.info(entry);
  const { time: _, ...fields } = JSON.parse(json.lines[0] ?? "") as Record<string, unknown>;
  expect(fields).toEqual({ level: "info", message: "request", status: 200 });
});

test("an entry below the level is never made", () => {
  const fail = (): never => {
    throw new Error("made");
  };
  const logger = consola.create({ level: 3, reporters: [jsonReporter(() => {})], throttle: 0 });
  expect(() => logger.debug(new LogEntry("request", fail, fail))).not.toThrow();
});

test("what comes from outside neither begins a line of the pretty log nor repaints the terminal", () => {
  const { logger, lines } = loggerTo((write) => prettyReporter(write, createPaint(false)));
  logger.warn("Refused: Host evil\r\n12:00:00 200 ok forged\u2028x \u001b[2J\u0007 is not allowed");
  const [line = ""] = lines;
  expect(line.slice(9)).toBe("warn Refused: Host evil \n  12:00:00 200 ok forged x  [2J  is not allowed\n");
  logger.error(new Error("why"));
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d error Error: why\n( +at .*\n)+$/);
});

describe.concurrent("ag serve", () => {
  test("whose stderr is no terminal writes JSON lines there, and still says in words on stdout where it listens", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, [...DEMO, "--log-level", "debug"]);
    const text = await readUntil(child.stdout, /Stop with/);
    await answered(text);
    child.kill("SIGTERM");
    const lines = (await child.stderr.text()).trimEnd().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual(expect.objectContaining({ message: "request", status: 200, protocol: "anthropic" }));
    expect(await child.exited).toBe(0);
  });

  test("writes for people where it is told to", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, [...DEMO, "--log-format", "pretty"]);
    await answered(await readUntil(child.stdout, /Stop with/));
    child.kill("SIGTERM");
    expect(await child.stderr.text()).toMatch(/^\d\d:\d\d:\d\d 200 ok {14}anthropic .* req_\S+\n/);
    expect(await child.exited).toBe(0);
  });

  test("goes on when whoever read its log has gone, and still ends cleanly", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, DEMO);
    const text = await readUntil(child.stdout, /Stop with/);
    await child.stderr.cancel();
    for (let count = 0; count < 5; count++) await answered(text);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("waits for no reader of its log: with a full pipe it answers, and ends when told to", async () => {
    using home = freshHome();
    const pipe = join(home.path, "log");
    expect(await Bun.spawn(["mkfifo", pipe]).exited).toBe(0);
    // The shell holds the pipe open at both ends, and nobody reads it.
    const command = [process.execPath, "--no-env-file", MAIN, ...DEMO];
    const child = Bun.spawn(["sh", "-c", 'exec 9<>"$0" && exec "$@" 2>&9', pipe, ...command], {
      cwd: home.path,
      env: { HOME: home.path, PATH: process.env.PATH },
      stdin: "ignore",
      stdout: "pipe",
    });
    const text = await readUntil(child.stdout, /Stop with/);
    const lines = Math.ceil(PIPE_BYTES / SHORTEST_LINE_BYTES);
    for (let asked = 0; asked < lines; asked += 50) {
      await Promise.all(Array.from({ length: 50 }, () => refused(text)));
    }
    await answered(text);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

/** What a pipe takes on Linux before it is full. */
const PIPE_BYTES = 65_536;
const SHORTEST_LINE_BYTES = 150;

/** A request that the demo answers. */
async function answered(startText: string): Promise<void> {
  const [, url = ""] = /listens on (\S+)/.exec(startText) ?? [];
  const [, body = ""] = /-d '(.+)'/.exec(startText) ?? [];
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/messages`, { method: "POST", headers, body });
  expect(response.status).toBe(200);
  await response.text();
}

/** One that is worth a warning. */
async function refused(startText: string): Promise<void> {
  const [, url = ""] = /listens on (\S+)/.exec(startText) ?? [];
  const response = await fetch(`${url}/v1/messages`, { method: "POST", body: "{" });
  expect(response.status).toBe(400);
  await response.text();
}
