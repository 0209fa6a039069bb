import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RequestRecord } from "../../src/core/record.ts";
import { SCOPES } from "../../src/core/keys.ts";
import type { ProtocolId } from "../../src/core/protocol.ts";
import { composeOwnerTokens, newKey } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import { clockText } from "../../src/cli/records/clock-text.ts";
import { whyText } from "../../src/cli/records/why-text.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { routesOf } from "../../src/http/app.ts";
import type { Route } from "../../src/http/route.ts";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";
import { appDeps } from "../http/support.ts";
import { chatClient, messagesClient } from "../support/clients.ts";
import { briskClock } from "../support/clock.ts";
import { readUntil } from "../cli/support.ts";
import { startAgProcess } from "../support/ag-process.ts";
import { googleError } from "../support/cloudcode/refusal.ts";
import { temporaryHome } from "../support/temporary.ts";
import {
  type Answer,
  call,
  gate,
  httpAnswer,
  image,
  malformedJson,
  pause,
  raw,
  streamError,
  text,
  thinking,
  turn,
} from "../support/cloudcode/index.ts";
import { GEMINI_3 } from "../support/cloudcode/samples.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { richLegacy, richPicture } from "../support/rich-requests.ts";
import {
  ANSWER,
  type Canary,
  CONVERSATION,
  EMAIL,
  expectCleanFiles,
  expectNone,
  PROMPT,
  startCanary,
  WRONG_KEY,
} from "./support/canary.ts";

setDefaultTimeout(60_000);

const PICTURE = Buffer.from(`\u0089PNG\r\n\u001a\n ${PROMPT} `, "latin1").toBase64();

const OWNER = "owner";
const MOST_BYTES = 200_000;
/** More than anybody would hold in memory who has a file to put it in. */
const LARGE_BYTES = 8 * 1024 ** 2;
const MOST_AT_ONCE = 3;

let canary: Canary;
/** Their keys, at this moment. */
let callers: () => [name: string, key: string | undefined][];

beforeAll(async () => {
  const config = { responses: { store: true }, server: { maxBodyBytes: MOST_BYTES, maxConcurrent: MOST_AT_ONCE } };
  const clock = briskClock();
  canary = await startCanary({ accounts: 3, officialKeys: 1, config, clock });
  const tokenAt = await composeOwnerTokens(loadConfig({ env: canary.environment, oauthClient: undefined }));
  callers = () => [
    ["nobody", undefined],
    ["a stranger", WRONG_KEY],
    ["AG_API_KEY", canary.keys.environment],
    ...SCOPES.map((scope): [string, string] => [scope, canary.keys[scope]]),
    [OWNER, tokenAt?.(clock.now())],
  ];
});
afterAll(() => canary[Symbol.asyncDispose]());

/** A legal request of each protocol in which everything that can be said is PROMPT. */
const RICH: Readonly<Record<ProtocolId, (said: string) => JsonObject>> = {
  anthropic: messagesClient.rich,
  "openai-chat": chatClient.rich,
  "openai-responses": responsesClient.rich,
  "openai-completions": richLegacy,
  "openai-images": richPicture,
  gemini: geminiClient.rich,
};

const routes = routesOf(appDeps());

/** What may stand for a `*`; which of them are there depends on the route. */
const NAMES = [GEMINI_3, `${GEMINI_3}:generateContent`, `${GEMINI_3}:countTokens`, "resp_test", "batch"];

function* requestsTo({ method, path, asks }: Route): Generator<{ path: string; init: RequestInit }> {
  const rich = JSON.stringify(RICH[asks ?? "openai-chat"](PROMPT));
  const bodies =
    method === "GET" ? [undefined] : [rich, `{"model": 1, "${PROMPT}": "${PROMPT}"}`, `{"${PROMPT}`, pictureForm()];
  const paths = path.includes("*") ? NAMES.map((name) => path.replace("*", name)) : [path];
  for (const address of paths) {
    for (const body of bodies) yield { path: address, init: { method, ...(body !== undefined && { body }) } };
  }
}

/** Commands on this machine read its state; they ask no model. */
function mayAsk(caller: string, { access }: Route): boolean {
  if (access === "public" || caller === access) return true;
  return caller === (access === "inference" ? "AG_API_KEY" : OWNER);
}

/** With a file that has so many bytes besides. */
function pictureForm(bytes = 0): FormData {
  const form = new FormData();
  form.set("prompt", PROMPT);
  form.set(
    "image",
    new File([Buffer.from(PICTURE, "base64"), new Uint8Array(bytes)], `${PROMPT}.png`, { type: "image/png" }),
  );
  return form;
}

test("the watch sees a word in every form in which it may lie about", () => {
  const hidden = [PROMPT, `a ${PROMPT} b`, ...["", "1", "12"].map((before) => btoa(`${before}${PROMPT} and so on`))];
  for (const text of hidden) expect(() => expectNone(CONVERSATION, "here", `…${text}…`)).toThrow("here has");
});

describe("every route", () => {
  for (const route of routes) {
    test(`${route.method} ${route.path} tells no secret, whoever asks for what`, async () => {
      const statuses = new Map<string, number[]>();
      for (const [name, key] of callers()) {
        const seen: number[] = [];
        for (const { path, init } of requestsTo(route)) {
          canary.cloud.always(route.asks === "openai-images" ? turn([image(PICTURE)]) : turn([text(ANSWER)]));
          const headers = key === undefined ? { authorization: "" } : { authorization: `Bearer ${key}` };
          seen.push((await canary.ask(path, { ...init, headers })).status);
          if (key !== undefined) await canary.ask(`${path}?key=${key}`, { ...init, headers: { authorization: "" } });
        }
        statuses.set(name, seen);
      }
      for (const [name, seen] of statuses) {
        const isUnknown = name === "nobody" || name === "a stranger";
        const isRefused = seen.every((status) => status === (isUnknown ? 401 : 403));
        expect([name, isRefused]).toEqual([name, !mayAsk(name, route)]);
      }
      if (route.asks !== undefined) expect(statuses.get("inference")).toContain(200);
    });
  }
});

type Path = readonly (string | number)[];

/** Where a value stands, less the name of the model: that is kept, for it explains what became of the request. */
function pathsIn(value: JsonValue, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  const inside = entries.flatMap(([key, member]) => pathsIn(member, [...path, key]));
  return (path.length === 0 ? inside : [path, ...inside]).filter(([first]) => first !== "model");
}

/** The same, with the value there changed, or its name. */
function spoilt(value: JsonValue, [key, ...rest]: Path, how: "value" | "name"): JsonValue {
  if (key === undefined || typeof value !== "object" || value === null) return PROMPT;
  if (Array.isArray(value)) return value.map((member, index) => (index === key ? spoilt(member, rest, how) : member));
  const entries = Object.entries(value).map(([name, member]): [string, JsonValue] => {
    if (name !== key) return [name, member];
    if (rest.length === 0 && how === "name") return [PROMPT, member];
    return [name, spoilt(member, rest, how)];
  });
  return Object.fromEntries(entries);
}

/** Names of protocol fields are told where one is not known; those below here are the client's own words. */
const OWN = /^(properties|\$defs|input|args|arguments|response|metadata|logit_bias)$/;
const isOwn = (place: Path) => OWN.test(String(place.at(-2))) && place.at(-1) !== "user_id";
/** What kind of file a model cannot read is told. */
const FILE_KIND = /^(media_type|mimeType|mime_type|format)$/;

const PATHS: readonly [path: string, body: JsonObject][] = [
  [messagesClient.path, messagesClient.rich("said")],
  [chatClient.path, chatClient.rich("said")],
  [responsesClient.path, responsesClient.rich("said")],
  [geminiClient.path, geminiClient.rich("said")],
  ["/v1/completions", richLegacy("said")],
  ["/v1/images/generations", richPicture("said")],
];

describe("a word of a conversation", () => {
  for (const [path, rich] of PATHS) {
    test(`in any place of a request to ${path}`, async () => {
      canary.cloud.always(turn(path.includes("images") ? [image(PICTURE)] : [text(ANSWER)]));
      const places = pathsIn(rich);
      const bodies = [
        ...places.filter((place) => !FILE_KIND.test(String(place.at(-1)))).map((place) => spoilt(rich, place, "value")),
        ...places.filter(isOwn).map((place) => spoilt(rich, place, "name")),
      ];
      const statuses = new Set<number>();
      for (const body of bodies) {
        statuses.add((await canary.ask(path, { method: "POST", body: JSON.stringify(body) })).status);
      }
      expect(statuses).toEqual(new Set([200, 400]));
    });
  }

  const answers: [name: string, answer: Answer, heard: boolean][] = [
    ["thought, said and called with", turn([thinking(ANSWER), text(ANSWER), call("look", { path: ANSWER })]), true],
    ["said before the stream was cut", turn([text(ANSWER)], { finishReason: null }), true],
    ["said before nonsense", malformedJson(ANSWER, ANSWER), true],
    ["in nonsense", turn([raw(`data: {"${ANSWER}\r\n\r\n`)]), false],
    ["in a failure within the stream", turn([text(ANSWER), streamError(500, `${ANSWER} ${PROMPT}`, "INTERNAL")]), true],
    ["in a refusal that quotes the request", httpAnswer(400, googleError(400, `${PROMPT} and ${ANSWER}`)), false],
    ["in a failure that quotes the request", httpAnswer(500, googleError(500, `${PROMPT} and ${ANSWER}`)), false],
    ["in what a call is named", turn([call(ANSWER, { [ANSWER]: 1 })]), false],
    ["in why it ended", turn([text("…")], { finishReason: "OTHER", finishMessage: ANSWER }), false],
  ];
  for (const [name, answer, heard] of answers) {
    test(name, async () => {
      canary.cloud.always(answer);
      for (const client of [messagesClient, chatClient, responsesClient, geminiClient]) {
        for (const stream of [false, true]) {
          const path = stream ? (client.streamPath ?? client.path) : client.path;
          const body = { ...client.rich(PROMPT), ...(client.address ? {} : { stream }) };
          const reply = await canary.ask(path, { method: "POST", body: JSON.stringify(body) });
          if (heard && stream) expect(reply.body).toContain(ANSWER);
        }
      }
      expect(JSON.stringify(canary.cloud.calls().map((made) => made.body))).toContain(PROMPT);
    });
  }

  test("in an answer that is kept, which is sealed", async () => {
    canary.cloud.always(turn([text(ANSWER)]));
    const asked = { model: GEMINI_3, input: PROMPT, store: true };
    const { body } = await canary.ask("/v1/responses", { method: "POST", body: JSON.stringify(asked) });
    const { id } = JSON.parse(body) as { id: string };
    expect((await canary.ask(`/v1/responses/${id}`)).body).toContain(ANSWER);
    expect((await canary.ask(`/v1/responses/${id}/input_items`)).body).toContain(PROMPT);
  });

  test("in what is refused at the door, or left behind", async () => {
    const { text: limited, digest, hint } = newKey();
    await canary.withStore(({ keys }) =>
      keys.create({ digest, hint, scopes: ["inference"], models: [], rpm: 1, createdAt: Date.now() }),
    );
    const body = JSON.stringify({ ...messagesClient.rich(PROMPT), stream: true });
    const { path } = messagesClient;
    const ask = async (headers: Record<string, string>, sent = body) =>
      (await canary.ask(path, { method: "POST", headers, body: sent })).status;

    expect(await ask({}, body + PROMPT.repeat(MOST_BYTES / PROMPT.length))).toBe(413);
    canary.cloud.always(turn([text(ANSWER)]));
    const asLimited = { authorization: `Bearer ${limited}` };
    while ((await ask(asLimited)) === 401); // the key is not known yet
    expect(await ask(asLimited)).toBe(429);

    canary.cloud.always(turn([text(ANSWER), pause(gate())]));
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${canary.keys.inference}` };
    const held = Array.from({ length: MOST_AT_ONCE }, async () => {
      const reply = await fetch(canary.url + path, { method: "POST", headers, body, signal: leaving.signal });
      await readUntil(reply.body ?? new ReadableStream(), new RegExp(ANSWER));
    });
    await Promise.all(held);
    expect(await ask({})).toBe(503);
    leaving.abort();
    canary.cloud.always(turn([text(ANSWER)]));
    while ((await ask({})) === 503); // they are still leaving

    await canary.withStore(async ({ accounts }) => {
      for (const { id } of await accounts.list()) await accounts.update(id, { enabled: false });
    });
    expect(await ask({})).toBe(503);
  });
});

/** Those of this gateway, and two of upstream; secrets.test.ts has what else upstream can say. */
const FAILURES: readonly RequestRecord["outcome"][] = [
  ...(["unauthorized", "forbidden", "key-limited", "busy", "payload-too-large"] as const),
  ...(["unknown-route", "unknown-model", "not-found", "invalid-request", "unavailable", "account-unusable"] as const),
];

describe("after all of it", () => {
  test("neither metrics nor the state of accounts have a word of it", async () => {
    for (const [path, key] of [
      ["/metrics", canary.keys.metrics],
      ["/account-limits", canary.keys.admin],
    ] as const) {
      const { status, body } = await canary.ask(path, { headers: { authorization: `Bearer ${key}` } });
      expect(status).toBe(200);
      expectNone(CONVERSATION, path, body);
    }
  });

  test("every record that there is explains its request without a word of it", async () => {
    await canary.stop();
    const records = await canary.withStore((store) => store.records.list({ limit: 100_000 }));
    expect(records.length).toBeGreaterThan(1_000);
    const outcomes = new Set(records.map(({ record }) => record.outcome));
    expect(outcomes).toEqual(new Set([...FAILURES, "ok", "client-closed"]));
    for (const { record } of records) {
      expectNone([...canary.credentials, ...CONVERSATION, EMAIL], record.id, explained(record));
    }
  });

  test("no file has a word of it, nor a secret", () => canary.checkFiles());

  test("nor has the log, before it is redacted", () => canary.checkLog());

  test("no command tells one", async () => {
    const commands = [
      ["why", "--last-failed"],
      ["why", "--json"],
      ["logs", "--all", "-n", "1000"],
      ["logs", "--all", "--json", "-n", "100000"],
      ["usage", "--by", "key"],
      ["usage", "--by", "account", "--json"],
      ["keys", "list"],
      ["keys", "list", "--json"],
      ["keys", "revoke", "k1", "--json"],
    ];
    const outcomes = await Promise.all(commands.map((words) => canary.run(words)));
    const codes = outcomes.map(({ code }, index) => [commands[index]?.[0], code]);
    expect(codes).toEqual(commands.map(([name]) => [name, 0]));
    const accounts = await canary.run(["accounts", "list"], { tellsEmail: true });
    expect(accounts.stdout).toContain(EMAIL);
  });
});

describe.each(["json", "pretty"])("a process that writes %s", (format) => {
  test("tells no secret and no word when it fails in the background and is killed, and leaves none on the disk", async () => {
    const scratch = temporaryHome();
    const { AG_HOME: _, AG_SECRET_KEY: _unused, ...variables } = canary.environment;
    const ag = await startAgProcess(canary.cloud, {
      ...variables,
      ...(format === "pretty" && { AG_LOG_FORMAT: format }), // off a terminal it is JSON by itself
      TMPDIR: scratch,
      BUN_OPTIONS: `--preload=${join(import.meta.dir, "support/failing-background.ts")}`,
    });
    const unwanted = [...canary.credentials, ...CONVERSATION, readFileSync(join(ag.home, "ag.key"), "utf8").trim()];
    try {
      const headers = { authorization: `Bearer ${canary.keys.environment}` };
      canary.cloud.always(turn([image(PICTURE)]));
      const drawn = await fetch(`${ag.url}/v1/images/edits`, {
        method: "POST",
        headers,
        body: pictureForm(LARGE_BYTES),
      });
      expect(drawn.status).toBe(200);
      canary.cloud.always(turn([text(ANSWER), pause(gate())]));
      const body = JSON.stringify({ ...messagesClient.rich(PROMPT), stream: true });
      const reply = await fetch(`${ag.url}/v1/messages`, { method: "POST", headers, body });
      await readUntil(reply.body ?? new ReadableStream(), new RegExp(ANSWER));
      for (const planted of ["exception", "rejection", "rejections"]) {
        await ag.hasWritten(new RegExp(`planted ${planted} of streamGenerateContent`));
      }
      expect(ag.isAlive()).toBe(true);
    } finally {
      await ag.stop();
    }
    expectNone([...unwanted, EMAIL], "the log", ag.written());

    expectCleanFiles(ag.home, unwanted);
    expect(readdirSync(scratch)).toEqual([]);
  });
});

/** All that any command makes of it. */
function explained(record: RequestRecord): string {
  const page = whyText(record, { width: 200, paint: createPaint(false), clock: clockText("UTC") });
  return `${page}\n${JSON.stringify(record)}`;
}
