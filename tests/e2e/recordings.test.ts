import { afterAll, beforeAll, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { isValidAgainst } from "../../src/lib/json-schema.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/lib/json.ts";
import { type CloudCodeServer, startCloudCode, text, turn } from "../support/cloudcode/index.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { type Recording, recordings } from "../support/recordings.ts";

const found = recordings(
  (path) =>
    ["/v1/messages", "/v1/chat/completions", "/v1/completions", "/v1/responses"].includes(path) ||
    /:(?:g|streamG)enerateContent$/.test(path),
);

if (found?.length === 0) throw new Error("the folder of recordings holds none of these protocols");
if (found === undefined) test("recorded client requests are not beside this checkout, so none was replayed", () => {});

/** What a client deliberately sent wrong, or sends to be told that it must do without. */
const REFUSED: Record<string, JsonObject> = {
  "anthropic-sdk/error-is-typed-01": { type: "invalid_request_error" },
  "openai-sdk/error-is-typed-01": { type: "invalid_request_error" },
  "google-genai/error-is-typed-01": { status: "INVALID_ARGUMENT" },
  // Answers are kept only where their owner has asked for it.
  "openai-sdk/responses-previous-id-02": { param: "previous_response_id" },
  "anthropic-sdk/tool-runner-01": { details: { error_code: "thread_unsupported_request", unsupported: ["thread"] } },
  "anthropic-sdk/tool-runner-thread-ignored-01": {
    details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
  },
  "anthropic-sdk/tool-runner-thread-ignored-02": {
    details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
  },
};

/** Each recording is also asked of the other families: a client's history must survive a change of model. */
const MODELS = [
  undefined,
  "claude-opus-4-6-thinking",
  "claude-sonnet-4-6",
  "gemini-2.5-pro",
  "gemini-pro-agent",
  "gpt-oss-120b-medium",
];

let upstream: CloudCodeServer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startCloudCode();
  gateway = await startGateway(upstream);
});

afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** Reads the reply as the protocol's own SDK does; throws where the SDK would. */
async function readWithSdk(recording: Recording, response: Response): Promise<string> {
  const fetch = async () => response;
  const body = recording.body as never;
  if (recording.path.endsWith("Content")) {
    const streams = recording.path.endsWith(":streamGenerateContent");
    const { heard } = await geminiClient[streams ? "readStream" : "readWhole"](response);
    return `${heard.reason}: ${heard.text}`;
  }
  if (recording.path === "/v1/responses") {
    const { heard } = await responsesClient[recording.body["stream"] ? "readStream" : "readWhole"](response);
    return `${heard.reason}: ${heard.text}`;
  }
  if (recording.path === "/v1/completions") {
    const client = new OpenAI({ apiKey: "sk-ag-test", baseURL: gateway.url, fetch, maxRetries: 0 });
    const chunks: OpenAI.Completion[] = [];
    if (recording.body["stream"]) {
      const params: OpenAI.CompletionCreateParamsStreaming = body;
      for await (const chunk of await client.completions.create(params)) chunks.push(chunk);
    } else chunks.push((await client.completions.create(body)) as OpenAI.Completion);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    return `${choices.at(-1)?.finish_reason}: ${choices.map((choice) => choice.text).join("")}`;
  }
  if (recording.path === "/v1/messages") {
    const client = new Anthropic({ apiKey: "sk-ag-test", baseURL: gateway.url, fetch, maxRetries: 0 });
    const message = recording.body["stream"]
      ? await client.messages.stream(body).finalMessage()
      : await client.messages.create(body);
    return `${message.stop_reason}: ${message.content.map((block) => ("text" in block ? block.text : "")).join("")}`;
  }
  const client = new OpenAI({ apiKey: "sk-ag-test", baseURL: gateway.url, fetch, maxRetries: 0 });
  const completion = recording.body["stream"]
    ? await client.chat.completions.stream(body).finalChatCompletion()
    : await client.chat.completions.create(body);
  const choice = (completion as OpenAI.ChatCompletion).choices[0];
  return `${choice?.finish_reason}: ${choice?.message.content}`;
}

for (const recording of found ?? []) {
  const refused = REFUSED[recording.name];
  for (const model of refused ? [undefined] : MODELS) {
    test(`${recording.name} ${model === undefined ? "as recorded" : `asked of ${model}`} is ${refused ? "refused as typed" : "answered"}`, async () => {
      upstream.reset();
      const schema = schemaIn(recording.body);
      if (schema) upstream.always(turn(text(JSON.stringify(sampleOf(schema)))));
      const { path, body } = recording;
      const query = String(new URLSearchParams(recording.query));
      // Gemini clients name the model in the address.
      const asked = model === undefined ? path : path.replace(/(?<=\/models\/)[^:]+/, model);
      const response = await fetch(`${gateway.url}${asked}${query ? `?${query}` : ""}`, {
        method: "POST",
        headers: clientHeaders(recording.headers),
        body: JSON.stringify(model === undefined || asked !== path ? body : { ...body, model }),
      });
      if (refused) {
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: refused });
        expect(upstream.calls()).toEqual([]);
        return;
      }
      expect(upstream.refusals()).toEqual([]);
      const heard = await readWithSdk(recording, response);
      expect(heard).toMatch(/^(end_turn|stop|end): /);
      const said = heard.slice(heard.indexOf(" ") + 1);
      if (schema) expect(isValidAgainst(schema, JSON.parse(said))).toBe(true);
      else expect(said).toContain("pong");
    });
  }
}

const counted = recordings((path) => /count_?tokens$/i.test(path));
for (const { name, path, headers, body } of counted ?? []) {
  test(`${name}: the tokens are counted by upstream`, async () => {
    upstream.reset();
    const reply = await fetch(gateway.url + path, {
      method: "POST",
      headers: clientHeaders(headers),
      body: JSON.stringify(body),
    });
    expect([reply.status, reply.headers.get("x-ag-estimated")]).toEqual([200, null]);
    expect(Object.values((await reply.json()) as JsonObject)[0]).toBeGreaterThan(0);
    expect(upstream.refusals()).toEqual([]);
  });
}

const others = recordings(
  () => true,
  (method) => method !== "POST",
);
for (const { name, method, path, query, headers } of others ?? []) {
  test(`${name}: ${method} ${path} is answered as its client wants it`, async () => {
    const isUpgrade = method.includes("upgrade");
    const reply = await fetch(`${gateway.url}${path}?${new URLSearchParams(query)}`, {
      method: method.split(" ")[0] ?? "",
      headers: { ...clientHeaders(headers), ...(isUpgrade && { upgrade: "websocket" }) },
    });
    expect(reply.status).toBe(isUpgrade ? 426 : 200);
    if (!path.startsWith("/v1/models")) return;
    const isList = path === "/v1/models";
    const member = headers["anthropic-version"]
      ? isList
        ? "first_id"
        : "display_name"
      : headers["x-goog-api-key"]
        ? isList
          ? "models"
          : "inputTokenLimit"
        : "object";
    expect(await reply.json()).toHaveProperty(member);
  });
}

/** As the client sent them, less what belongs to its own connection. */
function clientHeaders(headers: Record<string, string>): Record<string, string> {
  const connection = ["host", "content-length", "connection", "accept-encoding", "transfer-encoding"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !connection.includes(name)));
}

/** The schema that the answer must be valid against, wherever its protocol puts it. */
function schemaIn(body: JsonObject): JsonObject | undefined {
  const found: JsonObject[] = [];
  JSON.stringify(body, (key, value: unknown) => {
    if (key === "tools" || key === "input" || key === "messages" || key === "contents") return undefined;
    if (/^(?:schema|responseJsonSchema|responseSchema)$/.test(key) && isJsonObject(value)) found.push(value);
    return value;
  });
  return found[0];
}

/** Some value that is valid against it. */
function sampleOf({ type, enum: choices, properties, items, required }: JsonObject): JsonValue {
  if (Array.isArray(choices)) return choices[0] ?? null;
  switch (String(Array.isArray(type) ? type[0] : type).toLowerCase()) {
    case "object": {
      const names = Array.isArray(required) ? required.map(String) : Object.keys(properties ?? {});
      const all = isJsonObject(properties) ? properties : {};
      return Object.fromEntries(names.map((name) => [name, sampleOf((all[name] ?? {}) as JsonObject)]));
    }
    case "array":
      return [sampleOf((items ?? {}) as JsonObject)];
    case "boolean":
      return true;
    case "integer":
    case "number":
      return 1;
    default:
      return "pong";
  }
}
