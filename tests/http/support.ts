import type { Account, AccountView } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { Protocol } from "../../src/core/protocol.ts";
import { type AppDeps, createApp } from "../../src/http/app.ts";
import { fakeClock } from "../support/clock.ts";
import { claudeProfile } from "../support/requests.ts";
import { stubProtocol } from "../support/stub-protocol.ts";

const named = (id: Protocol["id"]): Protocol => ({
  ...stubProtocol,
  id,
  encodeError: (error, requestId) => ({
    ...stubProtocol.encodeError(error, requestId),
    body: { from: id, kind: error.kind },
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
      onFinished: () => {},
    },
    guard: { hosts: [] },
    models: {
      list: async () => [claudeProfile],
      find: async (name) => {
        if (name === claudeProfile.id) return claudeProfile;
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
  const app = createApp(appDeps(over));
  return (path: string, init?: RequestInit) => app.handle(new Request(`http://localhost${path}`, init));
}
