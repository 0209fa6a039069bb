import type { Account, AccountView } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { type ApiKey, type Caller, type Scope, SCOPES } from "../../src/core/keys.ts";
import type { LazyProtocol, Protocol } from "../../src/core/protocol.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import { type AppDeps, createApp } from "../../src/http/app.ts";
import { createExchanges } from "../../src/http/exchange.ts";
import { answer, type InferenceDeps, type InferenceRoute } from "../../src/http/inference.ts";
import { createKeyGate } from "../../src/keys/gate.ts";
import { fakeClock } from "../support/clock.ts";
import { claudeProfile } from "../support/requests.ts";
import { stubProtocol } from "../support/stub-protocol.ts";

const named = (id: Protocol["id"]): LazyProtocol => ({
  id,
  load: async () => ({
    ...stubProtocol,
    id,
    encodeError: (error, requestId) => ({
      ...stubProtocol.encodeError(error, requestId),
      body: { from: id, kind: error.kind },
    }),
  }),
});

/** An account as the pool shows it. */
export const account = (change: Partial<Account>): AccountView => ({
  account: {
    id: "1",
    handle: "a1",
    kind: "antigravity",
    email: "owner@example.com",
    secret: "1//test-canary",
    enabled: true,
    addedAt: 0,
    ...change,
  },
  inFlight: 0,
  cooldowns: new Map(),
});

/** Who asks where no key is needed. */
export const everybody: Caller = { begin: () => ({ [Symbol.dispose]() {} }), maySee: () => true };

/** One request through one route; what is recorded of it goes to `finished`. */
export function askRoute(request: Request, route: InferenceRoute, deps: InferenceDeps, finished: RequestRecord[] = []) {
  const { clock } = deps;
  const newRequestId = () => "req_id";
  const onFinished = (record: RequestRecord) => void finished.push(record);
  const exchange = createExchanges({ clock, newRequestId, maxConcurrent: 10, onFinished }).open(request, "POST /v1/x");
  return answer({ request, exchange, caller: everybody, rest: "", untimed() {} }, route, deps);
}

/** A key of each scope, and of none of this gateway. */
export const KEYS: Readonly<Record<Scope | "wrong", string>> = {
  inference: "sk-ag-test-inference",
  admin: "sk-ag-test-admin",
  metrics: "sk-ag-test-metrics",
  wrong: "sk-ag-test-wrong",
};

/** Closed by the KEYS, as a gateway is in earnest. */
export function keyed(): Pick<AppDeps, "admit"> {
  const hash = (text: string) => `digest of ${text}`;
  const stored = SCOPES.map((scope, index): ApiKey => {
    const digest = hash(KEYS[scope]);
    return { handle: `k${index + 1}`, digest, hint: "sk-ag-…", scopes: [scope], models: [], createdAt: 0 };
  });
  const { admit } = createKeyGate({
    keys: { list: async () => stored, version: () => 1, touch: () => {}, signAsOwner: (text) => text },
    clock: fakeClock(),
    hash,
    matches: (pattern, name) => pattern === name,
  });
  return { admit };
}

/** An application of which every part answers plainly. */
export function appDeps(over: Partial<AppDeps> = {}): AppDeps {
  return {
    protocols: {
      anthropic: named("anthropic"),
      openaiChat: named("openai-chat"),
      openaiResponses: named("openai-responses"),
      openaiCompletions: named("openai-completions"),
      openaiImageGenerations: named("openai-images"),
      openaiImageEdits: named("openai-images"),
      gemini: named("gemini"),
    },
    countTokens: async () => ({ tokens: 7, estimated: false }),
    responses: {
      expand: async (body) => ({ body, losses: [] }),
      keep: async () => {},
      find: async (id) => ({ id, object: "response" }),
      inputItems: async () => [{ id: "msg_1", type: "message" }],
      remove: async () => {},
    },
    inference: {
      run: async function* (_call, _strict, _trace) {
        yield [
          { type: "turn-end", reason: "end", usage: { input: 0, cachedInput: 0, output: 0, thinking: 0 }, meta: {} },
        ];
      },
      clock: fakeClock(),
      newId: () => "id",
      strict: false,
      maxBodyBytes: 1000,
      keepAliveMs: 60_000,
    },
    exchanges: { newRequestId: () => "req_id", maxConcurrent: 100, onFinished: () => {} },
    guard: { hosts: [], allowedOrigins: [] },
    admit: () => everybody,
    metrics: async () => ({ contentType: "text/plain", text: "ag_up 1\n" }),
    models: {
      list: async () => [claudeProfile],
      find: async (name) => {
        const rule = { kind: "listed", from: name, to: name, text: "listed" } as const;
        if (name === claudeProfile.id) return { profile: claudeProfile, rule };
        throw new GatewayError("unknown-model", "no such model");
      },
    },
    accounts: async () => [account({})],
    limits: {
      report: async () => ({ at: "now", accounts: [] }),
      table: async () => "a table",
      refreshTokens: async () => [{ handle: "a1" }],
    },
    checkStore: async () => {},
    version: "0.0.0-test",
    onFailure: () => {},
    ...over,
  };
}

/** Its routes, without a socket. */
export function setup(over: Partial<AppDeps> = {}) {
  const { app } = createApp(appDeps(over));
  return (path: string, init?: RequestInit) => app.handle(new Request(`http://localhost${path}`, init));
}
