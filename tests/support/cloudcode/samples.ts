import type { JsonObject } from "../../../src/lib/json.ts";
import type { ServedModel } from "./model-table.ts";
import { createWorld, DEFAULT_ACCOUNT, type World } from "./world.ts";
import { validateCountTokens, validateGenerate, type ValidationContext } from "./validate.ts";
import type { Refusal } from "./refusal.ts";

/** Right bodies and headers for this folder's own tests, to be broken one rule at a time. */
export interface Bench {
  world: World;
  headers(change?: Record<string, string | undefined>): Headers;
  judge(body: unknown, headers?: Headers): Refusal | undefined;
  judgeCount(body: unknown, headers?: Headers): Refusal | undefined;
  context(headers?: Headers): ValidationContext;
}

export function bench(models?: readonly ServedModel[]): Bench {
  const world = createWorld({
    ...(models && { models }),
    accounts: [
      DEFAULT_ACCOUNT,
      { email: "second@example.test", refreshToken: "1//test-second", project: "second-project-z9y8x" },
    ],
  });
  const account = world.accounts[0];
  if (!account) throw new Error("the world has an account");
  const { token } = world.issueAccessToken(account);
  const headers: Bench["headers"] = (change = {}) => {
    const all: Record<string, string | undefined> = {
      host: "127.0.0.1:1",
      "content-length": "2",
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      "user-agent": "antigravity/2.9.1 linux/amd64",
      accept: "text/event-stream",
      ...change,
    };
    return new Headers(Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  };
  const context: Bench["context"] = (sent = headers()) => ({
    headers: sent,
    authenticate: world.authenticate,
    minimumClientVersion: "2.9.0",
    models: world.models,
    signatures: world.signatures,
    seenRequestIds: world.seenRequestIds,
    projectExists: (project) => world.accounts.some((candidate) => candidate.project === project),
  });
  return {
    world,
    headers,
    context,
    judge: (body, sent) => validateGenerate(body, context(sent)),
    judgeCount: (body, sent) => validateCountTokens(body, context(sent)),
  };
}

export const CLAUDE = "claude-opus-4-6-thinking";
export const GEMINI_3 = "gemini-3-flash";
export const GEMINI_25 = "gemini-2.5-flash";
export const GPT_OSS = "gpt-oss-120b-medium";
export const IMAGE = "gemini-3.1-flash-image";

export const user = (...parts: JsonObject[]): JsonObject => ({ role: "user", parts });
export const model = (...parts: JsonObject[]): JsonObject => ({ role: "model", parts });
export const says = (text: string): JsonObject => ({ text });
export const calling = (name: string, id?: string, extra: JsonObject = {}): JsonObject => ({
  functionCall: { name, args: { city: "Oslo" }, ...(id === undefined ? {} : { id }) },
  ...extra,
});
export const answering = (name: string, id?: string, extra: JsonObject = {}): JsonObject => ({
  functionResponse: { name, response: { result: "4 °C" }, ...(id === undefined ? {} : { id }), ...extra },
});

/** The envelope around a request. */
export function envelope(modelId: string, request: JsonObject, change: JsonObject = {}): JsonObject {
  return {
    project: "sample-project-a1b2c",
    model: modelId,
    userAgent: "antigravity",
    requestType: modelId.includes("image") ? "image_gen" : "agent",
    requestId: "agent-3f2e8f0e-5a53-4d0e-9b7e-0c6d1d5f2b11",
    request: { sessionId: "-4815162342108151623", ...request },
    ...change,
  };
}

/** A one-question conversation with the given fields beside it. */
export function asking(modelId: string, fields: JsonObject = {}): JsonObject {
  return envelope(modelId, { contents: [user(says("List three primes."))], ...fields });
}

export const weatherSchema: JsonObject = {
  type: "object",
  properties: { city: { type: "string", description: "Where" } },
  required: ["city"],
};

/** `tools` with one declaration of these parameters. */
export function declaring(parameters: JsonObject | undefined, name = "get_weather"): JsonObject[] {
  return [{ functionDeclarations: [{ name, description: "Tells", ...(parameters ? { parameters } : {}) }] }];
}

export const weatherTools = declaring(weatherSchema);
export const mode = (name: string, allowedFunctionNames?: string[]): JsonObject => ({
  functionCallingConfig: { mode: name, ...(allowedFunctionNames ? { allowedFunctionNames } : {}) },
});
export const VALIDATED = mode("VALIDATED");
