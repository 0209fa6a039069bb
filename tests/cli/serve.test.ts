import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { freshHome, readUntil, runAg, spawnAg } from "./support.ts";

setDefaultTimeout(30_000); // many processes at once, on whatever machine

const DEMO = ["serve", "--demo", "--port", "0"];

describe.concurrent("ag serve --demo", () => {
  test("prints an address that answers, a curl line and settings for Claude Code", async () => {
    using home = freshHome();
    await using server = await startDemo(home.path);
    expect(server.text).toContain(`curl ${server.url}/v1/messages`);
    expect(server.text).toContain(`export ANTHROPIC_BASE_URL=${server.url}\n`);
    const model = /export ANTHROPIC_MODEL=(\S+)/.exec(server.text)?.[1];
    const body = /-d '(.+)'/.exec(server.text)?.[1] ?? "";
    expect(JSON.parse(body).model).toBe(model);
    const response = await fetch(`${server.url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ type: "message", model, stop_reason: "end_turn" });
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} lets a running request finish and exits with 0`, async () => {
      using home = freshHome();
      await using server = await startDemo(home.path);
      const response = await ask(server.url);
      server.child.kill(signal);
      await readUntil(server.child.stderr, /letting running requests finish/);
      expect(await response.text()).toContain("message_stop");
      expect(await server.child.exited).toBe(0);
    });
  }

  test("a signal while nothing runs speaks of no request to wait for", async () => {
    using home = freshHome();
    await using server = await startDemo(home.path);
    server.child.kill("SIGINT");
    expect(await server.child.stderr.text()).toContain("SIGINT: no request is running, stopping");
    expect(await server.child.exited).toBe(0);
  });

  test("a second signal does not wait for what is still running", async () => {
    using home = freshHome();
    await using server = await startDemo(home.path, ["--scenario", "stall"]);
    const pending = ask(server.url).then(
      (response) => response.text(),
      () => "cut",
    );
    const running = async () =>
      (await (await fetch(`${server.url}/metrics`)).text()).includes("\nag_requests_in_flight 1\n");
    while (!(await running()));
    const insist = setInterval(() => server.child.kill("SIGTERM"), 50);
    expect(await server.child.exited).toBe(143);
    clearInterval(insist);
    await pending;
  });

  test("a taken port is named with its holder and the way to another, and exits with 1", async () => {
    using home = freshHome();
    await using server = await startDemo(home.path);
    const { port } = new URL(server.url);
    const { code, stdout, stderr } = await runAg(home.path, ["serve", "--demo", "--port", port]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toStartWith(`ag: Port ${port} on 127.0.0.1 is taken by `);
    if (process.platform === "linux") expect(stderr).toContain(`(process ${server.child.pid})`);
    expect(stderr).toContain(`ag serve --port ${Number(port) + 1}`);
  });

  test("with JSON logs writes nothing but JSON lines", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, [...DEMO, "--log-format", "json"]);
    const line = await readUntil(child.stderr, /\n/);
    const { time: _, ...listening } = JSON.parse(line) as Record<string, unknown>;
    expect(listening).toEqual({
      level: "info",
      message: "listening",
      url: expect.stringMatching(/^http:/),
      keyRequired: false,
      accounts: 3,
    });
    child.kill("SIGTERM");
    expect(await child.stdout.text()).toBe("");
    expect(await child.exited).toBe(0);
  });
});

describe.concurrent("ag serve refuses to start", () => {
  test("beyond loopback without an API key, naming what asked for it", async () => {
    using home = freshHome();
    const flag = await runAg(home.path, ["serve", "--host", "0.0.0.0"]);
    expect(flag.code).toBe(1);
    expect(flag.stderr).toContain("Listening on 0.0.0.0 (--host)");
    expect(flag.stderr).toContain("use your accounts");
    expect(flag.stderr).toContain("AG_API_KEY");
    const variable = await runAg(home.path, ["serve", "--demo"], { env: { HOST: "192.168.1.2" } });
    expect(variable.code).toBe(1);
    expect(variable.stderr).toContain("Listening on 192.168.1.2 (HOST)");
    expect(variable.stderr).not.toContain("your accounts");
  });

  test("with a SOCKS proxy", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["serve"], { env: { all_proxy: "socks5h://127.0.0.1:1" } });
    expect(code).toBe(1);
    expect(stderr).toStartWith("ag: all_proxy names a SOCKS proxy");
  });

  test("with an API key that no header can carry", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["serve", "--demo"], { env: { AG_API_KEY: "hush hüsh" } });
    expect(code).toBe(1);
    expect(stderr).toStartWith("ag: AG_API_KEY holds ");
    expect(stderr).not.toContain("hush");
  });

  test("with a scenario but without the demo", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["serve", "--scenario", "rate"]);
    expect(code).toBe(2);
    expect(stderr).toStartWith("ag: --scenario needs --demo");
  });
});

test("ag serve beyond loopback starts with an API key, and wants it", async () => {
  using home = freshHome();
  await using server = await startDemo(home.path, ["--host", "0.0.0.0"], { AG_API_KEY: "sk-ag-test" });
  const url = server.url.replace("0.0.0.0", "127.0.0.1");
  expect((await ask(url)).status).toBe(401);
  expect((await ask(url, { "x-api-key": "sk-ag-test" })).status).toBe(200);
});

test("ag serve without an account starts, says what is missing and where its data is", async () => {
  using home = freshHome();
  const child = spawnAg(home.path, ["serve", "--port", "0"], { HTTPS_PROXY: "http://me:hush@127.0.0.1:9" });
  const text = await readUntil(child.stdout, /Stop with/);
  expect(text).toContain(`${home.path}/.local/share/ag`);
  expect(text).toContain("http://127.0.0.1:9 (HTTPS_PROXY)");
  expect(text).not.toContain("hush");
  expect(text).toContain("Sign in: ag accounts add ");
  expect(text).toContain("AG_OAUTH_CLIENT_ID");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

async function startDemo(home: string, words: string[] = [], env: Record<string, string> = {}) {
  const child = spawnAg(home, [...DEMO, ...words], env);
  const text = await readUntil(child.stdout, /Stop with/);
  const url = /listens on (\S+)/.exec(text)?.[1] ?? "";
  return {
    child,
    text,
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A streamed request; resolves when the answer has begun. */
function ask(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({
      model: "claude-sonnet-4-6",
      max_tokens: 64,
      stream: true,
      messages: [{ role: "user", content: "Hello" }],
    }),
  });
}
