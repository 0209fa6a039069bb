import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consola } from "consola/basic";
import { jsonReporter, prettyReporter } from "../../src/cli/serve/logging.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { runAg } from "../cli/support.ts";
import { CLAUDE } from "../support/cloudcode/samples.ts";
import { chatClient, messagesClient } from "../support/clients.ts";
import { briskClock } from "../support/clock.ts";
import {
  type Answer,
  dropConnection,
  failure,
  FAILURE_NAMES,
  type FailureName,
  httpAnswer,
  type ServedAccount,
  startCloudCode,
  text,
  turn,
} from "../support/cloudcode/index.ts";
import { temporaryHome } from "../support/temporary.ts";
import { keyFailure, KEY_FAILURE_NAMES, startGeminiApi } from "../support/gemini-api/index.ts";
import { gatewayEnvironment, signInOf, startGateway } from "../support/gateway.ts";

setDefaultTimeout(120_000);

const REFRESH_TOKEN = "1//test-canary-refresh";
const ACCESS_TOKEN = "ya29.test";
const API_KEY = "AIza-test-key"; // the one that the official API repeats in a refusal
const CLIENT_SECRET = "test-canary-client-secret";
const PASSPHRASE = "test canary passphrase";
const GATEWAY_KEY = "sk-ag-test-canary";
const EMAIL = "canary-mail.example";
const PROMPT = "test-canary-prompt";
const ANSWER = "test-canary-answer";

const CREDENTIALS = [REFRESH_TOKEN, ACCESS_TOKEN, API_KEY, CLIENT_SECRET, PASSPHRASE, GATEWAY_KEY];
const CONVERSATION = [PROMPT, ANSWER];

const OFFICIAL_MODEL = "gemini-3.1-pro-preview";

/** So often an upstream says the same to one request, if it is asked again. */
const REPEATS = 2;

type Row = [name: string, model: string, answer: Answer];

/** Each failure may cost an account for good. */
const accounts: ServedAccount[] = Array.from({ length: 80 }, (_, index) => ({
  email: `owner-${index}@${EMAIL}`,
  refreshToken: `${REFRESH_TOKEN}-${index}`,
  project: `project-${index}`,
}));

/** What a careless upstream might repeat of what it was sent, in each status that is read differently. */
const TELLTALE = `The caller owner-1@${EMAIL} with Bearer ${ACCESS_TOKEN}-told, ${API_KEY} and ${REFRESH_TOKEN}-1 may not`;
const telltales: Answer[] = [400, 401, 403, 404, 429, 500, 503].map((code) =>
  httpAnswer(code, { error: { code, message: TELLTALE, status: "UNKNOWN" } }),
);

const level = consola.level;
const { reporters } = consola.options;
afterAll(() => {
  consola.level = level;
  consola.setReporters(reporters);
});

/** Fails with the first place in which one of the words stands, and what is around it. */
function expectNone(words: readonly string[], place: string, content: string | Buffer): void {
  const told = typeof content === "string" ? content : content.toString("latin1");
  for (const word of words) {
    const at = told.indexOf(word);
    if (at >= 0) throw new Error(`${place} has ${word}: … ${told.slice(Math.max(0, at - 120), at + 60)} …`);
  }
}

/** Every file of the folder. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

test("no credential gets into a reply, the log, a command's output or a file, whatever goes wrong; nor a word of a conversation into the last three", async () => {
  const client = { id: "test-client.apps.example.test", secret: CLIENT_SECRET };
  await using disposal = new AsyncDisposableStack();
  const cloud = await startCloudCode({ accounts, client });
  disposal.defer(() => cloud.stop());
  const api = await startGeminiApi({ keys: [{ key: API_KEY }] });
  disposal.defer(() => api.stop());
  const keys = Array.from({ length: 60 }, (_, index) => ({
    kind: "gemini-api-key" as const,
    secret: index === 0 ? API_KEY : `${API_KEY}-${index}`,
  }));
  for (const { secret } of keys.slice(1)) api.keys.push({ key: secret });
  const env = { AG_OAUTH_CLIENT_SECRET: CLIENT_SECRET, AG_API_KEY: GATEWAY_KEY, AG_GEMINI_URL: api.url };
  const gateway = await startGateway(cloud, {
    env,
    accounts: [...cloud.world.accounts.map(signInOf), ...keys],
    clock: briskClock(),
    fromSources: true, // its log is read as it is written
  });
  disposal.defer(() => gateway.stop());

  const log: string[] = [];
  const write = (line: string) => void log.push(line);
  consola.level = 5;
  consola.setReporters([jsonReporter(write), prettyReporter(write, createPaint(false))]);

  const heard = async (place: string, path: string, init: RequestInit = {}) => {
    const reply = await fetch(gateway.url + path, {
      ...init,
      headers: { authorization: `Bearer ${GATEWAY_KEY}`, "content-type": "application/json" },
    });
    const body = await reply.text().catch(() => "");
    expectNone([...CREDENTIALS, EMAIL], place, `${JSON.stringify([...reply.headers])} ${body}`);
    return { status: reply.status, body };
  };

  const answers: Row[] = [
    ["success", CLAUDE, turn([text(ANSWER)])],
    ["dropped", CLAUDE, dropConnection()],
    ...(FAILURE_NAMES as readonly FailureName[]).map((name): Row => [name, CLAUDE, failure(name)]),
    ...telltales.map((answer, index): Row => [`telltale ${index}`, CLAUDE, answer]),
    ...KEY_FAILURE_NAMES.map((name): Row => [name, OFFICIAL_MODEL, keyFailure(name)]),
    ...telltales.map((answer, index): Row => [`key telltale ${index}`, OFFICIAL_MODEL, answer]),
  ];
  const unasked: string[] = [];
  // By this clock, those who are asked for their models are all late.
  while (!(await heard("models", "/v1/models")).body.includes(`"${CLAUDE}"`)) await Bun.sleep(10);
  for (const [name, model, answer] of answers) {
    for (const [each, stream] of [
      [messagesClient, true],
      [chatClient, false],
    ] as const) {
      const server = model === CLAUDE ? cloud : api;
      for (let count = 0; count < REPEATS; count++) server.next(answer, { method: "streamGenerateContent" });
      const messages = [{ role: "user", content: `${PROMPT} ${name}` }];
      const body = JSON.stringify(each.request("hidden", { model, stream, messages }));
      const { status, body: reply } = await heard(`${name} ${each.path}`, each.path, { method: "POST", body });
      if (name === "success") expect([status, reply]).toEqual([200, expect.stringContaining(ANSWER)]);
      if (server.unused() === REPEATS) unasked.push(`${name} ${each.path} ${status}`);
      server.reset();
    }
  }
  expect(unasked).toEqual([]);

  // A sign-in that is dead, and a token endpoint that repeats what it was sent.
  const [first, second] = cloud.world.accounts;
  if (first) first.revoked = true;
  cloud.world.expireAccessTokens();
  cloud.next(
    httpAnswer(400, { error: "invalid_grant", error_description: `${second?.refreshToken} of ${second?.email}` }),
    {
      method: "token",
    },
  );
  for (const path of [
    "/account-limits",
    "/account-limits?format=table",
    "/health",
    "/readyz",
    "/v1/models",
    "/nothing",
  ]) {
    await heard(path, path);
  }
  await heard("/refresh-token", "/refresh-token", { method: "POST" });

  const outside = temporaryHome();
  const passphraseFile = join(outside, "passphrase");
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
  const environment = { ...gatewayEnvironment(cloud, gateway.home), ...env };
  const run = async (words: string[], { stdin = "", tellsEmail = false } = {}) => {
    const { code, stdout, stderr } = await runAg(outside, words, { env: environment, stdin });
    const what = `ag ${words.join(" ")}`;
    expectNone([...CREDENTIALS, ...CONVERSATION, ...(tellsEmail ? [] : [EMAIL])], what, stdout + stderr);
    return { what, code, stdout };
  };
  const told = { tellsEmail: true };
  for (const json of [[], ["--json"]]) {
    for (const words of [["list"], ["verify", "a3"], ["disable", "a3"], ["enable", "a3"], ["label", "a3", "team"]]) {
      await run(["accounts", ...words, ...json], told);
    }
    await run(["accounts", "import", "-", ...json], { ...told, stdin: `${REFRESH_TOKEN}-new-${json.length}\n` });
    await run(["accounts", "import", "-", ...json], {
      ...told,
      stdin: `${API_KEY}\n{"refresh_token": "${ACCESS_TOKEN}"`,
    });
    await run(["accounts", "add", "--gemini-key", ...json], { ...told, stdin: `${API_KEY}-30\n` });
    await run(["accounts", "remove", json.length === 0 ? "a4" : "a5", "--yes", ...json], told);
    const archive = join(gateway.home, `archive${json.length}.agx`);
    const exported = await run(["accounts", "export", archive, "--passphrase-file", passphraseFile, ...json], told);
    expect(exported.code).toBe(0);
    await run(["accounts", "import", archive, "--passphrase-file", passphraseFile, ...json], told);
    await run(["models", "list", ...json]);
    await run(["limits", ...json]);
  }

  // While the gateway runs, so that its log is there; the log's files are copied as they stand.
  const copies = join(outside, "copies");
  mkdirSync(copies, { recursive: true });
  expect(existsSync(join(gateway.home, "ag.db-wal"))).toBe(true);
  expect(readdirSync(join(gateway.home, "backups"))).toHaveLength(1);
  for (const [index, file] of files(gateway.home).entries()) copyFileSync(file, join(copies, `${index}`));
  for (const file of files(copies)) expectNone([...CREDENTIALS, ...CONVERSATION], file, readFileSync(file));
  await disposal.disposeAsync();
  for (const file of files(gateway.home)) expectNone([...CREDENTIALS, ...CONVERSATION], file, readFileSync(file));

  expect(log.length).toBeGreaterThan(100);
  expectNone([...CREDENTIALS, ...CONVERSATION, EMAIL], "log", log.join(""));
});
