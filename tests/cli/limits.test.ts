import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { askServer, configuredUrl, credentialsFrom, givenUrl } from "../../src/cli/limits/server.ts";
import { appendingScreen, terminalScreen, watch } from "../../src/cli/limits/watch.ts";
import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import { isOwnerToken } from "../../src/keys/owner-token.ts";
import { limitsReport } from "../../src/limits/report.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { temporaryHome } from "../support/temporary.ts";
import { DEFAULT_ACCOUNT, startCloudCode } from "../support/cloudcode/index.ts";
import { gatewayEnvironment } from "../support/gateway.ts";
import { context, view } from "../limits/support.ts";
import { readUntil, runAg, spawnAg } from "./support.ts";

const REPORT = limitsReport([view({ models: { "gemini-3-flash": { remainingFraction: 0.7 } } })], context);
const EMPTY = limitsReport([], context);

const servers: { stop(force: boolean): unknown }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop(true))));

/** A server on a port of its own. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  servers.push(server);
  return { url: `http://127.0.0.1:${server.port}`, port: String(server.port), stop: () => server.stop(true) };
}

/** What ag answers where it refuses. */
function refusal(status: number, message: string): Response {
  return Response.json({ error: { message } }, { status, headers: { "x-ag-request-id": "req_test" } });
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const { port, stop } = serve(() => new Response());
  await stop();
  return Number(port);
}

const never = () => new AbortController().signal;

describe("the address of the running server", () => {
  const rows: [host: string, url: string][] = [
    ["127.0.0.1", "http://127.0.0.1:48123"],
    ["0.0.0.0", "http://127.0.0.1:48123"],
    ["::", "http://[::1]:48123"],
    ["::1", "http://[::1]:48123"],
    ["gateway.lan", "http://gateway.lan:48123"],
  ];
  for (const [host, url] of rows) {
    test(`${host} is called at ${url}`, () => expect(configuredUrl({ host, port: 48123 })).toBe(url));
  }

  test("any free port is no address", () => expect(configuredUrl({ host: "127.0.0.1", port: 0 })).toBeUndefined());
});

describe("--url", () => {
  const rows: [written: string, url: string][] = [
    ["http://gateway.lan:8080/", "http://gateway.lan:8080"],
    ["https://gateway.example/ag/?x=1", "https://gateway.example/ag"],
    ["localhost:48123", "http://localhost:48123"],
    ["[::1]:48123", "http://[::1]:48123"],
  ];
  for (const [written, url] of rows) test(`${written} is ${url}`, () => expect(givenUrl(written)).toBe(url));

  for (const written of ["ftp://x", "http://", ":::"]) {
    test(`${written} is wrong usage`, () => expect(() => givenUrl(written)).toThrow("--url must be the address"));
  }
});

describe("asking a server", () => {
  test("brings its report, whatever path it lives under", async () => {
    const { url } = serve(({ url: asked }) =>
      new URL(asked).pathname === "/ag/account-limits" ? Response.json(REPORT) : new Response("", { status: 404 }),
    );
    expect(await askServer(`${url}/ag`, {}, never())).toEqual(REPORT);
  });

  test("brings nothing when none listens", async () => {
    expect(await askServer(`http://127.0.0.1:${await freePort()}`, {}, never())).toBeUndefined();
  });

  test("shows it the owner's token and the key, each where there is one", async () => {
    const seen: (string | null)[][] = [];
    const { url } = serve(({ headers }) => {
      seen.push([headers.get("authorization"), headers.get("x-api-key")]);
      return Response.json(REPORT);
    });
    await askServer(url, { ownerToken: "ag-owner.1.test", apiKey: "sk-ag-test" }, never());
    await askServer(url, { apiKey: "sk-ag-test" }, never());
    await askServer(url, {}, never());
    expect(seen).toEqual([
      ["Bearer ag-owner.1.test", "sk-ag-test"],
      [null, "sk-ag-test"],
      [null, null],
    ]);
  });

  const rows: [name: string, answer: () => Response, message: RegExp, hint: RegExp][] = [
    ["another web server", () => new Response("<html>"), /is not ag$/, /--url/],
    ["one with JSON of its own", () => Response.json({ accounts: [] }), /is not ag$/, /--url/],
    ["one that knows no such path", () => new Response("", { status: 404 }), /is not ag$/, /--url/],
    ["one that asks for a key of its own", () => new Response("", { status: 401 }), /is not ag$/, /--url/],
    ["one that sends us elsewhere", () => Response.redirect("http://127.0.0.1:1/", 302), /is not ag$/, /--url/],
    ["ag that wants a key", () => refusal(401, "An API key is required"), /asks for an API key$/, /AG_API_KEY/],
    ["ag that refuses", () => refusal(403, "This Host name is not ours"), /refused: This Host name is not ours$/, /^$/],
    [
      "an ag without limits",
      () => refusal(404, "There is no GET /account-limits here"),
      /refused: There is/,
      /restart/,
    ],
  ];
  for (const [name, answer, message, hint] of rows) {
    test(`${name}: the message says so`, async () => {
      const failure = await askServer(serve(answer).url, {}, never()).catch((cause: unknown) => cause);
      expect(failure).toMatchObject({ message: expect.stringMatching(message) as string });
      expect((failure as { hint?: string }).hint ?? "").toMatch(hint);
    });
  }

  test("says that the key in the environment is the wrong one", async () => {
    const { url } = serve(() => refusal(401, "The API key is not valid"));
    await expect(askServer(url, { apiKey: "sk-ag-wrong" }, never())).rejects.toThrow(
      "does not accept the key in AG_API_KEY",
    );
  });

  test("a port that speaks something else than HTTP is named", async () => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void socket.end("SSH-2.0-test\r\n"), data() {} },
    });
    await expect(askServer(`http://127.0.0.1:${listener.port}`, {}, never())).rejects.toThrow(/^Asking .* failed/);
    listener.stop(true);
  });
});

describe("what a server is shown", () => {
  const config = (home: string, env: Record<string, string> = {}) => loadConfig({ env: { AG_HOME: home, ...env } });

  test("on this machine is a token of the data folder, made anew each time it is asked", async () => {
    const home = temporaryHome();
    const store = await composeStore(config(home));
    await store.close();
    const credentials = credentialsFrom(config(home, { AG_API_KEY: "sk-ag-test" }));
    for (const url of ["http://127.0.0.1:48123", "http://localhost", "http://[::1]:48123/ag"]) {
      const { ownerToken, apiKey } = await credentials(url);
      expect(isOwnerToken(ownerToken ?? "", store.keys.signAsOwner, Date.now())).toBe(true);
      expect(apiKey).toBe("sk-ag-test");
    }
  });

  test("on another machine is the key in AG_API_KEY alone", async () => {
    const home = temporaryHome();
    await (await composeStore(config(home))).close();
    const credentials = credentialsFrom(config(home, { AG_API_KEY: "sk-ag-test" }));
    for (const url of ["http://gateway.lan:48123", "https://127.0.0.1.evil.example", "http://192.168.1.5"]) {
      expect(await credentials(url)).toEqual({ apiKey: "sk-ag-test" });
    }
  });

  test("is nothing where there is no data, and asking makes none", async () => {
    const home = temporaryHome();
    expect(await credentialsFrom(config(home))("http://127.0.0.1:48123")).toEqual({});
    expect(existsSync(join(home, "ag.db"))).toBe(false);
  });

  test("is the key alone where the data cannot be opened", async () => {
    const home = temporaryHome();
    await Bun.write(join(home, "ag.db"), "no database, but a text that is long enough to be taken for one");
    const credentials = credentialsFrom(config(home, { AG_API_KEY: "sk-ag-test" }));
    expect(await credentials("http://127.0.0.1:48123")).toEqual({ apiKey: "sk-ag-test" });
  });
});

describe("ag limits", () => {
  const env = (port: string | number) => ({ AG_PORT: String(port) });

  test("shows the running server's report as a table, without colours in a pipe", async () => {
    const { port } = serve(() => Response.json(REPORT));
    const { code, stdout, stderr } = await runAg(temporaryHome(), ["limits"], { env: { ...env(port), TZ: "UTC" } });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith("Limits on Thu 20 Aug 2026, 11:39 (UTC)\n\na1 · antigravity · ready");
    expect(stdout).toContain("gemini-3-flash  ███████░░░  70%");
    expect(stdout).not.toContain("\u001B");
  });

  test("--json is the report and nothing else", async () => {
    const { port } = serve(() => Response.json(REPORT));
    const { code, stdout } = await runAg(temporaryHome(), ["limits", "--json"], { env: env(port) });
    expect([code, JSON.parse(stdout)]).toEqual([0, REPORT]);
  });

  test("asks this machine's own server directly, whatever proxy is set", async () => {
    const { port } = serve(() => Response.json(REPORT));
    const proxy = serve(() => new Response("no", { status: 502 }));
    const proxied = { HTTP_PROXY: proxy.url, http_proxy: proxy.url, ALL_PROXY: proxy.url };
    const { code, stderr } = await runAg(temporaryHome(), ["limits"], { env: { ...env(port), ...proxied } });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("without any account exits with 3 and says how to add one; --json is a document all the same", async () => {
    const { url } = serve(() => Response.json(EMPTY));
    const table = await runAg(temporaryHome(), ["limits", "--url", url]);
    expect([table.code, table.stdout]).toEqual([3, ""]);
    expect(table.stderr).toContain("ag accounts add");
    const json = await runAg(temporaryHome(), ["limits", "--url", url, "--json"]);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([3, EMPTY]);
  });

  test("what the accounts answer is in the report, not in log lines around it", async () => {
    const home = temporaryHome();
    const upstream = await startCloudCode({ accounts: [{ ...DEFAULT_ACCOUNT, revoked: true }] });
    const accountEnv = gatewayEnvironment(upstream, home);
    await runAg(home, ["accounts", "import", "-"], { env: accountEnv, stdin: DEFAULT_ACCOUNT.refreshToken });
    const { code, stdout, stderr } = await runAg(home, ["limits"], { env: accountEnv });
    await upstream.stop();
    expect([code, stderr]).toEqual([0, "No server listens: asking the accounts directly.\n"]);
    expect(stdout).toContain("needs-login");
  });

  test("a server that was named and is not there is a failure, not a reason to look elsewhere", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await runAg(temporaryHome(), ["limits", "--url", url]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`Nothing listens on ${url}`);
  });

  for (const [words, message] of [
    [["--json", "--table"], "exclude each other"],
    [["--url", "ftp://x"], "--url must be the address"],
    [["--wach"], "Did you mean --watch?"],
  ] as const) {
    test(`${words.join(" ")} is wrong usage`, async () => {
      const { code, stderr } = await runAg(temporaryHome(), ["limits", ...words]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message) as string]);
    });
  }

  test("--watch --json writes one document a line until Ctrl-C, and exits with 130", async () => {
    const { url } = serve(() => Response.json(REPORT));
    const child = spawnAg(temporaryHome(), ["limits", "--watch", "--json", "--url", url]);
    const line = await readUntil(child.stdout, /\n/);
    expect(JSON.parse(line)).toEqual(REPORT);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
  });
});

describe("watching", () => {
  function recorder() {
    const written: string[] = [];
    return { written, write: async (text: string) => void written.push(text) };
  }

  test("shows a frame at once and at each interval, and closes the screen when it is stopped", async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const log: string[] = [];
    const screen = {
      show: async (text: string) => log.push(text) > 0,
      close: async () => void log.push("closed"),
    };
    let frames = 0;
    const done = watch({ frame: async () => `frame ${++frames}`, screen, everyMs: 5_000, clock }, stop.signal);
    await clock.advance(12_000);
    stop.abort();
    await done;
    expect(log).toEqual(["frame 1", "frame 2", "frame 3", "closed"]);
  });

  test("closes the screen when a frame fails, and fails as it did", async () => {
    const log: string[] = [];
    const screen = { show: async () => true, close: async () => void log.push("closed") };
    const frame = () => Promise.reject(new Error("broken"));
    await expect(watch({ frame, screen, everyMs: 1, clock: fakeClock() }, never())).rejects.toThrow("broken");
    expect(log).toEqual(["closed"]);
  });

  test("a frame that Ctrl-C interrupts is no failure", async () => {
    const stop = new AbortController();
    const screen = { show: async () => true, close: async () => {} };
    const frame = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    const done = watch({ frame, screen, everyMs: 1, clock: fakeClock() }, stop.signal);
    await settle();
    stop.abort();
    await done;
  });

  test("in a pipe it ends when nobody reads any more", async () => {
    const gone = Object.assign(new Error("gone"), { code: "EPIPE" });
    const screen = appendingScreen(() => Promise.reject(gone));
    await watch({ frame: async () => "text", screen, everyMs: 1, clock: fakeClock() }, never());
  });

  test("on a terminal the second screen is entered once and left again, with all that was switched off", async () => {
    const { written, write } = recorder();
    const screen = terminalScreen(write, () => 24);
    await screen.show("one\ntwo");
    await screen.show("three");
    await screen.close();
    await screen.close();
    expect(written).toEqual([
      "\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[Hone\u001B[K\ntwo\u001B[K\u001B[J",
      "\u001B[Hthree\u001B[K\u001B[J",
      "\u001B[?7h\u001B[?25h\u001B[?1049l",
    ]);
  });

  test("a screen that was never shown anything is left alone", async () => {
    const { written, write } = recorder();
    await terminalScreen(write, () => 24).close();
    expect(written).toEqual([]);
  });

  test("what does not fit the window is cut off with a word about it", async () => {
    const { written, write } = recorder();
    await terminalScreen(write, () => 3).show("1\n2\n3\n4\n5");
    expect(Bun.stripANSI(written.join(""))).toBe("1\n2\n… 3 more lines; a taller window shows them");
  });

  test("how to stop is in sight however little room there is", async () => {
    for (const [rows, shown] of [
      [9, "1\n2\n3\n\nCtrl-C"],
      [4, "1\n… 2 more lines; a taller window shows them\n\nCtrl-C"],
      [1, "… 3 more lines; a taller window shows them\n\nCtrl-C"],
    ] as const) {
      const { written, write } = recorder();
      await terminalScreen(write, () => rows, "Ctrl-C").show("1\n2\n3");
      expect(Bun.stripANSI(written.join(""))).toBe(shown);
    }
  });
});
