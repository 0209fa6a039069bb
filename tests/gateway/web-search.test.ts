import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { ModelProfile } from "../../src/core/models.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import { planSearch } from "../../src/gateway/web-search.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";

const claude = claudeProfile;
const gemini: ModelProfile = { ...claude, id: "gemini-test", family: "gemini", generation: "gemini-3" };
const searcher: ModelProfile = { ...gemini, id: "gemini-search" };
const second: ModelProfile = { ...gemini, id: "gemini-search-2" };

const search = plainRequest({ webSearch: {} });
const tools = [{ name: "f" }];

const plan = (request: GenerateRequest, asked: ModelProfile, candidates: ModelProfile[] = [searcher, second]) =>
  planSearch(
    request,
    asked,
    async () => candidates,
    (canonical) => (canonical === "web_search" ? "tools[0]" : canonical),
  );

describe("requests that do not search are served as they are, and nobody is asked who can search", () => {
  test.each<[string, GenerateRequest, ModelProfile]>([
    ["no search is wanted", plainRequest({ tools }), claude],
    ["nothing may be called", { ...search, toolChoice: { mode: "none" } }, claude],
    ["functions stand beside it", { ...search, tools }, claude],
    ["an image model was asked", search, { ...gemini, image: true }],
  ])("%s", async (_, request, asked) => {
    const asks = () => Promise.reject(new Error("asked"));
    const planned = await planSearch(request, asked, asks, (name) => name);
    expect(planned).toEqual({ model: asked, request, losses: [] });
    expect(planned.request).toBe(request);
  });
});

describe("a search that stands alone", () => {
  test.each([searcher, second])("is served by the model asked for when it searches: $id", async (asked) => {
    expect(await plan(search, asked)).toEqual({ model: asked, request: search, losses: [] });
  });

  test.each([claude, gemini])("is served by the best model that does when $id does not, and says so", async (asked) => {
    expect(await plan(search, asked)).toEqual({
      model: searcher,
      request: search,
      losses: [{ field: "tools[0]", why: "searched with gemini-search" }],
    });
  });

  test("is left to a Gemini model when nobody says which models search", async () => {
    expect(await plan(search, gemini, [])).toEqual({ model: gemini, request: search, losses: [] });
  });

  test("is refused in one sentence, naming the tool, when no model can serve it", async () => {
    const error = await plan(search, claude, []).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({
      kind: "invalid-request",
      message:
        "Web search is not available on Claude Test, and no model on the list searches the web in its place; leave the search tool out",
      detail: { field: "tools[0]" },
    });
  });
});

test("a search that the client insists on beside functions stands alone, and the functions are told as lost", async () => {
  const request = plainRequest({ webSearch: { forced: true }, tools, toolChoice: { mode: "auto" } });
  expect(await plan(request, searcher)).toEqual({
    model: searcher,
    request: plainRequest({ webSearch: { forced: true } }),
    losses: [{ field: "tools", why: "functions are left out of a turn that must search" }],
  });
});
