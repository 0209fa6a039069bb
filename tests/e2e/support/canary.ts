import { expect } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { consola, type ConsolaReporter } from "consola/basic";
import { jsonReporter, prettyReporter } from "../../../src/cli/serve/logging.ts";
import { createPaint } from "../../../src/cli/terminal.ts";
import { composeStore, newKey } from "../../../src/compose.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { type Scope, SCOPES } from "../../../src/core/keys.ts";
import type { Store } from "../../../src/core/store.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { LogEntry } from "../../../src/lib/log-entry.ts";
import { runAg } from "../../cli/support.ts";
import { type CloudCodeServer, type ServedAccount, startCloudCode } from "../../support/cloudcode/index.ts";
import { type GeminiApiServer, startGeminiApi } from "../../support/gemini-api/index.ts";
import { gatewayEnvironment, signInOf, startGateway } from "../../support/gateway.ts";
import { temporaryHome } from "../../support/temporary.ts";

export const REFRESH_TOKEN = "1//test-canary-refresh";
/** How those begin that the strict server issues. */
export const ACCESS_TOKEN = "ya29.test";
/** The one that the official API repeats in a refusal. */
export const API_KEY = "AIza-test-key";
export const PASSPHRASE = "test canary passphrase";
export const EMAIL = "canary-mail.example";
/** A key of no gateway: its owner has it from elsewhere, and it is a secret all the same. */
export const WRONG_KEY = "sk-ag-test-canary-wrong";
const GATEWAY_KEY = "sk-ag-test-canary";
const OWNER_TOKEN = "ag-owner.";
const CLIENT_SECRET = "test-canary-client-secret";
const SECRET_KEY = "cafe1234".repeat(8);

/** Stands in everything that a client or a model says. */
export const PROMPT = "test-canary-prompt";
export const ANSWER = "test-canary-answer";
export const CONVERSATION = [PROMPT, ANSWER];

/** Of a client's key so much is shown, for its owner to know it by. */
const SHOWN_OF_KEY = "sk-ag-0123".length;

export interface CanaryOptions {
  /** Sign-ins and official keys: failures may cost one for good. */
  accounts: number;
  officialKeys: number;
  config?: JsonObject;
  clock?: Clock;
  /** Seals by a key file instead of AG_SECRET_KEY. */
  keyFile?: true;
}

/** A gateway that was given secrets of every kind, with all it tells and writes under watch. */
export interface Canary extends AsyncDisposable {
  readonly cloud: CloudCodeServer;
  readonly api: GeminiApiServer;
  readonly url: string;
  readonly home: string;
  readonly environment: Record<string, string>;
  /** One API key of each scope, and AG_API_KEY. */
  readonly keys: Readonly<Record<Scope | "environment", string>>;
  /** Everything that may be seen nowhere. */
  readonly credentials: readonly string[];
  /** What was logged so far, at the most talkative level, in every format and without redaction. */
  readonly log: readonly string[];
  /** Fails when the reply has a credential or an e-mail. */
  ask(path: string, init?: RequestInit): Promise<{ status: number; body: string }>;
  /** Runs `ag`. Fails when it prints a credential, a word of a conversation, or an e-mail where none is due. */
  run(words: string[], told?: { stdin?: string; tellsEmail?: boolean }): Promise<{ code: number; stdout: string }>;
  withStore<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** Fails when a file of the data folder has a credential or a word of a conversation. */
  checkFiles(): void;
  checkLog(): void;
  /** Ends the gateway, so that all of its files are as they stay. */
  stop(): Promise<void>;
}

export async function startCanary({ clock, config, keyFile, ...counts }: CanaryOptions): Promise<Canary> {
  await using disposal = new AsyncDisposableStack();
  const accounts: ServedAccount[] = Array.from({ length: counts.accounts }, (_, index) => ({
    email: `owner-${index}@${EMAIL}`,
    refreshToken: `${REFRESH_TOKEN}-${index}`,
    project: `project-${index}`,
  }));
  const officialKeys = Array.from({ length: counts.officialKeys }, (_, index) => ({
    kind: "gemini-api-key" as const,
    secret: index === 0 ? API_KEY : `${API_KEY}-${index}`,
  }));
  const client = { id: "test-client.apps.example.test", secret: CLIENT_SECRET };
  const cloud = await startCloudCode({ accounts, client });
  disposal.defer(() => cloud.stop());
  const api = await startGeminiApi({ keys: officialKeys.map(({ secret }) => ({ key: secret })) });
  disposal.defer(() => api.stop());

  const home = temporaryHome();
  const env = {
    AG_OAUTH_CLIENT_SECRET: CLIENT_SECRET,
    AG_API_KEY: GATEWAY_KEY,
    AG_GEMINI_URL: api.url,
    ...(!keyFile && { AG_SECRET_KEY: SECRET_KEY }),
  };
  const environment = { ...gatewayEnvironment(cloud, home), ...env };
  const withStore = async <T>(work: (store: Store) => Promise<T>) => {
    const store = await composeStore(loadConfig({ env: environment, oauthClient: undefined }));
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const scoped = await withStore(addKeys);
  const gateway = await startGateway(cloud, {
    home,
    env,
    accounts: [...accounts.map(signInOf), ...officialKeys],
    fromSources: true, // its log is read as it is written
    ...(config && { config }),
    ...(clock && { clock }),
  });
  let isRunning = true;
  const stop = async () => {
    if (isRunning) await gateway.stop();
    isRunning = false;
  };
  disposal.defer(stop);

  const sealingKey = keyFile ? readFileSync(join(home, "ag.key"), "utf8").trim() : SECRET_KEY;
  const shownKeys = Object.values(scoped);
  const credentials = [
    REFRESH_TOKEN,
    ACCESS_TOKEN,
    API_KEY,
    CLIENT_SECRET,
    PASSPHRASE,
    GATEWAY_KEY,
    OWNER_TOKEN,
    WRONG_KEY,
    sealingKey,
    ...shownKeys.map(({ text }) => text.slice(0, SHOWN_OF_KEY + 4)),
  ];
  const digests = shownKeys.map(({ digest }) => digest);
  const log = captureLog(disposal);
  const running = disposal.move();
  return {
    cloud,
    api,
    url: gateway.url,
    home,
    environment,
    keys: {
      inference: scoped.inference.text,
      admin: scoped.admin.text,
      metrics: scoped.metrics.text,
      environment: GATEWAY_KEY,
    },
    credentials,
    log,
    async ask(path, init = {}) {
      const headers = { authorization: `Bearer ${GATEWAY_KEY}`, ...init.headers };
      const reply = await fetch(gateway.url + path, { ...init, headers });
      const body = await reply.text().catch(() => ""); // cut
      const told = `${JSON.stringify([...reply.headers])} ${body}`;
      expectNone([...credentials, ...digests, EMAIL], `the reply to ${path}`, told);
      return { status: reply.status, body };
    },
    async run(words, { stdin = "", tellsEmail = false } = {}) {
      const { code, stdout, stderr } = await runAg(home, words, { env: environment, stdin });
      const unwanted = [...credentials, ...digests, ...CONVERSATION, ...(tellsEmail ? [] : [EMAIL])];
      expectNone(unwanted, `ag ${words.join(" ")}`, stdout + stderr);
      return { code, stdout };
    },
    withStore,
    checkFiles: () => expectCleanFiles(home, [...credentials, ...CONVERSATION]),
    checkLog() {
      expect(log.length).toBeGreaterThan(100);
      expectNone([...credentials, ...digests, ...CONVERSATION, EMAIL], "the log", log.join(""));
    },
    stop,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Fails with the first place in which one of the words stands, as it is or in base64, and what is around it. */
export function expectNone(words: readonly string[], place: string, content: string | Buffer): void {
  const told = typeof content === "string" ? content : content.toString("latin1");
  for (const word of words) {
    for (const form of formsOf(word)) {
      const at = told.indexOf(form);
      if (at >= 0) throw new Error(`${place} has ${word}: … ${told.slice(Math.max(0, at - 120), at + 60)} …`);
    }
  }
}

/** Fails when a file below the folder has one of the words. The key file alone may have the key. */
export function expectCleanFiles(folder: string, words: readonly string[]): void {
  for (const file of filesBelow(folder)) {
    const key = file.endsWith("/ag.key") ? readFileSync(file, "utf8").trim() : undefined;
    const unwanted = words.filter((word) => word !== key);
    expectNone(unwanted, file, readWhole(file));
  }
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** A copy is read: what another process holds mapped, or locked, is read as it stands. */
function readWhole(file: string): Buffer {
  const copy = join(mkdtempSync(join(temporaryHome(), "copy-")), "file");
  copyFileSync(file, copy);
  return readFileSync(copy);
}

const forms = new Map<string, string[]>();

/** The word, and in base64 what does not depend on what stands around it. */
function formsOf(word: string): string[] {
  let known = forms.get(word);
  if (!known) {
    const shifted = [0, 1, 2].map((shift) => {
      const base64 = Buffer.from(`${" ".repeat(shift)}${word}`).toString("base64");
      return base64.slice(shift === 0 ? 0 : shift + 1, -4);
    });
    const url = shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
    known = [...new Set([word, encodeURIComponent(word), ...shifted, ...url])];
    forms.set(word, known);
  }
  return known;
}

async function addKeys({ keys }: Store) {
  const made: Partial<Record<Scope, { text: string; digest: string }>> = {};
  for (const scope of SCOPES) {
    const { text, digest, hint } = newKey();
    await keys.create({ digest, hint, name: `of ${scope}`, scopes: [scope], models: [], createdAt: Date.now() });
    made[scope] = { text, digest };
  }
  return made as Record<Scope, { text: string; digest: string }>;
}

/** All levels, in both formats, and without the redaction of these: what reporters are given holds no secret to begin with. */
function captureLog(disposal: AsyncDisposableStack): string[] {
  const { level } = consola;
  const { reporters } = consola.options;
  disposal.defer(() => {
    consola.level = level;
    consola.setReporters(reporters);
  });
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  consola.level = 5;
  consola.setReporters([jsonReporter(write), prettyReporter(write, createPaint(false)), bareReporter(write)]);
  return lines;
}

function bareReporter(write: (line: string) => void): ConsolaReporter {
  return {
    log({ args }) {
      for (const argument of args) {
        if (argument instanceof LogEntry) write(`${argument.text()} ${JSON.stringify(argument.fields())}`);
        else write(argument instanceof Error ? (argument.stack ?? argument.message) : Bun.inspect(argument));
      }
    },
  };
}
