import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { GenerateRequest } from "../../../src/core/request.ts";
import { profileOf } from "../../../src/models/profile.ts";
import { createCloudCode } from "../../../src/upstreams/cloudcode/index.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import { httpAnswer, startCloudCode } from "../../support/cloudcode/index.ts";

const server = await startCloudCode();
afterAll(() => server.stop());
beforeEach(() => server.reset());

const [account] = server.world.accounts;
if (!account?.project) throw new Error("the world has an account with a project");
const credential = {
  kind: "antigravity",
  accountId: "account-1",
  accessToken: server.world.issueAccessToken(account).token,
  projectId: account.project,
} as const;

let ids = 0;
const cloudcode = createCloudCode({
  fetch: (url, options) => fetch(url, options),
  hosts: { generate: [server.url], load: [server.url] },
  userAgent: "antigravity/2.9.1 linux/amd64",
  clock: eagerClock(undefined, PAUSE_LIMIT_MS),
  newUuid: () => `uuid-${++ids}`,
  newCallId: () => `call_${++ids}`,
  log: () => {},
});

const CLAUDE = profileOf("claude-opus-4-6-thinking");
const FLASH_3 = profileOf("gemini-3-flash");
const FLASH_25 = profileOf("gemini-2.5-flash");
const never = new AbortController().signal;

const RICH: GenerateRequest = {
  model: "m",
  system: ["You are a careful assistant.", "Answer in the user's language; never guess a temperature."],
  contents: [
    {
      role: "user",
      parts: [
        { text: "What is on this picture, and how warm is it there?" },
        { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } },
      ],
    },
    { role: "model", parts: [{ functionCall: { id: "a", name: "get_weather", args: { city: "Tromsø" } } }] },
    { role: "user", parts: [{ functionResponse: { id: "a", name: "", response: { result: "−4 °C, snow" } } }] },
  ],
  tools: ["get_weather", "find_place"].map((name) => ({
    name,
    description: "Tells what there is to know about a place, in the metric system.",
    schema: { type: "object", properties: { city: { type: "string", description: "Its name" } }, required: ["city"] },
  })),
  sampling: { maxOutputTokens: 4000 },
  thinking: { type: "budget", tokens: 2000 },
};

const count = (request: GenerateRequest, model: ModelProfile) =>
  cloudcode.countTokens({ request, model }, credential, never);

async function inputOf(request: GenerateRequest, model: ModelProfile): Promise<number> {
  const call = { request, model, conversationKey: "c", repairs: new Set<never>(), onLoss: () => {} };
  for await (const batch of cloudcode.stream(call, credential, never)) {
    for (const event of batch) if (event.type === "turn-end") return event.usage.input;
  }
  throw new Error("the turn has no end");
}

describe("the count of a prompt", () => {
  test.each([CLAUDE, FLASH_3, FLASH_25])("is within 2 % of what $id says it was given", async (model) => {
    const [counted, given] = [await count(RICH, model), await inputOf(RICH, model)];
    expect(Math.abs(counted - given)).toBeLessThanOrEqual(given * 0.02);
    expect(server.refusals()).toEqual([]);
  });

  test("grows with system text, tools and attachments", async () => {
    const whole = await count(RICH, FLASH_3);
    const [first, ...rest] = RICH.contents;
    expect(await count({ ...RICH, system: [] }, FLASH_3)).toBeLessThan(whole);
    expect(await count({ ...RICH, tools: [] }, FLASH_3)).toBeLessThan(whole);
    const bare = { ...RICH, contents: [{ role: "user" as const, parts: first?.parts.slice(0, 1) ?? [] }, ...rest] };
    expect(await count(bare, FLASH_3)).toBe(whole - 258);
  });

  test("is asked for with the request alone: no project, no model", async () => {
    await count(RICH, FLASH_3);
    const [entry] = server.log;
    expect(entry).toMatchObject({ method: "countTokens", path: "/v1internal:countTokens" });
    expect(Object.keys(Object(entry?.body))).toEqual(["request"]);
    expect(Object.keys(Object(entry?.body)["request"])).toEqual(["contents"]);
    expect(entry?.headers).not.toHaveProperty("accept", "text/event-stream");
  });

  test("is read in its wrapper as well", async () => {
    server.next(httpAnswer(200, { response: { totalTokens: 31 } }), { method: "countTokens" });
    expect(await count(RICH, FLASH_3)).toBe(31);
  });

  test.each([{}, { totalTokens: 0 }, { totalTokens: "many" }])(
    "is not made up where there is none: %j",
    async (body) => {
      server.next(httpAnswer(200, body), { method: "countTokens" });
      const failure = await count(RICH, FLASH_3).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(GatewayError);
      expect(failure).toMatchObject({ kind: "unavailable" });
    },
  );

  test("that upstream refuses fails with its kind", async () => {
    server.next(httpAnswer(503, { error: { code: 503, status: "UNAVAILABLE", message: "x" } }), {
      method: "countTokens",
    });
    expect(await count(RICH, FLASH_3).catch((error: unknown) => error)).toMatchObject({ kind: "overloaded" });
  });

  test("of a conversation with nothing in it is a request that cannot be served", async () => {
    const failure = await count({ ...RICH, system: [], contents: [] }, FLASH_3).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "invalid-request" });
    expect(server.log).toEqual([]);
  });
});

test("a search alone goes out as one, as a question that knows what was said before", async () => {
  const contents: GenerateRequest["contents"] = [
    { role: "user", parts: [{ text: "Who won?" }] },
    { role: "model", parts: [{ text: "Which year?" }] },
    { role: "user", parts: [{ text: "This one." }] },
  ];
  await inputOf({ model: "m", system: ["Search."], contents, tools: [], sampling: {}, webSearch: {} }, FLASH_25);
  expect(server.refusals()).toEqual([]);
  expect(server.calls().at(-1)?.body).toMatchObject({
    requestType: "web_search",
    request: {
      contents: [{ role: "user", parts: [{ text: expect.stringMatching(/Which year\?[^]*This one\.$/) }] }],
      tools: [{ googleSearch: {} }],
    },
  });
});
