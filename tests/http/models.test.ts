import { GoogleGenAI } from "@google/genai";
import { describe, expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import { describeModel, listModels, listShape } from "../../src/http/models.ts";
import { claudeProfile } from "../support/requests.ts";

const models = ["m1", "m2", "m3", "m4"].map((id) => ({ ...claudeProfile, id }));

function page(query: string): unknown[] {
  const { data, has_more, first_id, last_id } = listModels(models, "anthropic", new URLSearchParams(query));
  return [(data as { id: string }[]).map((model) => model.id), has_more, first_id, last_id];
}

test("the Anthropic list has cursors over the whole list", () => {
  expect(page("limit=1000")).toEqual([["m1", "m2", "m3", "m4"], false, "m1", "m4"]);
  expect(page("limit=2")).toEqual([["m1", "m2"], true, "m1", "m2"]);
  expect(page("limit=2&after_id=m2")).toEqual([["m3", "m4"], false, "m3", "m4"]);
  expect(page("limit=2&before_id=m4")).toEqual([["m2", "m3"], true, "m2", "m3"]);
  expect(page("after_id=m4")).toEqual([[], false, null, null]);
});

for (const limit of ["0", "1001", "-1", "1.5", "many"]) {
  test(`limit=${limit} is refused by name`, () => {
    let field: string | undefined;
    try {
      page(`limit=${limit}`);
    } catch (error) {
      field = asGatewayError(error).detail.field;
    }
    expect(field).toBe("limit");
  });
}

test("every listed model has its window and its output limit, in every shape", () => {
  expect(describeModel(claudeProfile, "openai")).toMatchObject({
    id: claudeProfile.id,
    object: "model",
    owned_by: "anthropic",
    context_window: 200_000,
    max_output_tokens: 64_000,
  });
  expect(describeModel(claudeProfile, "anthropic")).toMatchObject({
    type: "model",
    id: claudeProfile.id,
    display_name: "Claude Test",
    max_input_tokens: 200_000,
    max_tokens: 64_000,
  });
  expect(describeModel(claudeProfile, "gemini")).toEqual({
    name: `models/${claudeProfile.id}`,
    baseModelId: claudeProfile.id,
    version: claudeProfile.id,
    displayName: "Claude Test",
    description: "Claude Test, served by this gateway",
    inputTokenLimit: 200_000,
    outputTokenLimit: 64_000,
    supportedGenerationMethods: ["generateContent", "streamGenerateContent", "countTokens"],
    thinking: true,
  });
});

describe("the Gemini list", () => {
  const names = (query: string) => {
    const { models: page, nextPageToken } = listModels(models, "gemini", new URLSearchParams(query));
    return [(page as { name: string }[]).map(({ name }) => name), nextPageToken];
  };

  test.each([
    ["", ["models/m1", "models/m2", "models/m3", "models/m4"], undefined],
    ["pageSize=0", ["models/m1", "models/m2", "models/m3", "models/m4"], undefined],
    ["pageSize=5000", ["models/m1", "models/m2", "models/m3", "models/m4"], undefined],
    ["pageSize=3", ["models/m1", "models/m2", "models/m3"], "m3"],
    ["page_size=3&page_token=m3", ["models/m4"], undefined],
    ["pageSize=2&pageToken=m2", ["models/m3", "models/m4"], undefined],
    ["pageSize=2&pageToken=", ["models/m1", "models/m2"], "m2"],
  ])("has pages: %s", (query, expected, next) => {
    expect(names(query)).toEqual([expected, next]);
  });

  test.each([
    ["pageSize=-1", "pageSize"],
    ["pageSize=many", "pageSize"],
    ["pageToken=gone", "pageToken"],
  ])("%s is refused by name", (query, field) => {
    let seen: string | undefined;
    try {
      names(query);
    } catch (error) {
      seen = asGatewayError(error).detail.field;
    }
    expect(seen).toBe(field);
  });

  test("is read page by page by the official client", async () => {
    const list = async (url: string | URL | Request) => {
      const { searchParams } = new URL(url instanceof Request ? url.url : url);
      return Response.json(listModels(models, "gemini", searchParams));
    };
    const answered = Object.assign(list, { preconnect: fetch.preconnect });
    const client = new GoogleGenAI({
      apiKey: "AIza-test",
      httpOptions: { baseUrl: "http://gateway.test", fetch: answered },
    });
    const seen: unknown[] = [];
    for await (const { name, inputTokenLimit, supportedActions } of await client.models.list({
      config: { pageSize: 3 },
    })) {
      seen.push([name, inputTokenLimit, supportedActions?.length]);
    }
    expect(seen).toEqual(["m1", "m2", "m3", "m4"].map((id) => [`models/${id}`, 200_000, 3]));
  });
});

test.each<[string, Record<string, string>, string, string]>([
  ["Google's own address", {}, "/v1beta/models", "gemini"],
  ["Google's own address", { "anthropic-version": "2099-01-01", "x-api-key": "k" }, "/v1beta/models/m", "gemini"],
  ["a doubled version", {}, "/v1/v1beta/models", "gemini"],
  ["any anthropic-version", { "anthropic-version": "2099-01-01" }, "/v1/models", "anthropic"],
  [
    "any anthropic-version",
    { "anthropic-version": "2099-01-01", authorization: "Bearer k" },
    "/v1/models",
    "anthropic",
  ],
  ["Google's header for keys", { "x-goog-api-key": "k" }, "/v1/models", "gemini"],
  ["two keys", { "x-goog-api-key": "k", authorization: "Bearer k" }, "/v1/models", "openai"],
  ["two keys", { "x-goog-api-key": "k", "x-api-key": "k" }, "/v1/models", "openai"],
  ["a bearer key", { authorization: "Bearer k" }, "/v1/models", "openai"],
  ["a model that is called so", {}, "/v1/models/v1beta-model", "openai"],
])("%s makes the list the right one: %j at %s is for %s", (_, headers, path, shape) => {
  expect(listShape(new Headers(headers), path)).toBe(shape as "openai");
});
