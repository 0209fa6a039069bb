import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { NewAccount } from "../../src/core/store.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { briskClock } from "../support/clock.ts";
import { call, failure, startCloudCode, text, thinking, turn } from "../support/cloudcode/index.ts";
import { keyFailure, startGeminiApi } from "../support/gemini-api/index.ts";
import { signInOf, startGateway, type TestGateway } from "../support/gateway.ts";

const KEY = "AIza-test-key";
const OTHER = "AIza-test-other";
const SHARED = "gemini-2.5-flash";
const OFFICIAL_ONLY = "gemini-3.1-pro-preview";

const cloud = await startCloudCode();
const api = await startGeminiApi({ keys: [{ key: KEY }, { key: OTHER }] });
const keyAccount = (secret: string): NewAccount => ({ kind: "gemini-api-key", secret });

const gateways: TestGateway[] = [];
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await cloud.stop();
  await api.stop();
});
beforeEach(() => {
  cloud.reset();
  api.reset();
});

async function start(accounts: readonly NewAccount[], config?: JsonObject) {
  const env = { AG_GEMINI_URL: api.url };
  const gateway = await startGateway(cloud, { accounts, env, clock: briskClock(), ...(config && { config }) });
  gateways.push(gateway);
  return gateway;
}

const ask = (url: string, model: string, fields: JsonObject = {}) =>
  fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 1000, messages: [{ role: "user", content: "hello" }], ...fields }),
  });

const signIns = () => cloud.world.accounts.map(signInOf);
const noRefusals = () => expect([...api.refusals(), ...cloud.refusals()]).toEqual([]);

describe("with a key alone", () => {
  test("the Anthropic SDK goes through a tool loop with thinking, streamed", async () => {
    const gateway = await start([keyAccount(KEY)]);
    const client = new Anthropic({ apiKey: "sk-ag-test", baseURL: gateway.url, maxRetries: 0 });
    const tools: Anthropic.Tool[] = [
      { name: "look", input_schema: { type: "object", properties: { at: { type: "string" } } } },
      { name: "stop", input_schema: { type: "object" } },
    ];
    const options = {
      model: OFFICIAL_ONLY,
      max_tokens: 9000,
      tools,
      thinking: { type: "enabled", budget_tokens: 2000 },
    } as const;
    const question: Anthropic.MessageParam = { role: "user", content: "Where is it?" };
    api.next(turn([thinking("Look."), call("look", { at: "here" })]));
    const first = await client.messages.stream({ ...options, messages: [question] }).finalMessage();
    expect(first.stop_reason).toBe("tool_use");
    const used = first.content.find((block) => block.type === "tool_use");
    const result: Anthropic.MessageParam = {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: used?.id ?? "", content: "It is." }],
    };
    api.next(turn([text("Here.", { signature: "carrier" })]));
    const messages = [question, { role: "assistant", content: first.content } as const, result];
    const second = await client.messages.stream({ ...options, messages }).finalMessage();
    expect(second.content.map((block) => (block.type === "text" ? block.text : block.type))).toEqual(["Here."]);
    expect(second.model).toBe(OFFICIAL_ONLY);
    noRefusals();
  });

  test("the OpenAI SDK gets a whole answer and the list of the key's models", async () => {
    const gateway = await start([keyAccount(KEY)]);
    const client = new OpenAI({ apiKey: "sk-ag-test", baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const completion = await client.chat.completions.create({
      model: SHARED,
      messages: [{ role: "user", content: "hello" }],
    });
    expect(completion.choices[0]?.message.content).toBe("pong: hello");
    // The official dialect takes no additionalProperties: that it is left out shows in no refusal.
    const schema = { type: "object", properties: {}, additionalProperties: false };
    const structured = await client.chat.completions
      .create({
        model: SHARED,
        messages: [{ role: "user", content: "hello" }],
        response_format: { type: "json_schema", json_schema: { name: "x", schema } },
      })
      .catch((cause: unknown) => cause);
    expect(structured).toMatchObject({ status: 502, code: "malformed_answer" }); // the test server answers in words
    const ids = (await Array.fromAsync(client.models.list())).map(({ id }) => id);
    expect(ids).toContain(OFFICIAL_ONLY);
    expect(ids).not.toContain("gemini-embedding-001");
    expect(ids.filter((id) => id.startsWith("claude"))).toEqual([]);
    noRefusals();
  });

  test("a key that Google rejects waits for its owner: 503, and it is not asked again", async () => {
    const gateway = await start([keyAccount("AIza-test-nobody")]);
    const first = await ask(gateway.url, SHARED);
    expect(first.status).toBe(503);
    expect(await first.text()).not.toContain("AIza");
    const asked = api.log.length;
    expect((await ask(gateway.url, SHARED)).status).toBe(503);
    expect(api.calls().length).toBeLessThanOrEqual(1);
    expect(api.log.length - asked).toBeLessThanOrEqual(1);
  });

  test("another key serves when one is rejected, or its day is over", async () => {
    for (const name of ["key-leaked", "quota-per-day"] as const) {
      api.reset();
      const gateway = await start([keyAccount(KEY), keyAccount(OTHER)]);
      api.always(keyFailure(name), { account: KEY });
      const answers = [await ask(gateway.url, SHARED), await ask(gateway.url, SHARED), await ask(gateway.url, SHARED)];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(api.calls(KEY).length).toBeLessThanOrEqual(1);
    }
  });

  test("all used up: 429 with the time to midnight in California, not the seconds that upstream names", async () => {
    const gateway = await start([keyAccount(KEY)]);
    api.always(keyFailure("quota-per-day"));
    const answered = await ask(gateway.url, SHARED);
    expect(answered.status).toBe(429);
    expect(Number(answered.headers.get("retry-after"))).toBeGreaterThan(37);
    expect(api.calls()).toHaveLength(1);
  });
});

describe("beside a sign-in", () => {
  test("the lanes are used in configured order", async () => {
    const accounts = [...signIns(), keyAccount(KEY)];
    const first = await start(accounts);
    expect((await ask(first.url, SHARED)).headers.get("x-ag-account")).toBe("a1");
    const second = await start(accounts, { lanes: ["gemini-api-key", "antigravity"] });
    expect((await ask(second.url, SHARED)).headers.get("x-ag-account")).toBe("a2");
    noRefusals();
  });

  test("a model that only one of them has is served by that one", async () => {
    const gateway = await start([...signIns(), keyAccount(KEY)]);
    // At the very first request not every account has told its models; it is answered all the same.
    expect((await ask(gateway.url, OFFICIAL_ONLY)).headers.get("x-ag-account")).toBe("a2");
    cloud.reset();
    expect((await ask(gateway.url, OFFICIAL_ONLY)).headers.get("x-ag-account")).toBe("a2");
    expect((await ask(gateway.url, "claude-sonnet-4-6")).headers.get("x-ag-account")).toBe("a1");
    noRefusals();
  });

  test("the key serves while the sign-in's quota is used up", async () => {
    const gateway = await start([...signIns(), keyAccount(KEY)]);
    cloud.always(failure("quota-exhausted"));
    const answered = await ask(gateway.url, SHARED);
    expect([answered.status, answered.headers.get("x-ag-account")]).toEqual([200, "a2"]);
  });
});
