import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { composeStore, newKey } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { NewKey } from "../../src/core/keys.ts";
import type { Store } from "../../src/core/store.ts";
import { runAg } from "../cli/support.ts";
import { chatClient, type Client, messagesClient } from "../support/clients.ts";
import { gate, pause, text, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { gatewayEnvironment } from "../support/gateway.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { type Scene, type SceneOptions, startScene } from "./support/scene.ts";

setDefaultTimeout(30_000);

const DAY_MS = 86_400_000;
/** After this time what another process has changed counts. */
const SEEN_MS = 500;

/** How each SDK sends its key. */
const CLIENTS: readonly [client: Client, headers: (key: string) => Record<string, string>][] = [
  [messagesClient, (key) => ({ "x-api-key": key })],
  [chatClient, (key) => ({ authorization: `Bearer ${key}` })],
  [responsesClient, (key) => ({ authorization: `Bearer ${key}` })],
  [geminiClient, (key) => ({ "x-goog-api-key": key })],
];

async function withStore<T>({ home, upstream }: Scene, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await composeStore(loadConfig({ env: gatewayEnvironment(upstream, home), oauthClient: undefined }));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** A gateway, and keys made by another process while it runs. */
async function startKeyed(wishes: readonly Partial<NewKey>[], options: SceneOptions = {}) {
  const scene = await startScene(options);
  const keys = await withStore(scene, async (store) => {
    const texts: string[] = [];
    for (const wish of wishes) {
      const { text: key, digest, hint } = newKey();
      await store.keys.create({
        digest,
        hint,
        scopes: ["inference"],
        models: [],
        createdAt: scene.clock.now(),
        ...wish,
      });
      texts.push(key);
    }
    return texts;
  });
  await scene.clock.advance(SEEN_MS);
  const [first = "", second = ""] = keys;
  const get = (path: string, headers: Record<string, string> = {}) => fetch(scene.url() + path, { headers });
  return { scene, first, second, get };
}

/** One request, with whatever the client sends as its key. */
function send(scene: Scene, client: Client, headers: Record<string, string>, fields: object = {}): Promise<Response> {
  const { model, ...rest } = { model: GEMINI_3, ...fields };
  return fetch(scene.url() + client.path.replace(GEMINI_3, model), {
    method: "POST",
    headers,
    body: JSON.stringify(client.request("hidden", client === geminiClient ? rest : { model, ...rest })),
  });
}

/** What an error says. Fails unless it has the protocol's shape. */
async function messageOf(reply: Response, client: Client): Promise<string> {
  const text = await reply.text();
  client.checkError(JSON.parse(text));
  return (JSON.parse(text) as { error: { message: string } }).error.message;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("two keys, one of them with limits", () => {
  const LIMITED: Partial<NewKey> = { name: "guest", rpm: 5, concurrency: 2, models: ["gemini-*"] };

  for (const [client, headersOf] of CLIENTS) {
    test(`the sixth request of a minute is told when it may come again, by ${client.path}`, async () => {
      const { scene, first, second } = await startKeyed([LIMITED, {}]);
      await using _ = scene;
      for (let sent = 0; sent < 5; sent++) {
        expect((await send(scene, client, headersOf(first))).status).toBe(200);
        await scene.clock.advance(1_000);
      }
      const calls = scene.upstream.calls().length;
      const refused = await send(scene, client, headersOf(first));
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("55");
      expect(await messageOf(refused, client)).toBe("The API key k1 may send 5 requests a minute");
      expect(scene.upstream.calls()).toHaveLength(calls);
      expect((await send(scene, client, headersOf(second))).status).toBe(200);
      await scene.clock.advance(55_000);
      expect((await send(scene, client, headersOf(first))).status).toBe(200);
    });

    test(`the third request at the same time is refused until one has ended, by ${client.path}`, async () => {
      const { scene, first } = await startKeyed([LIMITED]);
      await using _ = scene;
      const gates = [gate(), gate()];
      const running = gates.map((held) => {
        scene.upstream.next(turn([pause(held), text("late")]));
        return send(scene, client, headersOf(first));
      });
      await scene.upstream.call(2);
      const refused = await send(scene, client, headersOf(first));
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("1");
      client.checkError(await refused.json());
      gates[0]?.open();
      const ended = await Promise.race(running);
      expect(ended.status).toBe(200);
      await ended.text();
      expect((await send(scene, client, headersOf(first))).status).toBe(200);
      gates[1]?.open();
      for (const reply of await Promise.all(running)) expect(reply.status).toBe(200);
    });

    test(`a model that is not the key's is refused and costs nothing, by ${client.path}`, async () => {
      const { scene, first, second } = await startKeyed([LIMITED, {}]);
      await using _ = scene;
      const refused = await send(scene, client, headersOf(first), { model: CLAUDE });
      expect(refused.status).toBe(403);
      client.checkError(await refused.json());
      expect(scene.upstream.calls()).toEqual([]);
      expect((await send(scene, client, headersOf(first))).status).toBe(200);
      expect((await send(scene, client, headersOf(second), { model: CLAUDE })).status).toBe(200);
    });

    test(`no key, a wrong one, a revoked one and one that has expired are four things, by ${client.path}`, async () => {
      const expiresAt = Date.UTC(2026, 0, 2);
      const { scene, first, second } = await startKeyed([{ expiresAt }, {}]);
      await using _ = scene;
      const told = async (headers: Record<string, string>) => {
        const reply = await send(scene, client, headers);
        return reply.status === 401 ? messageOf(reply, client) : reply.status;
      };
      expect(await told({})).toStartWith("An API key is required: ");
      expect(await told(headersOf("sk-ag-test-wrong"))).toStartWith("The API key is not valid: ");
      expect(await told(headersOf(first))).toBe(200);
      await withStore(scene, (store) => store.keys.revoke("k2", scene.clock.now()));
      await scene.clock.advance(SEEN_MS);
      expect(await told(headersOf(second))).toBe("The API key k2 was revoked");
      await scene.clock.advance(DAY_MS);
      expect(await told(headersOf(first))).toBe("The API key k1 has expired");
    });

    test(`a key that is revoked ends no answer that is under way, by ${client.path}`, async () => {
      const { scene, first, second } = await startKeyed([{}, {}]);
      await using _ = scene;
      const held = gate();
      scene.upstream.next(turn([text("begun "), pause(held), text("and ended")]));
      const path = client.streamPath ?? client.path;
      const streaming = await fetch(scene.url() + path, {
        method: "POST",
        headers: headersOf(first),
        body: JSON.stringify(client.request("hidden", { stream: true })),
      });
      await withStore(scene, (store) => store.keys.revoke("k1", scene.clock.now()));
      await scene.clock.advance(SEEN_MS);
      expect((await send(scene, client, headersOf(first))).status).toBe(401);
      expect((await send(scene, client, headersOf(second))).status).toBe(200);
      held.open();
      const frames = await streaming.text();
      client.checkOrder(frames, "complete");
      expect(frames).toContain("and ended");
    });
  }

  test("the list of models shows a key those it may use, and each of the others is refused by name", async () => {
    const { scene, first, get } = await startKeyed([LIMITED]);
    await using _ = scene;
    const listed = (await (await get("/v1/models", bearer(first))).json()) as { data: { id: string }[] };
    expect(listed.data.length).toBeGreaterThan(0);
    expect(listed.data.filter(({ id }) => !id.startsWith("gemini-"))).toEqual([]);
    expect((await get(`/v1/models/${GEMINI_3}`, bearer(first))).status).toBe(200);
    expect((await get(`/v1/models/${CLAUDE}`, bearer(first))).status).toBe(403);
  });

  test("counting tokens asks for the same rights, and counts among the requests", async () => {
    const { scene, first } = await startKeyed([LIMITED]);
    await using _ = scene;
    const count = (model: string) =>
      fetch(`${scene.url()}/v1/messages/count_tokens`, {
        method: "POST",
        headers: { "x-api-key": first },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
      });
    expect((await count(CLAUDE)).status).toBe(403);
    for (let sent = 1; sent < 5; sent++) expect((await count(GEMINI_3)).status).toBe(200);
    expect((await count(GEMINI_3)).status).toBe(429);
  });

  test("usage is counted for each key, and outlives the key and a restart", async () => {
    const { scene, first, second } = await startKeyed([{}, {}]);
    await using _ = scene;
    for (const key of [first, first, second]) await send(scene, chatClient, bearer(key));
    await send(scene, chatClient, {});
    await withStore(scene, (store) => store.keys.revoke("k1", scene.clock.now()));
    await scene.restart();
    const totals = await withStore(scene, (store) => store.usage.totals("key"));
    const requests = new Map(totals.map((total) => [total.group, total.requests]));
    expect([requests.get("k1"), requests.get("k2")]).toEqual([2, 1]);
    const used = await withStore(scene, (store) => store.keys.list());
    expect(used.map(({ lastUsedAt }) => lastUsedAt !== undefined)).toEqual([true, true]);
  });
});

describe("what a key opens", () => {
  const ROUTES: readonly [path: string, scope: "inference" | "admin" | "metrics"][] = [
    ["/v1/models", "inference"],
    ["/v1beta/models", "inference"],
    ["/account-limits", "admin"],
    ["/metrics", "metrics"],
  ];

  test("is what its scopes say, and no more", async () => {
    const scopes = ["inference", "admin", "metrics"] as const;
    const scene = await startScene();
    await using _ = scene;
    const keys = await withStore(scene, (store) =>
      Promise.all(
        scopes.map(async (scope) => {
          const { text: key, digest, hint } = newKey();
          await store.keys.create({ digest, hint, scopes: [scope], models: [], createdAt: 0 });
          return [scope, key] as const;
        }),
      ),
    );
    await scene.clock.advance(SEEN_MS);
    for (const [path, needed] of ROUTES) {
      expect((await fetch(scene.url() + path)).status).toBe(401);
      for (const [scope, key] of keys) {
        const reply = await fetch(scene.url() + path, { headers: bearer(key) });
        expect([path, scope, reply.status]).toEqual([path, scope, scope === needed ? 200 : 403]);
        await reply.body?.cancel();
      }
    }
    expect((await fetch(`${scene.url()}/healthz`)).status).toBe(200);
  });

  test("AG_API_KEY asks models, and nothing else", async () => {
    const scene = await startScene({ env: { AG_API_KEY: "sk-ag-test-of-a-container" } });
    await using _ = scene;
    const statuses = await Promise.all(
      ROUTES.map(
        async ([path]) => (await fetch(scene.url() + path, { headers: bearer("sk-ag-test-of-a-container") })).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 403, 403]);
    expect((await fetch(`${scene.url()}/v1/models?key=sk-ag-test-of-a-container`)).status).toBe(200);
  });
});

test("commands on this machine read the state of a server that asks for keys; those with other data do not", async () => {
  // The commands know no time but the machine's.
  const { scene } = await startKeyed([{}], { startAt: Date.now() });
  await using _ = scene;
  const limits = (home: string) => runAg(home, ["limits", "--json", "--url", scene.url()], { env: { AG_HOME: home } });
  const own = await limits(scene.home);
  expect(own).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(own.stdout)).toMatchObject({ accounts: [{ handle: "a1" }] });
  await using stranger = await startScene();
  const other = await limits(stranger.home);
  expect(other).toMatchObject({ code: 1, stdout: "" });
  expect(other.stderr).toContain("asks for an API key");
  expect(other.stderr).toContain("ag keys create --scope admin");
});

test("a key that ag keys create has shown opens a running gateway, which was open before", async () => {
  await using scene = await startScene();
  expect((await send(scene, chatClient, {})).status).toBe(200);
  const ag = (...words: string[]) =>
    runAg(scene.home, ["keys", ...words], { env: gatewayEnvironment(scene.upstream, scene.home) });
  const { key } = JSON.parse((await ag("create", "--json")).stdout) as { key: string };
  await scene.clock.advance(SEEN_MS);
  expect((await send(scene, chatClient, {})).status).toBe(401);
  expect((await send(scene, chatClient, bearer(key))).status).toBe(200);
  await ag("revoke", "k1");
  await scene.clock.advance(SEEN_MS);
  for (const headers of [{}, bearer(key)]) expect((await send(scene, chatClient, headers)).status).toBe(401);
});

describe("web pages", () => {
  const PAGE = "https://chat.example.com";
  const ask = (scene: Scene, headers: Record<string, string>, method = "POST") =>
    fetch(scene.url() + chatClient.path, {
      method,
      headers,
      ...(method === "POST" && { body: JSON.stringify(chatClient.request("hidden", {})) }),
    });
  const QUESTION = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };

  test("of other origins are refused, their preflight too, and spend nothing", async () => {
    await using scene = await startScene();
    for (const origin of [PAGE, "null", "http://127.0.0.1.evil.example"]) {
      for (const reply of [await ask(scene, { origin }), await ask(scene, { origin, ...QUESTION }, "OPTIONS")]) {
        expect(reply.status).toBe(403);
        expect(reply.headers.has("access-control-allow-origin")).toBe(false);
      }
    }
    expect((await ask(scene, { host: "rebound.example" })).status).toBe(403);
    expect(scene.upstream.calls()).toEqual([]);
  });

  test("that are configured may ask, and read answers and errors alike; others still may not", async () => {
    const config = { server: { allowedOrigins: [PAGE] } };
    const { scene, first } = await startKeyed([{}], { config });
    await using _ = scene;
    const preflight = await ask(scene, { origin: PAGE, ...QUESTION }, "OPTIONS");
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization");
    for (const [headers, status] of [
      [bearer(first), 200],
      [{}, 401],
    ] as const) {
      const reply = await ask(scene, { origin: PAGE, ...headers });
      expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([status, PAGE]);
      expect(reply.headers.get("access-control-expose-headers")).toContain("x-ag-request-id");
    }
    expect((await ask(scene, { origin: "https://evil.example", ...QUESTION }, "OPTIONS")).status).toBe(403);
    expect((await ask(scene, { origin: "https://evil.example", ...bearer(first) })).status).toBe(403);
    expect((await ask(scene, { origin: PAGE, host: "rebound.example", ...QUESTION }, "OPTIONS")).status).toBe(403);
  });
});
