import { afterAll, beforeAll, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { JsonObject } from "../../src/lib/json.ts";
import { type CloudCodeServer, startCloudCode } from "../support/cloudcode/index.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Recording, recordings } from "../support/recordings.ts";

const found = recordings(["/v1/messages", "/v1/chat/completions"]);

if (found?.length === 0) throw new Error("the folder of recordings holds none of these protocols");
if (found === undefined) test("recorded client requests are not beside this checkout, so none was replayed", () => {});

/** What a client deliberately sent wrong, or sends to be told that it must do without. */
const REFUSED: Record<string, JsonObject> = {
  "anthropic-sdk/error-is-typed-01": { type: "invalid_request_error" },
  "openai-sdk/error-is-typed-01": { type: "invalid_request_error" },
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
      const response = await fetch(`${gateway.url}${recording.path}${recording.query ? `?${recording.query}` : ""}`, {
        method: "POST",
        headers: clientHeaders(recording.headers),
        body: JSON.stringify(model === undefined ? recording.body : { ...recording.body, model }),
      });
      if (refused) {
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: refused });
        expect(upstream.calls()).toEqual([]);
        return;
      }
      expect(upstream.refusals()).toEqual([]);
      expect(await readWithSdk(recording, response)).toMatch(/^(end_turn|stop): [^]*pong/);
    });
  }
}

/** As the client sent them, less what belongs to its own connection. */
function clientHeaders(headers: Record<string, string>): Record<string, string> {
  const connection = ["host", "content-length", "connection", "accept-encoding", "transfer-encoding"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !connection.includes(name)));
}
