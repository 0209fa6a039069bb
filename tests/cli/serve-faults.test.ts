import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { rawRequest } from "../support/raw-http.ts";
import { freshHome, readUntil, spawnAg } from "./support.ts";

setDefaultTimeout(30_000); // many processes at once, on whatever machine

const FAULTS = resolve(import.meta.dir, "../../src/cli/serve/faults.ts");

/** Code that throws where nobody catches, and how often it is told of. */
const ROWS: Record<string, string> = {
  "a promise that nobody looks at": `Promise.reject(new Error("lost"));`,
  "a timer": `setTimeout(() => { throw new Error("lost"); });`,
  "an asynchronous timer": `setTimeout(async () => { throw new Error("lost"); });`,
  "a microtask": `queueMicrotask(() => { throw new Error("lost"); });`,
  "an event that nobody hears": `setTimeout(() => new EventEmitter().emit("error", new Error("lost")));`,
  "a listener of an abort": `
    const abort = new AbortController();
    abort.signal.addEventListener("abort", () => { throw new Error("lost"); });
    abort.abort();`,
};

describe.concurrent("a server goes on, and tells of it, after a failure in", () => {
  for (const [what, code] of Object.entries(ROWS)) {
    test(what, async () => {
      const program = `
        import { EventEmitter } from "node:events";
        import { surviveFaults } from ${JSON.stringify(FAULTS)};
        surviveFaults((message, thrown) => {
          console.log(message, thrown.message);
          setTimeout(() => {
            console.log("alive");
            process.exit(0);
          });
        });
        setInterval(() => {}, 1_000); // a server has always something to wait for
        ${code}`;
      const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      expect({ stdout, stderr, code: exitCode }).toEqual({
        stdout: "An unexpected failure in the background; ag goes on: lost\nalive\n",
        stderr: "",
        code: 0,
      });
    });
  }

  test("a reply that its client has left", async () => {
    const program = `
      import { surviveFaults } from ${JSON.stringify(FAULTS)};
      surviveFaults((message, thrown) => console.log(message, thrown.message));
      const left = Promise.withResolvers();
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(new ReadableStream({
        pull: (controller) => Bun.sleep(1).then(() => controller.enqueue(new Uint8Array(10))),
        cancel() { left.resolve(); throw new Error("lost"); },
      })) });
      const abort = new AbortController();
      const reply = await fetch(server.url, { signal: abort.signal });
      await reply.body.getReader().read();
      abort.abort();
      await left.promise;
      console.log((await fetch(server.url)).status);
      process.exit(0);`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
    expect([await child.stdout.text(), await child.exited]).toEqual([expect.stringMatching(/^200\n$/m), 0]);
  });
});

describe.concurrent("ag serve", () => {
  const DEMO = ["serve", "--demo", "--port", "0"];

  test("goes on when nobody reads its log any more", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, DEMO);
    const url = /listens on (\S+)/.exec(await readUntil(child.stdout, /Stop with/))?.[1] ?? "";
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    for (let request = 1; request <= 5; request++) expect(await ask(url)).toBe(200);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test.skipIf(process.platform !== "linux")(
    "starts itself over with room for more fetches, as the same process",
    async () => {
      using home = freshHome();
      const child = spawnAg(home.path, DEMO);
      await readUntil(child.stdout, /Stop with/);
      const environment = readFileSync(`/proc/${child.pid}/environ`, "utf8").split("\0");
      expect(environment.filter((entry) => entry.startsWith("BUN_CONFIG_MAX_HTTP_REQUESTS="))).toEqual([
        "BUN_CONFIG_MAX_HTTP_REQUESTS=16384",
      ]);
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
    },
  );

  test("leaves a limit of fetches that its owner has set, and says when it is too small", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, ["serve", "--port", "0"], { BUN_CONFIG_MAX_HTTP_REQUESTS: "100" });
    const text = await readUntil(child.stdout, /Stop with/);
    expect(text).toContain(
      "BUN_CONFIG_MAX_HTTP_REQUESTS=100 lets 100 requests run at a time, of the 2000 of server.maxConcurrent",
    );
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test.skipIf(process.platform === "win32")(
    "with few files serves fewer at a time, and says how to have more",
    async () => {
      using home = freshHome();
      const child = underShell(home.path, "ulimit -n 400");
      const text = await readUntil(child.stdout, /Stop with/);
      expect(text).toContain("400 files and sockets, enough for 152 requests at a time and not for the 2000");
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
    },
  );

  test.skipIf(process.platform !== "linux")("outlives its terminal when it was started with nohup", async () => {
    using home = freshHome();
    const child = underShell(home.path, "trap '' HUP");
    const url = /listens on (\S+)/.exec(await readUntil(child.stdout, /Stop with/))?.[1] ?? "";
    child.kill("SIGHUP");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("answers a wish for a WebSocket as the request it is", async () => {
    using home = freshHome();
    const child = spawnAg(home.path, DEMO);
    const url = /listens on (\S+)/.exec(await readUntil(child.stdout, /Stop with/))?.[1] ?? "";
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    };
    const statuses = await Promise.all(
      ["/v1/responses", "/v1/chat/completions", "/healthz"].map(
        async (path) => (await rawRequest(url, { method: "GET", path, headers })).status,
      ),
    );
    expect(statuses).toEqual([426, 404, 200]);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

/** `ag serve` in the shell's own process, after this. */
function underShell(home: string, first: string) {
  const main = resolve(import.meta.dir, "../../src/main.ts");
  const script = `${first}; exec "${process.execPath}" --no-env-file "${main}" serve --port 0`;
  return Bun.spawn(["sh", "-c", script], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function ask(url: string): Promise<number> {
  const body = { model: "claude-sonnet-4-6", max_tokens: 64, messages: [{ role: "user", content: "Hello" }] };
  const reply = await fetch(`${url}/v1/messages`, { method: "POST", body: JSON.stringify(body) });
  await reply.text();
  return reply.status;
}
