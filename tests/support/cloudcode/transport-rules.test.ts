import { describe, expect, test } from "bun:test";
import { compareVersions } from "./rules-transport.ts";
import { answering, asking, bench, calling, CLAUDE, GEMINI_3, model, says, user } from "./samples.ts";

const body = asking(GEMINI_3);

describe("headers", () => {
  const { judge, headers, world } = bench();
  const expired = world.accounts[0] && world.issueAccessToken(world.accounts[0]).token;

  test.each([
    ["no token", "token-missing", 401, { authorization: undefined }],
    ["a token without Bearer", "token-missing", 401, { authorization: "ya29.test-1" }],
    ["a token nobody issued", "token-unknown", 401, { authorization: "Bearer ya29.test-99" }],
    ["x-goog-user-project", "user-project-header", 403, { "x-goog-user-project": "p" }],
    ["x-api-key", "forwarded-header", 400, { "x-api-key": "sk-ag-test" }],
    ["anthropic-version", "forwarded-header", 400, { "anthropic-version": "2023-06-01" }],
    ["anthropic-beta", "forwarded-header", 400, { "anthropic-beta": "x" }],
    ["openai-organization", "forwarded-header", 400, { "openai-organization": "o" }],
    ["x-stainless-lang", "forwarded-header", 400, { "x-stainless-lang": "js" }],
    ["x-goog-api-client", "forwarded-header", 400, { "x-goog-api-client": "gl-node" }],
    ["x-goog-api-key", "forwarded-header", 400, { "x-goog-api-key": "AIza-test" }],
    ["cookie", "forwarded-header", 400, { cookie: "a=b" }],
    ["session_id", "forwarded-header", 400, { session_id: "s" }],
    ["client-metadata", "forwarded-header", 400, { "client-metadata": "{}" }],
    ["another content type", "content-type", 400, { "content-type": "text/plain" }],
    ["a chunked body", "content-length", 411, { "content-length": undefined, "transfer-encoding": "chunked" }],
    ["no user agent", "user-agent", 400, { "user-agent": undefined }],
    ["a client's user agent", "user-agent", 400, { "user-agent": "claude-cli/2.0" }],
    ["a version below the floor", "client-version", 400, { "user-agent": "antigravity/2.8.12 linux/amd64" }],
  ])("with %s are refused (%s)", (_name, rule, status, change) => {
    expect(judge(body, headers(change))).toMatchObject({ rule, status });
    expect(judge(body)).toBeUndefined();
  });

  test("may name the hub client and the client's version", () => {
    const change = { "user-agent": "antigravity/hub/4.3.0 darwin/arm64", "x-client-version": "4.3.0" };
    expect(judge(body, headers(change))).toBeUndefined();
  });

  test("with an expired token are refused as such", () => {
    world.expireAccessTokens();
    expect(judge(body, headers({ authorization: `Bearer ${expired}` }))).toMatchObject({
      rule: "token-expired",
      status: 401,
      body: { error: { status: "UNAUTHENTICATED" } },
    });
  });
});

test("a request id that was seen is refused, a new one is not", () => {
  const { judge, world } = bench();
  world.seenRequestIds.add("agent-3f2e8f0e-5a53-4d0e-9b7e-0c6d1d5f2b11");
  expect(judge(body)?.rule).toBe("request-id-reused");
  expect(judge({ ...body, requestId: "agent-1" })).toBeUndefined();
});

test("versions compare by number, part by part", () => {
  expect(compareVersions("2.10.0", "2.9.9")).toBeGreaterThan(0);
  expect(compareVersions("2.9", "2.9.0")).toBe(0);
  expect(compareVersions("1.99.99", "2.0")).toBeLessThan(0);
});

describe("countTokens", () => {
  const { judgeCount } = bench();
  const contents = [user(says("hello"))];

  test("takes contents only", () => {
    expect(judgeCount({ request: { contents } })).toBeUndefined();
    expect(judgeCount({ request: { contents, model: "models/gemini-3-flash" } })).toBeUndefined();
    const history = [...contents, model(calling("f")), user(answering("f"))];
    expect(judgeCount({ request: { contents: history } })).toBeUndefined();
  });

  test.each([
    ["a project beside request", "unknown-name", { project: "p", request: { contents } }],
    ["a model beside request", "unknown-name", { model: CLAUDE, request: { contents } }],
    ["safety settings", "unknown-name", { request: { contents, safetySettings: [] } }],
    ["a generation config", "unknown-name", { request: { contents, generationConfig: {} } }],
    ["a session id", "unknown-name", { request: { contents, sessionId: "-1" } }],
    ["a system instruction", "unknown-name", { request: { contents, systemInstruction: user(says("x")) } }],
    ["tools", "unknown-name", { request: { contents, tools: [{ googleSearch: {} }] } }],
    ["a thought", "count-thought", { request: { contents: [...contents, model({ text: "x", thought: true })] } }],
    ["a signature", "count-thought", { request: { contents: [model({ text: "x", thoughtSignature: "AAAA" })] } }],
    ["no contents", "contents-empty", { request: {} }],
    ["an empty part", "part-without-data", { request: { contents: [user({})] } }],
    ["an unknown role", "role-unknown", { request: { contents: [{ role: "system", parts: [says("x")] }] } }],
    ["nothing", "not-an-object", "x"],
  ])("with %s is refused (%s)", (_name, rule, wrong) => {
    expect(judgeCount(wrong)?.rule).toBe(rule);
  });
});
