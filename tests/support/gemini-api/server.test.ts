import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { gate, pause, text, thinking, turn, usageOnly } from "../cloudcode/index.ts";
import { documentsOf, jsonOf, partsOf } from "../cloudcode/client.ts";
import { answering, calling, declaring, model, says, user, weatherSchema } from "../cloudcode/samples.ts";
import { KEY_FAILURE_NAMES, keyFailure, startGeminiApi } from "./index.ts";

const KEY = "AIza-test-key";
const OTHER = "AIza-test-other";
const FLASH_3 = "gemini-3-flash-preview";
const FLASH_25 = "gemini-2.5-flash";

const server = await startGeminiApi({ keys: [{ key: KEY }, { key: OTHER, models: [FLASH_25] }] });
afterAll(() => server.stop());
beforeEach(() => server.reset());

const HEADERS = { "content-type": "application/json", "user-agent": "ag/1.0.0", "x-goog-api-key": KEY };
const PLAIN: JsonObject = { contents: [user(says("List three primes."))] };

interface Sent {
  path?: string;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  method?: string;
}

function send({
  path = `/v1beta/models/${FLASH_3}:streamGenerateContent?alt=sse`,
  headers = {},
  body = PLAIN,
  method = "POST",
}: Sent = {}) {
  const all = Object.entries({ ...HEADERS, ...headers });
  const present = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return fetch(`${server.url}${path}`, {
    method,
    headers: present,
    ...(method === "POST" && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

const list = (query = "", headers = {}) => send({ path: `/v1beta/models${query}`, method: "GET", headers });
const asking = (fields: JsonObject): Sent => ({ body: { ...PLAIN, ...fields } });
const rules = () => server.refusals().map(({ rule }) => rule);

test("a right call is answered without the wrapper of Cloud Code, and logged with its key", async () => {
  const documents = documentsOf(await (await send()).text());
  expect(documents.flatMap(partsOf).map((part) => part["text"])).toContain("pong: List t");
  for (const document of documents) expect(document).not.toHaveProperty("response");
  expect(server.calls(KEY)).toMatchObject([{ status: 200, key: KEY, model: FLASH_3, outcome: "sent" }]);
  expect(server.calls(OTHER)).toEqual([]);
  expect(rules()).toEqual([]);
});

test("scripted documents lose the wrapper as well", async () => {
  server.next(usageOnly());
  expect(documentsOf(await (await send()).text())).toEqual([
    { usageMetadata: { promptTokenCount: 12, totalTokenCount: 12 } },
  ]);
});

describe("refused", () => {
  const ROWS: [what: string, rule: string, wrong: Sent, status?: number][] = [
    ["no key", "key-missing", { headers: { "x-goog-api-key": undefined } }, 403],
    ["an unknown key", "key-unknown", { headers: { "x-goog-api-key": "AIza-test-nobody" } }],
    ["a key in the URL", "key-in-url", { path: `/v1beta/models/${FLASH_3}:streamGenerateContent?alt=sse&key=${KEY}` }],
    ["a bearer token beside the key", "forwarded-header", { headers: { authorization: "Bearer ya29.test" } }],
    ["a client's header", "forwarded-header", { headers: { "x-stainless-lang": "js" } }],
    ["a borrowed name", "user-agent", { headers: { "user-agent": "google-genai-sdk/1.0" } }],
    ["a body of no type", "content-type", { headers: { "content-type": "text/plain" } }],
    ["a body that is no JSON", "not-json", { body: "{oops" }],
    ["a body that is a list", "not-an-object", { body: [PLAIN] }],
    ["another version", "unknown-path", { path: `/v1/models/${FLASH_3}:streamGenerateContent?alt=sse` }, 404],
    ["another method", "unknown-path", { path: `/v1beta/models/${FLASH_3}:generateContent` }, 404],
    ["no SSE", "query", { path: `/v1beta/models/${FLASH_3}:streamGenerateContent` }],
    ["a model nobody has", "model-unknown", { path: "/v1beta/models/gemini-9:streamGenerateContent?alt=sse" }, 404],
    ["a model the key may not use", "model-not-for-key", { headers: { "x-goog-api-key": OTHER } }, 404],
    ["an envelope", "unknown-name", { body: { project: "p", model: FLASH_3, request: PLAIN } }],
    ["a project", "unknown-name", asking({ project: "p" })],
    ["a user agent in the body", "unknown-name", asking({ userAgent: "antigravity" })],
    ["a session id", "unknown-name", asking({ sessionId: "-1" })],
    ["labels", "unknown-name", asking({ labels: { a: "b" } })],
    [
      "additionalProperties in the schema of an answer",
      "unknown-name",
      asking({
        generationConfig: {
          responseMimeType: "application/json",
          responseSchema: { ...weatherSchema, additionalProperties: false },
        },
      }),
    ],
    [
      "parameters without properties",
      "empty-parameters",
      asking({ tools: declaring({ type: "object", properties: {} }) }),
    ],
    [
      "a broken rule of GenerateContent itself",
      "same-role-twice",
      { body: { contents: [user(says("a")), user(says("b"))] } },
    ],
    [
      "an unsigned call of Gemini 3 in the loop",
      "call-unsigned",
      {
        body: {
          contents: [user(says("Oslo?")), model(calling("get_weather", "c1")), user(answering("get_weather", "c1"))],
          tools: declaring(weatherSchema),
        },
      },
    ],
  ];
  for (const [what, rule, wrong, status = 400] of ROWS) {
    test(`${what} (${rule})`, async () => {
      const answered = await send(wrong);
      expect(answered.status).toBe(status);
      expect(await jsonOf(answered)).toMatchObject({ error: { code: status, message: expect.any(String) } });
      expect(rules()).toEqual([rule]);
    });
  }

  test("an unknown key says so with its reason", async () => {
    const answered = await send({ headers: { "x-goog-api-key": "AIza-test-nobody" } });
    expect(await jsonOf(answered)).toMatchObject({ error: { details: [{ reason: "API_KEY_INVALID" }] } });
  });

  test("what is refused takes no scripted answer", async () => {
    server.next("kept");
    await send({ headers: { "x-goog-api-key": undefined } });
    expect(server.unused()).toBe(1);
  });
});

describe("countTokens", () => {
  const path = `/v1beta/models/${FLASH_3}:countTokens`;
  const whole = (fields: JsonObject = {}) => ({
    generateContentRequest: { model: `models/${FLASH_3}`, ...PLAIN, ...fields },
  });
  const count = async (body: JsonObject) => (await jsonOf(await send({ path, body })))["totalTokens"];

  test("counts contents alone, or a whole request with its system text and tools", async () => {
    expect(await count(PLAIN)).toBe(4);
    expect(await count(whole())).toBe(4);
    expect(await count(whole({ systemInstruction: { parts: [says("Answer tersely.")] } }))).toBe(7);
    expect(await count(whole({ tools: declaring(weatherSchema) }))).toBeGreaterThan(20);
    expect(rules()).toEqual([]);
  });

  test("agrees with what generation says of the same request", async () => {
    const fields = { systemInstruction: { parts: [says("Answer tersely.")] }, tools: declaring(weatherSchema) };
    const documents = documentsOf(await (await send(asking(fields))).text());
    expect(documents.at(-1)).toMatchObject({ usageMetadata: { promptTokenCount: await count(whole(fields)) } });
  });

  const ROWS: [what: string, rule: string, body: JsonObject, path?: string][] = [
    ["both forms at once", "count-both-forms", { ...PLAIN, ...whole() }],
    ["neither form", "count-both-forms", {}],
    ["a request of another model", "count-model", whole({ model: "models/gemini-2.5-flash" })],
    ["a request without its model", "count-model", { generateContentRequest: PLAIN }],
    ["system text beside contents", "unknown-name", { ...PLAIN, systemInstruction: user(says("x")) }],
    ["the request of Cloud Code", "unknown-name", { request: PLAIN }],
    ["a request that could not be sent", "same-role-twice", whole({ contents: [user(says("a")), user(says("b"))] })],
    ["a query", "query", PLAIN, `${path}?alt=sse`],
  ];
  for (const [what, rule, body, other = path] of ROWS) {
    test(`refuses ${what} (${rule})`, async () => {
      expect((await send({ path: other, body })).status).toBe(400);
      expect(rules()).toEqual([rule]);
    });
  }
});

describe("taken", () => {
  const ROWS: [string, Sent][] = [
    ["functions without parameters", asking({ tools: declaring(undefined) })],
    [
      "the schema of an answer",
      asking({ generationConfig: { responseMimeType: "application/json", responseSchema: weatherSchema } }),
    ],
    ["Google search", asking({ tools: [{ googleSearch: {} }] })],
    [
      "thinking by level",
      asking({ generationConfig: { thinkingConfig: { includeThoughts: true, thinkingLevel: "low" } } }),
    ],
  ];
  for (const [what, right] of ROWS) {
    test(what, async () => {
      expect((await send(right)).status).toBe(200);
      expect(rules()).toEqual([]);
    });
  }
});

describe("the list", () => {
  test("comes in pages and holds every kind of model, those that do not chat too", async () => {
    const small = await startGeminiApi({ pageSize: 7 });
    try {
      const names: string[] = [];
      let token = "";
      for (let pages = 1; ; pages++) {
        const query = `?pageSize=1000${token === "" ? "" : `&pageToken=${token}`}`;
        const page = await jsonOf(await fetch(`${small.url}/v1beta/models${query}`, { headers: HEADERS }));
        const models = page["models"] as JsonObject[];
        names.push(...models.map(({ name }) => String(name)));
        if (page["nextPageToken"] === undefined) {
          expect(pages).toBe(3);
          break;
        }
        token = String(page["nextPageToken"]);
      }
      expect(new Set(names).size).toBe(17);
      expect(names).toContain("models/gemini-embedding-001");
      expect(small.refusals()).toEqual([]);
    } finally {
      await small.stop();
    }
  });

  test("holds what the key may use, and 50 entries when no size is named", async () => {
    const page = await jsonOf(await list("", { "x-goog-api-key": OTHER }));
    const names = (page["models"] as JsonObject[]).map(({ name }) => name);
    expect(names).toContain(`models/${FLASH_25}`);
    expect(names).not.toContain(`models/${FLASH_3}`);
  });

  test("tells thinking only of models that think", async () => {
    const page = await jsonOf(await list("?pageSize=1000"));
    const entries = page["models"] as JsonObject[];
    expect(entries.find(({ name }) => name === "models/gemini-2.5-pro")).toMatchObject({ thinking: true });
    expect(entries.find(({ name }) => name === "models/gemini-2.0-flash")).not.toHaveProperty("thinking");
  });

  test.each([
    ["?pageSize=0", "page-size"],
    ["?pageToken=elsewhere", "page-token"],
    ["?pageToken=page-4000", "page-token"],
    ["?filter=x", "list-query"],
    [`?key=${KEY}`, "key-in-url"],
  ])("%s is refused (%s)", async (query, rule) => {
    expect((await list(query)).status).toBe(400);
    expect(rules()).toEqual([rule]);
  });

  test("fails as scripted", async () => {
    server.next(keyFailure("key-invalid"), { method: "models.list" });
    expect((await list()).status).toBe(400);
    expect((await list()).status).toBe(200);
  });
});

describe("scripts", () => {
  test("are taken in order, by key and by model", async () => {
    server.next("for the other key", { account: OTHER });
    server.next("for Flash 2.5", { model: FLASH_25 });
    server.script(["one", "two"]);
    const flash25 = { path: `/v1beta/models/${FLASH_25}:streamGenerateContent?alt=sse` };
    const said = async (sent: Sent) => documentsOf(await (await send(sent)).text()).flatMap(partsOf)[0]?.["text"];
    expect(await said({})).toBe("one");
    expect(await said(flash25)).toBe("for Flash 2.5");
    expect(await said({ ...flash25, headers: { "x-goog-api-key": OTHER } })).toBe("for the other key");
    expect(await said({})).toBe("two");
  });

  test("sign what they say, and take it back in the next turn", async () => {
    server.next(turn([thinking("hm"), text("2, 3, 5", { signature: "carrier" })]));
    const parts = documentsOf(await (await send()).text()).flatMap(partsOf);
    const signature = String(parts.find(({ thoughtSignature }) => thoughtSignature)?.["thoughtSignature"]);
    const history = (thoughtSignature: string): Sent => ({
      body: {
        contents: [user(says("q")), model(says("2, 3, 5"), { text: "", thoughtSignature }), user(says("more"))],
      },
    });
    expect((await send(history(signature))).status).toBe(200);
    expect((await send(history("c29tZXRoaW5nIGVsc2U="))).status).toBe(400);
    expect(rules()).toEqual(["gemini-signature"]);
  });

  test.each(KEY_FAILURE_NAMES)("failure %s is Google's error of that status", async (name) => {
    server.next(keyFailure(name));
    const answered = await send();
    expect(await jsonOf(answered)).toMatchObject({ error: { code: answered.status } });
    expect(rules()).toEqual([]);
  });

  test("calls under way are counted per key, and refused beyond the key's limit", async () => {
    const door = gate();
    const [served] = server.keys;
    if (!served) throw new Error("there is a key");
    served.concurrency = 1;
    server.next(turn([text("one"), pause(door), text("two")]));
    const open = await send();
    expect((await send()).status).toBe(429);
    expect(server.maxInFlight(KEY)).toBeGreaterThanOrEqual(2);
    door.open();
    await open.text();
    expect((await send()).status).toBe(200);
    delete served.concurrency;
  });
});
