import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { gate, pacedText, silent } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, MODES, type Mode, NO_WAITING, startBench, TWO_ACCOUNTS } from "./support/bench.ts";
import {
  BROKEN_ANSWERS,
  BROKEN_BEGINNING,
  isTrouble,
  SECRETS,
  type Trouble,
  TROUBLES,
  UNSEEN_BY_SWITCH,
  UNSEEN_IN_PLACE,
} from "./support/failures.ts";

/** For what does the account no harm. */
let shared: Bench;

beforeAll(async () => {
  shared = await startBench();
});
afterAll(() => shared[Symbol.asyncDispose]());
beforeEach(() => shared.upstream.reset());

const PARAMS: Anthropic.MessageCreateParamsNonStreaming = {
  model: CLAUDE,
  max_tokens: 1000,
  messages: [{ role: "user", content: "hi" }],
};

function ask(mode: Mode, client: Anthropic, over: Partial<typeof PARAMS> = {}, options: Anthropic.RequestOptions = {}) {
  const params = { ...PARAMS, ...over };
  return mode === "streamed"
    ? client.messages.stream(params, options).finalMessage()
    : client.messages.create(params, options);
}

interface Told {
  as: abstract new (...input: never[]) => Error;
  status: number;
  type: Anthropic.ErrorType;
  message?: string;
  retryAfter?: string;
  contains?: string;
}

/** How each trouble reaches a client. Trouble with an account is never 401 or 403: clients answer those by logging out. */
const TOLD: Record<Trouble, Told> = {
  "an argument that upstream refuses": { as: Anthropic.BadRequestError, status: 400, type: "invalid_request_error" },
  "a prompt that is too long": {
    as: Anthropic.BadRequestError,
    status: 400,
    type: "invalid_request_error",
    message: "prompt is too long: 1200000 tokens > 1048576 maximum",
  },
  "a model that the account lacks": {
    as: Anthropic.NotFoundError,
    status: 404,
    type: "not_found_error",
  },
  "a rate limit": { as: Anthropic.RateLimitError, status: 429, type: "rate_limit_error", retryAfter: "45" },
  "a used-up quota": { as: Anthropic.RateLimitError, status: 429, type: "rate_limit_error", retryAfter: "8486" },
  "a server that stays without capacity": {
    as: Anthropic.OverloadedError,
    status: 529,
    type: "overloaded_error",
    retryAfter: "9",
  },
  "a server that stays broken": { as: Anthropic.InternalServerError, status: 502, type: "api_error" },
  "answers that stay empty": { as: Anthropic.InternalServerError, status: 502, type: "api_error" },
  "tool calls that stay malformed": { as: Anthropic.InternalServerError, status: 502, type: "api_error" },
  "an access token that is refused twice": { as: Anthropic.ServiceUnavailableError, status: 503, type: "api_error" },
  "an account to be verified": {
    as: Anthropic.ServiceUnavailableError,
    status: 503,
    type: "api_error",
    contains: "https://accounts.google.com/signin/",
  },
  "an account that is disabled": {
    as: Anthropic.ServiceUnavailableError,
    status: 503,
    type: "api_error",
    contains: "https://support.google.com/accounts/contact/appeal",
  },
  "an account without permission": {
    as: Anthropic.ServiceUnavailableError,
    status: 503,
    type: "api_error",
    retryAfter: "1800",
  },
  "a location that is not served": { as: Anthropic.ServiceUnavailableError, status: 503, type: "api_error" },
};

describe("upstream's trouble is typed", () => {
  for (const [trouble, told] of Object.entries(TOLD)) {
    for (const mode of MODES) {
      test(`${trouble}: ${told.status} ${told.type}, ${mode}`, async () => {
        await using bench = await startBench({ config: NO_WAITING });
        if (isTrouble(trouble)) bench.upstream.script(TROUBLES[trouble]);
        const error = await failureOf(ask(mode, bench.anthropic()));
        expect(error).toBeInstanceOf(told.as);
        if (!(error instanceof Anthropic.APIError)) return;
        expect({ status: error.status, type: error.type }).toEqual({ status: told.status, type: told.type });
        expect(error.headers?.get("retry-after") ?? undefined).toBe(told.retryAfter);
        expect(error.requestID).toBe(error.headers?.get("x-ag-request-id"));
        expect(error.headers?.get("x-ag-attempts")).toBe(String(bench.upstream.calls().length));
        if (told.message !== undefined) expect(error.apiMessage).toBe(told.message);
        if (told.contains !== undefined) expect(error.apiMessage).toContain(told.contains);
        expect(JSON.stringify(error.error)).not.toMatch(SECRETS);
        expect(bench.upstream.unused()).toBe(0);
      });
    }
  }
});

describe("the gateway's own refusals are typed", () => {
  test("an unknown model is a NotFoundError with the nearest names", async () => {
    for (const mode of MODES) {
      const error = await failureOf(ask(mode, shared.anthropic(), { model: "gemini-3-falsh" }));
      expect(error).toBeInstanceOf(Anthropic.NotFoundError);
      expect(error).toMatchObject({ type: "not_found_error", apiMessage: expect.stringContaining(GEMINI_3) });
    }
    expect(shared.upstream.calls()).toEqual([]);
  });

  test("a malformed request is a BadRequestError that names the field", async () => {
    const remote = { type: "url" as const, url: "file:///cat.png" };
    const error = await failureOf(
      ask("whole", shared.anthropic(), {
        messages: [{ role: "user", content: [{ type: "image", source: remote }] }],
      }),
    );
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({
      apiMessage: expect.stringMatching(/messages[.[]0\]?\.content[.[]0\]?\.source\.url/),
    });
    expect(shared.upstream.calls()).toEqual([]);
  });

  test("in strict mode a field that would be lost is a BadRequestError that names it", async () => {
    const client = shared.anthropic({ defaultHeaders: { "x-ag-strict": "1" } });
    const error = await failureOf(ask("streamed", client, { container: "container_1" }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({ apiMessage: expect.stringContaining("container") });
  });

  test("in strict mode what only the chosen model cannot honour is named as the client wrote it", async () => {
    const client = shared.anthropic({ defaultHeaders: { "x-ag-strict": "1" } });
    const tools = [{ type: "web_search_20250305" as const, name: "web_search" as const }];
    const functions = [{ name: "look", input_schema: { type: "object" as const } }];
    const error = await failureOf(ask("streamed", client, { tools: [...functions, ...tools] }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({ apiMessage: expect.stringMatching(/^tools: .* \(strict mode\)$/) });
  });

  test("a missing or wrong key is an AuthenticationError, the right one is let in as key and as bearer", async () => {
    await using bench = await startBench({ env: { AG_API_KEY: "sk-ag-test-key" } });
    const wrong = { apiKey: "sk-ag-test-other" };
    expect(await failureOf(ask("streamed", bench.anthropic(wrong)))).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(await failureOf(bench.anthropic(wrong).models.list())).toBeInstanceOf(Anthropic.AuthenticationError);
    for (const right of [{ apiKey: "sk-ag-test-key" }, { apiKey: null, authToken: "sk-ag-test-key" }]) {
      expect((await ask("whole", bench.anthropic(right))).stop_reason).toBe("end_turn");
    }
  });

  test("without accounts, and with upstream out of reach, the server is at fault", async () => {
    await using empty = await startBench({ accounts: [] });
    const error = await failureOf(ask("whole", empty.anthropic()));
    expect(error).toBeInstanceOf(Anthropic.ServiceUnavailableError);
    expect(error).toMatchObject({ apiMessage: expect.stringContaining("ag accounts add") });

    await using bench = await startBench();
    await bench.upstream.stop();
    for (const mode of MODES) {
      expect(await failureOf(ask(mode, bench.anthropic()))).toBeInstanceOf(Anthropic.InternalServerError);
    }
  });

  test("an account that is cooling is not asked again", async () => {
    await using bench = await startBench({ config: NO_WAITING });
    bench.upstream.next(TROUBLES["a rate limit"][0] ?? "");
    await failureOf(ask("whole", bench.anthropic()));
    const error = await failureOf(ask("streamed", bench.anthropic()));
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(bench.upstream.calls()).toHaveLength(1);
  });
});

describe("trouble before the first words stays unseen", () => {
  async function expectServed(mode: Mode, { upstream, anthropic }: Bench) {
    const { messages } = anthropic();
    const { data, response } = await (mode === "streamed"
      ? messages.stream(PARAMS).withResponse()
      : messages.create(PARAMS).withResponse());
    const message = "finalMessage" in data ? await data.finalMessage() : data;
    expect(message.content).toEqual([{ type: "text", text: "fine", citations: null }]);
    expect(upstream.refusals()).toEqual([]);
    return {
      attempts: Number(response.headers.get("x-ag-attempts")),
      account: response.headers.get("x-ag-account"),
      calls: upstream.calls().length,
    };
  }

  for (const mode of MODES) {
    for (const { name, answers, attempts, calls } of UNSEEN_IN_PLACE) {
      test(`${name} is overcome in place, ${mode}`, async () => {
        shared.upstream.script([...answers, "fine"]);
        expect(await expectServed(mode, shared)).toEqual({ attempts, account: "a1", calls });
      });
    }

    for (const { name, answers, attempts, calls } of UNSEEN_BY_SWITCH) {
      test(`${name} is overcome on the next account, ${mode}`, async () => {
        await using bench = await startBench({ accounts: TWO_ACCOUNTS });
        bench.upstream.script([...answers, "fine"]);
        expect(await expectServed(mode, bench)).toEqual({ attempts, account: "a2", calls });
        const [first, second] = TWO_ACCOUNTS;
        expect(bench.upstream.calls().at(0)?.account).toBe(first?.email);
        expect(bench.upstream.calls().at(-1)?.account).toBe(second?.email);
      });
    }
  }

  test("a refused access token costs one refresh", async () => {
    await using bench = await startBench();
    const [owner] = bench.upstream.world.accounts;
    await ask("whole", bench.anthropic());
    bench.upstream.world.expireAccessTokens();
    await ask("whole", bench.anthropic());
    expect(bench.upstream.world.refreshes.get(owner?.email ?? "")).toBe(2);
    expect(bench.upstream.calls().map(({ status }) => status)).toEqual([200, 401, 200]);
  });

  test("a disabled account's request is not spread over the owner's other accounts", async () => {
    await using bench = await startBench({ accounts: TWO_ACCOUNTS });
    bench.upstream.script(TROUBLES["an account that is disabled"]);
    expect(await failureOf(ask("whole", bench.anthropic()))).toBeInstanceOf(Anthropic.ServiceUnavailableError);
    expect(bench.upstream.calls()).toHaveLength(1);
    await ask("whole", bench.anthropic());
    expect(bench.upstream.calls().map(({ account }) => account)).toEqual(TWO_ACCOUNTS.map(({ email }) => email));
  });
});

describe("an answer that breaks off is never a finished one", () => {
  for (const { name, answer } of BROKEN_ANSWERS) {
    test(`streamed by the helper: ${name}`, async () => {
      const heard = Promise.withResolvers<void>();
      shared.upstream.next(answer(heard.promise));
      let said = "";
      const stream = shared.anthropic().messages.stream(PARAMS);
      stream.on("text", (delta) => {
        said += delta;
        heard.resolve();
      });
      const error = await failureOf(stream.finalMessage());
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ type: "api_error", requestID: expect.stringMatching(/^req_/) });
      expect(said).toBe(BROKEN_BEGINNING);
    });

    test(`streamed as events: ${name}`, async () => {
      const heard = Promise.withResolvers<void>();
      shared.upstream.next(answer(heard.promise));
      const types: string[] = [];
      const events = await shared.anthropic().messages.create({ ...PARAMS, stream: true });
      const reading = (async () => {
        for await (const { type } of events) {
          types.push(type);
          if (type === "content_block_delta") heard.resolve();
        }
      })();
      expect(await failureOf(reading)).toBeInstanceOf(Anthropic.APIError);
      expect(types).toContain("content_block_delta");
      expect(types).not.toContain("message_stop");
    });

    test(`whole: ${name}`, async () => {
      shared.upstream.always(answer(Promise.resolve()));
      const error = await failureOf(ask("whole", shared.anthropic()));
      expect(error).toBeInstanceOf(Anthropic.InternalServerError);
      expect(error).toMatchObject({ status: 502, type: "api_error" });
    });
  }
});

describe("a client that goes away", () => {
  /** Upstream saw the connection close, and the account serves the next request as if nothing had happened. */
  async function expectFree() {
    const { upstream, anthropic, url } = shared;
    const entry = await upstream.call(1);
    await entry.ended;
    expect(entry.closedByClient).toBe(true);
    const { response } = await anthropic().messages.create(PARAMS).withResponse();
    expect(response.headers.get("x-ag-attempts")).toBe("1");
    expect(response.headers.get("x-ag-account")).toBe("a1");
    const health: unknown = await (await fetch(`${url()}/health`)).json();
    expect(health).toMatchObject({ status: "ok", accounts: { usable: 1, cooling: 0 } });
  }

  test("in the middle of a stream ends upstream's answer", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    const stream = shared.anthropic().messages.stream(PARAMS);
    stream.on("text", () => stream.abort());
    expect(await failureOf(stream.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError);
    await expectFree();
  });

  test("by leaving the loop over the events ends upstream's answer", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    for await (const event of await shared.anthropic().messages.create({ ...PARAMS, stream: true })) {
      if (event.type === "content_block_delta") break;
    }
    await expectFree();
  });

  for (const mode of MODES) {
    for (const headers of ["held", "sent"] as const) {
      test(`while upstream is silent (headers ${headers}) ends the request, ${mode}`, async () => {
        shared.upstream.next(silent({ headers }));
        const controller = new AbortController();
        const failed = failureOf(ask(mode, shared.anthropic(), {}, { signal: controller.signal }));
        await shared.upstream.call(1);
        controller.abort();
        expect(await failed).toBeInstanceOf(Anthropic.APIUserAbortError);
        await expectFree();
      });
    }
  }

  test("in the middle of a whole answer ends it", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    const controller = new AbortController();
    const failed = failureOf(ask("whole", shared.anthropic(), {}, { signal: controller.signal }));
    await shared.upstream.call(1);
    controller.abort();
    expect(await failed).toBeInstanceOf(Anthropic.APIUserAbortError);
    await expectFree();
  });
});
