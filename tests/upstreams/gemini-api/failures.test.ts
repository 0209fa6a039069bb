import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { FailureDetail, FailureKind, Repair } from "../../../src/core/errors.ts";
import type { Content } from "../../../src/core/request.ts";
import {
  dropConnection,
  emptyBody,
  httpAnswer,
  malformedJson,
  promptBlocked,
  streamError,
  text,
  turn,
} from "../../support/cloudcode/index.ts";
import { keyFailure, type KeyFailureName, startGeminiApi } from "../../support/gemini-api/index.ts";
import { errorBody } from "../../support/google-error.ts";
import { scriptedServer } from "../../support/scripted-server.ts";
import { collectTurn } from "../../support/turn.ts";
import { api, asking, CREDENTIAL, FLASH_3, NOW, run } from "./support.ts";

const server = await startGeminiApi();
afterAll(() => server.stop());
beforeEach(() => server.reset());

const HOUR = 3_600_000;
const REJECTED = { accountProblem: "key-rejected" } as const;

describe("refusals", () => {
  const ROWS: [name: KeyFailureName, kind: FailureKind, detail: FailureDetail][] = [
    ["key-invalid", "account-unusable", { ...REJECTED, upstreamStatus: 400, upstreamReason: "API_KEY_INVALID" }],
    ["key-expired", "account-unusable", { ...REJECTED, upstreamStatus: 400 }],
    ["key-leaked", "account-unusable", { ...REJECTED, upstreamStatus: 403 }],
    ["key-restricted", "account-unusable", { ...REJECTED, upstreamReason: "API_KEY_SERVICE_BLOCKED" }],
    ["project-denied", "account-unusable", REJECTED],
    ["service-disabled", "account-unusable", { ...REJECTED, upstreamReason: "SERVICE_DISABLED" }],
    ["unauthenticated", "account-unusable", { ...REJECTED, upstreamStatus: 401 }],
    // A block by Google is a block: nothing is tried elsewhere.
    ["key-suspended", "account-unusable", { accountProblem: "terms-block" }],
    ["permission-denied", "access-denied", { upstreamStatus: 403 }],
    ["rate-per-minute", "rate-limited", { retryAfterMs: 26_000 }],
    // Until midnight in California, not for the 37 s that the answer speaks of.
    ["quota-per-day", "quota-exhausted", { retryAfterMs: 18 * HOUR }],
    ["quota-zero", "quota-exhausted", { retryAfterMs: HOUR }],
    ["exhausted-generic", "rate-limited", { upstreamStatus: 429 }],
    ["overloaded", "overloaded", { upstreamStatus: 503 }],
    ["internal", "unavailable", { upstreamStatus: 500 }],
    ["location", "region-blocked", { upstreamStatus: 400 }],
    ["model-missing", "model-missing", { upstreamStatus: 404 }],
    ["prompt-too-long", "context-too-long", {}],
  ];
  for (const [name, kind, detail] of ROWS) {
    test(`${name} is ${kind}${detail.accountProblem ? ` (${detail.accountProblem})` : ""}`, async () => {
      server.next(keyFailure(name));
      const { error, events } = await run(server.url);
      expect(events).toEqual([]);
      expect(error?.kind as string).toBe(kind);
      expect(error?.detail).toMatchObject(detail);
    });
  }

  test("a longer delay than the rest of the day stands", async () => {
    server.next(keyFailure("quota-per-day", { retryDelay: "90000s" }));
    expect((await run(server.url)).error?.detail.retryAfterMs).toBe(90_000_000);
  });

  test("a refusal without a stated time has none", async () => {
    server.next(keyFailure("exhausted-generic"));
    expect((await run(server.url)).error?.detail.retryAfterMs).toBeUndefined();
  });

  test("an unknown key is told as rejected by the service itself", async () => {
    const signal = new AbortController().signal;
    const wrong = { ...CREDENTIAL, apiKey: "AIza-test-nobody" };
    await expect(api(server.url).discoverModels(wrong, signal)).rejects.toMatchObject({
      kind: "account-unusable",
      detail: REJECTED,
    });
    expect(server.refusals().map(({ rule }) => rule)).toEqual(["key-unknown"]);
  });

  test("no message holds the key, not even one of upstream's that quotes it", async () => {
    for (const status of [400, 401, 403, 404, 429, 500]) {
      const said = "Consumer 'api_key:AIza-test-key' of AIza-test-key and api_key:AIza-test-key is wrong.";
      server.next(httpAnswer(status, errorBody(status, "X", said)));
      expect((await run(server.url)).error?.message ?? "").not.toContain("AIza");
    }
  });
});

describe("repairs", () => {
  const contents: Content[] = [
    { role: "user", parts: [{ text: "q" }] },
    { role: "model", parts: [{ text: "a", thoughtSignature: "c2ln" }] },
    { role: "user", parts: [{ text: "r" }] },
  ];
  const call = asking({ contents, thinking: { type: "effort", effort: "high" } }, FLASH_3);

  async function repairAfter(message: string, ...tried: Repair[]) {
    await using refusing = scriptedServer(new Response(errorBody(400, "INVALID_ARGUMENT", message), { status: 400 }));
    return (await run(refusing.url, { ...call, repairs: new Set(tried) })).error?.detail.repair;
  }

  test("signatures are dropped, once", async () => {
    const missing = "Function call is missing a thought_signature in functionCall parts.";
    expect(await repairAfter(missing)).toBe("drop-thinking");
    expect(await repairAfter(missing, "drop-thinking")).toBeUndefined();
  });

  test("thinking is asked for in the other form, then not at all", async () => {
    const refused = "Thinking budget is not supported for this model.";
    expect(await repairAfter(refused)).toBe("thinking-other-form");
    expect(await repairAfter(refused, "thinking-other-form")).toBe("thinking-config-off");
  });

  test("with its signatures dropped a history from another service is taken", async () => {
    expect((await run(server.url, call)).error?.detail.repair).toBe("drop-thinking");
    const repaired = await run(server.url, { ...call, repairs: new Set(["drop-thinking"]) });
    expect(repaired.error).toBeUndefined();
    expect(server.refusals().map(({ rule }) => rule)).toEqual(["gemini-signature"]);
  });
});

describe("broken answers", () => {
  test("an error inside a 200 answer is told as what it is about a key", async () => {
    server.next(turn([streamError(401, "x", "UNAUTHENTICATED")], { finishReason: null, usage: false }));
    expect((await run(server.url)).error).toMatchObject({ kind: "account-unusable", detail: REJECTED });
    server.next(turn([text("Half"), streamError(503, "x", "UNAVAILABLE")]));
    const { events, error } = await run(server.url);
    expect(events).toHaveLength(3);
    expect(error?.kind).toBe("overloaded");
  });

  test("a connection that drops, an empty body, bytes that are no JSON: upstream's trouble", async () => {
    // A dropped connection is tried once more.
    for (const answers of [[dropConnection(), dropConnection()], [emptyBody()], [malformedJson("a", "b")]]) {
      server.script(answers);
      expect((await run(server.url)).error?.kind).toBe("unavailable");
    }
    expect(server.unused()).toBe(0);
  });

  test("a host that cannot be reached is told without its address", async () => {
    const { error } = await run("http://127.0.0.1:1");
    expect(error).toMatchObject({ kind: "unavailable", message: "Upstream cannot be reached" });
  });

  test("a redirect is no answer", async () => {
    server.next(httpAnswer(302, "", { location: "http://127.0.0.1:1/" }));
    expect((await run(server.url)).error?.kind).toBe("unavailable");
  });

  test("a blocked prompt is a filtered turn", async () => {
    server.next(promptBlocked());
    expect(collectTurn((await run(server.url)).events)).toMatchObject({ reason: "filtered" });
  });

  test("a connection that upstream had closed meanwhile is replaced once", async () => {
    let tries = 0;
    const upstream = api(server.url, {
      fetch: (url, options) => {
        if (++tries === 1) throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
        return fetch(url, options);
      },
    });
    for await (const _ of upstream.stream(asking(), CREDENTIAL, new AbortController().signal));
    expect(tries).toBe(2);
  });
});

test("the times above are told from six in the morning in California", () => {
  expect(new Intl.DateTimeFormat("en-US", { timeZone: "America/Los_Angeles", hour: "numeric" }).format(NOW)).toBe(
    "6 AM",
  );
});
