import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { consola, LogLevels } from "consola/basic";
import { storedAccounts } from "../support/ag-process.ts";
import { chatClient, type Client, messagesClient } from "../support/clients.ts";
import { briskClock } from "../support/clock.ts";
import {
  type Answer,
  call,
  type CloudCodeServer,
  createWorld,
  DEFAULT_ACCOUNT,
  dropConnection,
  emptyBody,
  httpAnswer,
  malformedJson,
  raw,
  startCloudCode,
  streamError,
  text,
  thinking,
  turn,
} from "../support/cloudcode/index.ts";
import { BINARY, startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { rawRequest } from "../support/raw-http.ts";
import { responsesClient } from "../support/responses-client.ts";

/** Stands wherever upstream can say something private. */
const SECRET = "s3cret-canary";

/** What no client may be told and no log may hold: that, and what belongs to the accounts. */
const PRIVATE = new RegExp(`${SECRET}|ya29\\.|1//test|@example\\.test|sample-project`);

const CLIENTS = [messagesClient, chatClient, responsesClient, geminiClient];
const MODES = [
  { mode: "streamed", stream: true },
  { mode: "whole", stream: false },
];

const HTML = { "content-type": "text/html", "set-cookie": `session=${SECRET}`, "x-private": SECRET };
const broken = 'data: {"response": {"candidates": [{s3cret-canary\r\n\r\n';
const notEnding = { finishReason: null, usage: false } as const;

/** Answers that are none, before the first word of one. */
const NO_ANSWERS: { name: string; answer: Answer }[] = [
  { name: "a page of HTML with 502", answer: httpAnswer(502, `<html>${SECRET}</html>`, HTML) },
  { name: "a page of HTML with 200", answer: httpAnswer(200, `<html>${SECRET}</html>`, HTML) },
  { name: "a page of HTML with 404", answer: httpAnswer(404, `<html>${SECRET}</html>`, HTML) },
  { name: "an empty 200", answer: emptyBody() },
  { name: "a 204", answer: httpAnswer(204, "") },
  { name: "a 200 whose event is not JSON", answer: turn(raw(broken), notEnding) },
  { name: "a 200 that is one JSON text", answer: httpAnswer(200, JSON.stringify(SECRET)) },
  { name: "a 200 of other JSON", answer: httpAnswer(200, { kind: SECRET, candidates: SECRET, response: [SECRET] }) },
  { name: "an error in a 200", answer: turn(streamError(500, SECRET, "INTERNAL"), notEnding) },
  { name: "an error without structure", answer: httpAnswer(500, { error: SECRET }) },
  { name: "an error of 5 MB", answer: httpAnswer(500, SECRET.repeat(400_000)) },
  { name: "a teapot", answer: httpAnswer(418, SECRET) },
  { name: "a dropped connection", answer: dropConnection() },
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `a redirect with ${status}`,
    answer: httpAnswer(status, "", { location: "/elsewhere", "x-private": SECRET }),
  })),
];

let upstream: CloudCodeServer;
let gateway: TestGateway;
let accountsBefore: Awaited<ReturnType<typeof storedAccounts>>;
const log: string[] = [];
const reporters = consola.options.reporters;

async function start(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const started = await startGateway(upstream, { clock: briskClock(), ...options });
  consola.level = LogLevels.debug;
  return started;
}

beforeAll(async () => {
  consola.setReporters([{ log: ({ args }) => void log.push(Bun.inspect(args)) }]);
  upstream = await startCloudCode();
  gateway = await start();
  for (const client of CLIENTS) expect((await ask(client, true)).status).toBe(200);
  accountsBefore = await storedAccounts(upstream, gateway.home);
});

afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  consola.setReporters(reporters);
  consola.level = LogLevels.silent;
});

beforeEach(() => upstream.reset());

function ask({ path, streamPath = path, request }: Client, stream: boolean, url = gateway.url): Promise<Response> {
  return fetch(url + (stream ? streamPath : path), {
    method: "POST",
    body: JSON.stringify(request("shown", { stream })),
  });
}

/** A clear error in the client's shape, with its status, that tells nothing private. */
async function expectError(client: Client, reply: Response, status: number): Promise<string> {
  const body = await reply.text();
  expect({ status: reply.status, body }).toMatchObject({ status });
  client.checkError(JSON.parse(body));
  expect(`${JSON.stringify([...reply.headers])}${body}`).not.toMatch(PRIVATE);
  return body;
}

for (const client of CLIENTS) {
  for (const { mode, stream } of MODES) {
    describe(`${client.path}, ${mode}`, () => {
      for (const { name, answer } of NO_ANSWERS) {
        test(`${name}: 502`, async () => {
          upstream.always(answer);
          await expectError(client, await ask(client, stream), 502);
          expect(upstream.refusals()).toEqual([]);
          expect(upstream.log.map(({ method }) => method)).not.toContain("");
        });
      }

      test("an event that is not JSON after the first words: an error after them, or in place of all", async () => {
        upstream.always(malformedJson("before", "after"));
        const reply = await ask(client, stream);
        if (!stream) return void (await expectError(client, reply, 502));
        const frames = await reply.text();
        client.checkOrder(frames, "failed");
        expect(frames).toContain("before");
        expect(frames).not.toContain("after");
      });

      test("a connection that breaks at any of many bytes: never a finished answer", async () => {
        const steps = [thinking("Hmm, hmm."), text("Grüße 👩‍👩‍👧 and so on", { deltas: 4 }), call("look", { at: "x" })];
        const outcomes = new Set<string>();
        for (let cutAfterBytes = 0; cutAfterBytes < 1_600; cutAfterBytes += 61) {
          upstream.always(turn(steps, { cutAfterBytes, split: 40 }));
          const reply = await ask(client, stream);
          if (reply.ok) client.checkOrder(await reply.text(), "failed");
          else await expectError(client, reply, 502);
          outcomes.add(reply.ok ? "begun" : "refused");
        }
        expect([...outcomes]).toEqual(stream ? ["refused", "begun"] : ["refused"]);
      });
    });
  }

  test(`${client.path}: upstream's refusal may quote the prompt to the client, but not to the log`, async () => {
    const quoted = { error: { code: 400, status: "INVALID_ARGUMENT", message: `Invalid value at 'x', "${SECRET}"` } };
    for (const { stream } of MODES) {
      upstream.next(httpAnswer(400, quoted));
      const reply = await ask(client, stream);
      expect(reply.status).toBe(400);
      client.checkError(await reply.json());
    }
  });
}

describe("trouble that lasts", () => {
  async function expectErrors(url: string, status: number, says: RegExp): Promise<void> {
    for (const client of CLIENTS) {
      for (const { stream } of MODES) {
        expect(await expectError(client, await ask(client, stream, url), status)).toMatch(says);
      }
    }
  }

  async function closedPort(): Promise<string> {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const url = `http://127.0.0.1:${server.port}`;
    await server.stop(true);
    return url;
  }

  test("upstream refuses connections: 502, and the accounts are not to blame", async () => {
    const away = await start({ env: { AG_CLOUDCODE_URLS: await closedPort() } });
    await expectErrors(away.url, 502, /Upstream cannot be reached/);
    expect((await storedAccounts(upstream, away.home))[0]?.problem).toBeUndefined();
    await away.stop();
  });

  test("the token endpoint refuses connections: 502, and the sign-in is kept", async () => {
    const away = await start({ env: { AG_OAUTH_TOKEN_URL: `${await closedPort()}/token` } });
    await expectErrors(away.url, 502, /./);
    const [account] = await storedAccounts(upstream, away.home);
    expect(account).toMatchObject({ secret: DEFAULT_ACCOUNT.refreshToken, enabled: true });
    expect(account?.problem).toBeUndefined();
    await away.stop();
  });

  test("there is no account: 503 that says how to add one", async () => {
    const empty = await start({ accounts: [] });
    await expectErrors(empty.url, 503, /ag accounts/);
    await empty.stop();
    expect(upstream.calls()).toEqual([]);
  });

  test("a dead refresh token: 503 that says so; it is tried once and kept for its owner to see", async () => {
    const dead = await startCloudCode({ world: createWorld({ accounts: [{ ...DEFAULT_ACCOUNT, revoked: true }] }) });
    const lost = await startGateway(dead, { clock: briskClock() });
    consola.level = LogLevels.debug;
    await expectErrors(lost.url, 503, /sign-in/);
    expect(await storedAccounts(dead, lost.home)).toMatchObject([
      { secret: DEFAULT_ACCOUNT.refreshToken, enabled: true, problem: { type: "needs-login" } },
    ]);
    expect(dead.calls()).toEqual([]);
    expect(dead.log.filter(({ method }) => method === "token").length).toBeLessThanOrEqual(2);
    await lost.stop();
    await dead.stop();
  });

  test("a missing or wrong key: 401 before anything is read", async () => {
    const locked = await start({ env: { AG_API_KEY: "sk-ag-test-right" } });
    for (const { path, checkError } of CLIENTS) {
      for (const key of [
        {},
        { "x-api-key": SECRET },
        { authorization: `Bearer ${SECRET}` },
        { authorization: SECRET },
      ]) {
        const reply = await rawRequest(locked.url, { path, headers: { "content-length": "115343360", ...key } });
        expect(reply.status).toBe(401);
        checkError(JSON.parse(reply.body));
        expect(reply.text).not.toMatch(/s3cret|sk-ag/);
      }
    }
    await locked.stop();
  });
});

describe("after all of it", () => {
  test("the gateway serves", async () => {
    for (const client of CLIENTS) client.checkOrder(await (await ask(client, true)).text(), "complete");
  });

  test("its accounts are as they were", async () => {
    expect(await storedAccounts(upstream, gateway.home)).toEqual(accountsBefore);
  });

  // A binary writes its log into a pipe of its own; bad-input.test.ts reads one of those.
  if (BINARY === undefined) {
    test("the log names no secret and no failure of ours", () => {
      expect(log.length).toBeGreaterThan(100);
      expect(log.filter((line) => PRIVATE.test(line) || /internal/.test(line))).toEqual([]);
    });
  }
});
