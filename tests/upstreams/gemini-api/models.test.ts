import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/core/errors.ts";
import type { Discovery } from "../../../src/core/models.ts";
import type { JsonValue } from "../../../src/lib/json.ts";
import { startGeminiApi } from "../../support/gemini-api/index.ts";
import { errorBody } from "../../support/google-error.ts";
import { type Answer, scriptedServer } from "../../support/scripted-server.ts";
import { api, CREDENTIAL } from "./support.ts";

const signal = new AbortController().signal;

async function discover(...answers: Answer[]) {
  await using server = scriptedServer(...answers);
  const paths = () => server.calls.map(({ path }) => path);
  try {
    return { discovery: await api(server.url).discoverModels(CREDENTIAL, signal), paths: paths() };
  } catch (error) {
    return { error: error as GatewayError, paths: paths() };
  }
}

const CHAT = ["generateContent", "countTokens"];
const listed = (id: string, methods = CHAT, more = {}): JsonValue => ({
  name: `models/${id}`,
  supportedGenerationMethods: methods,
  ...more,
});
const idsOf = (discovery: Discovery | undefined) => discovery?.models.map(({ id }) => id);

test("the strict server's list is read over all its pages, and only what serves conversations or pictures is kept", async () => {
  const server = await startGeminiApi({ pageSize: 4 });
  try {
    const discovery = await api(server.url).discoverModels(CREDENTIAL, signal);
    expect(idsOf(discovery)).toEqual([
      "gemini-2.5-pro",
      "gemini-2.5-flash",
      "gemini-2.0-flash",
      "gemini-3-flash-preview",
      "gemini-3.1-pro-preview",
      "gemini-2.5-flash-image",
    ]);
    expect(discovery.replacedIds).toEqual({});
    expect(discovery.webSearchIds).toContain("gemini-2.5-flash");
    expect(discovery.webSearchIds?.filter((id) => id.includes("image"))).toEqual([]);
    expect(server.refusals()).toEqual([]);
    expect(server.log.map(({ path }) => path)).toEqual([
      "/v1beta/models?pageSize=1000",
      ...[4, 8, 12, 16].map((start) => `/v1beta/models?pageSize=1000&pageToken=page-${start}`),
    ]);
    expect(server.log[0]?.headers).toMatchObject({ "x-goog-api-key": "AIza-test-key", "user-agent": "ag/1.0.0" });
    expect(server.log[0]?.headers).not.toHaveProperty("content-type");
  } finally {
    await server.stop();
  }
});

test("a model is read with its limits, its name and whether it thinks; of its quota nothing is known", async () => {
  const more = {
    displayName: "Gemini 2.5 Flash",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    thinking: true,
  };
  const { discovery } = await discover(
    Response.json({ models: [listed("gemini-2.5-flash", CHAT, more), listed("gemini-2.0-flash")] }),
  );
  expect(discovery?.models).toEqual([
    {
      id: "gemini-2.5-flash",
      displayName: "Gemini 2.5 Flash",
      contextTokens: 1_048_576,
      maxOutputTokens: 65_536,
      supportsThinking: true,
    },
    { id: "gemini-2.0-flash", supportsThinking: false },
  ]);
});

describe("kept or left out", () => {
  const ROWS: [id: string, methods: string[], kept: boolean][] = [
    ["gemini-2.5-pro", CHAT, true],
    ["gemini-3.1-pro-preview-customtools", CHAT, true],
    ["gemini-flash-lite-latest", CHAT, true],
    ["gemini-2.5-flash-image", CHAT, true],
    ["gemini-3-pro-image-preview", CHAT, true],
    ["gemini-2.5-pro", ["countTokens"], false],
    ["gemini-embedding-001", CHAT, false],
    ["gemini-2.5-pro-preview-tts", CHAT, false],
    ["gemini-live-2.5-flash-preview", CHAT, false],
    ["gemini-2.5-flash-native-audio-latest", CHAT, false],
    ["gemini-robotics-er-1.5-preview", CHAT, false],
    ["gemini-2.5-computer-use-preview-10-2025", CHAT, false],
    ["gemma-3-27b-it", CHAT, false],
    ["learnlm-2.0-flash-experimental", CHAT, false],
    ["geminix-1", CHAT, false],
  ];
  for (const [id, methods, kept] of ROWS) {
    test(`${id} (${methods.join(", ")}): ${kept ? "kept" : "left out"}`, async () => {
      const { discovery } = await discover(Response.json({ models: [listed(id, methods)] }));
      expect(idsOf(discovery)).toEqual(kept ? [id] : []);
    });
  }
});

test("an entry that cannot be read costs itself only", async () => {
  const odd = [
    null,
    7,
    {},
    { name: "models/gemini-a" },
    { name: "tunedModels/gemini-b", supportedGenerationMethods: CHAT },
  ];
  const wrong = listed("gemini-c", CHAT, {
    displayName: 7,
    inputTokenLimit: "many",
    outputTokenLimit: 0,
    thinking: "yes",
  });
  const { discovery } = await discover(Response.json({ models: [...odd, wrong] }));
  expect(discovery?.models).toEqual([{ id: "gemini-c", supportsThinking: false }]);
});

test("a list that never ends is left after twenty pages", async () => {
  const page = () => Response.json({ models: [listed("gemini-2.5-pro")], nextPageToken: "again" });
  const { discovery, paths } = await discover(...Array.from({ length: 30 }, () => page));
  expect(paths).toHaveLength(20);
  expect(discovery?.models.length).toBe(20);
});

test("a last page without models ends the list", async () => {
  const { discovery } = await discover(
    Response.json({ models: [listed("gemini-2.5-pro")], nextPageToken: "a/b&c" }),
    Response.json({}),
  );
  expect(idsOf(discovery)).toEqual(["gemini-2.5-pro"]);
});

for (const [what, answer] of [
  ["without models", () => Response.json({})],
  ["that is not JSON", () => new Response("<html>")],
  ["that is empty", () => new Response("")],
] as const) {
  test(`an answer ${what} is a failure, never an empty list`, async () => {
    expect((await discover(answer())).error?.kind).toBe("unavailable");
  });
}

test("a failure on a later page is a failure of the whole: half a list would hide models", async () => {
  const { error } = await discover(
    Response.json({ models: [listed("gemini-2.5-pro")], nextPageToken: "two" }),
    new Response(errorBody(503, "UNAVAILABLE", "x"), { status: 503 }),
  );
  expect(error?.kind).toBe("overloaded");
});

test("there are no shared windows, and nobody is asked about them", async () => {
  await using server = scriptedServer();
  expect(await api(server.url).readBuckets(CREDENTIAL, signal)).toEqual([]);
  expect(server.calls).toEqual([]);
});
