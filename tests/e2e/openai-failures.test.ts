import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
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

const PARAMS = { model: CLAUDE, messages: [{ role: "user" as const, content: "hi" }] };

type Params = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "stream">;

function ask(mode: Mode, client: OpenAI, over: Partial<Params> = {}, options: OpenAI.RequestOptions = {}) {
  const params = { ...PARAMS, ...over };
  return mode === "streamed"
    ? client.chat.completions.stream(params, options).finalChatCompletion()
    : client.chat.completions.create(params, options);
}

interface Told {
  as: abstract new (...input: never[]) => Error;
  status: number;
  code: string | null;
  message?: string;
  retryAfter?: string;
  contains?: string;
}

const SERVER = OpenAI.InternalServerError;

/** How each trouble reaches a client. Trouble with an account is never 401 or 403: clients answer those by logging out. */
const TOLD: Record<Trouble, Told> = {
  "an argument that upstream refuses": { as: OpenAI.BadRequestError, status: 400, code: null },
  "a prompt that is too long": {
    as: OpenAI.BadRequestError,
    status: 400,
    code: "context_length_exceeded",
    message: "prompt is too long: 1200000 tokens > 1048576 maximum",
  },
  "a model that the account lacks": {
    as: OpenAI.NotFoundError,
    status: 404,
    code: "model_not_found",
  },
  "a rate limit": { as: OpenAI.RateLimitError, status: 429, code: "rate_limit_exceeded", retryAfter: "45" },
  "a used-up quota": { as: OpenAI.RateLimitError, status: 429, code: "insufficient_quota", retryAfter: "8486" },
  "a server that stays without capacity": { as: SERVER, status: 503, code: "overloaded", retryAfter: "9" },
  "a server that stays broken": { as: SERVER, status: 502, code: "upstream_unavailable" },
  "answers that stay empty": { as: SERVER, status: 502, code: "upstream_unavailable" },
  "tool calls that stay malformed": { as: SERVER, status: 502, code: "malformed_answer" },
  "an access token that is refused twice": { as: SERVER, status: 503, code: "account_unavailable" },
  "an account to be verified": {
    as: SERVER,
    status: 503,
    code: "account_unavailable",
    contains: "https://accounts.google.com/signin/",
  },
  "an account that is disabled": {
    as: SERVER,
    status: 503,
    code: "account_unavailable",
    contains: "https://support.google.com/accounts/contact/appeal",
  },
  "an account without permission": { as: SERVER, status: 503, code: "account_unavailable", retryAfter: "1800" },
  "a location that is not served": { as: SERVER, status: 503, code: "region_blocked" },
};

describe("upstream's trouble is typed", () => {
  for (const [trouble, told] of Object.entries(TOLD)) {
    for (const mode of MODES) {
      test(`${trouble}: ${told.status} ${told.code}, ${mode}`, async () => {
        await using bench = await startBench({ config: NO_WAITING });
        if (isTrouble(trouble)) bench.upstream.script(TROUBLES[trouble]);
        const error = await failureOf(ask(mode, bench.openai()));
        expect(error).toBeInstanceOf(told.as);
        if (!(error instanceof OpenAI.APIError)) return;
        expect({ status: error.status, code: error.code }).toEqual({ status: told.status, code: told.code });
        expect(error.headers?.get("retry-after") ?? undefined).toBe(told.retryAfter);
        expect(error.requestID).toBe(error.headers?.get("x-ag-request-id"));
        expect(error.headers?.get("x-ag-attempts")).toBe(String(bench.upstream.calls().length));
        if (told.message !== undefined) expect(error.error).toMatchObject({ message: told.message });
        if (told.contains !== undefined) expect(error.message).toContain(told.contains);
        expect(JSON.stringify(error.error)).not.toMatch(SECRETS);
        expect(bench.upstream.unused()).toBe(0);
      });
    }
  }
});

describe("the gateway's own refusals are typed", () => {
  test("an unknown model is a NotFoundError with the nearest names", async () => {
    for (const mode of MODES) {
      const error = await failureOf(ask(mode, shared.openai(), { model: "gemini-3-falsh" }));
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ code: "model_not_found", message: expect.stringContaining(GEMINI_3) });
    }
    expect(shared.upstream.calls()).toEqual([]);
  });

  test("a malformed request is a BadRequestError that names the field", async () => {
    const remote = { type: "image_url" as const, image_url: { url: "https://example.test/cat.png" } };
    const error = await failureOf(ask("whole", shared.openai(), { messages: [{ role: "user", content: [remote] }] }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: "messages[0].content[0].image_url.url" });
    expect(shared.upstream.calls()).toEqual([]);
  });

  test("in strict mode a field that would be lost is a BadRequestError that names it", async () => {
    const client = shared.openai({ defaultHeaders: { "x-ag-strict": "1" } });
    const error = await failureOf(ask("streamed", client, { logit_bias: { "50256": -100 } }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: "logit_bias" });
  });

  test("in strict mode what only the chosen model cannot honour is named as the client wrote it", async () => {
    const client = shared.openai({ defaultHeaders: { "x-ag-strict": "1" } });
    const error = await failureOf(ask("streamed", client, { stop: ["a", "b", "c", "d", "e", "f"] }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: "stop", message: expect.stringContaining("stop: only the first") });
  });

  test("a missing or wrong key is an AuthenticationError, the right one is let in", async () => {
    await using bench = await startBench({ env: { AG_API_KEY: "sk-ag-test-key" } });
    const wrong = { apiKey: "sk-ag-test-other" };
    expect(await failureOf(ask("streamed", bench.openai(wrong)))).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(await failureOf(bench.openai(wrong).models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
    const completion = await ask("whole", bench.openai({ apiKey: "sk-ag-test-key" }));
    expect(completion.choices[0]?.finish_reason).toBe("stop");
  });

  test("without accounts, and with upstream out of reach, the server is at fault", async () => {
    await using empty = await startBench({ accounts: [] });
    const error = await failureOf(ask("whole", empty.openai()));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining("ag accounts add") });

    await using bench = await startBench();
    await bench.upstream.stop();
    for (const mode of MODES) {
      expect(await failureOf(ask(mode, bench.openai()))).toBeInstanceOf(OpenAI.InternalServerError);
    }
  });

  test("an account that is cooling is not asked again", async () => {
    await using bench = await startBench({ config: NO_WAITING });
    bench.upstream.next(TROUBLES["a rate limit"][0] ?? "");
    await failureOf(ask("whole", bench.openai()));
    const error = await failureOf(ask("streamed", bench.openai()));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(bench.upstream.calls()).toHaveLength(1);
  });
});

describe("trouble before the first words stays unseen", () => {
  async function expectServed(mode: Mode, { upstream, openai }: Bench) {
    const { completions } = openai().chat;
    const { data, response } = await (mode === "streamed"
      ? completions.create({ ...PARAMS, stream: true }).withResponse()
      : completions.create(PARAMS).withResponse());
    let said = "";
    if ("choices" in data) said = data.choices[0]?.message.content ?? "";
    else for await (const { choices } of data) said += choices[0]?.delta.content ?? "";
    expect(said).toBe("fine");
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
});

describe("an answer that breaks off is never a finished one", () => {
  for (const { name, answer } of BROKEN_ANSWERS) {
    test(`streamed by the helper: ${name}`, async () => {
      const heard = Promise.withResolvers<void>();
      shared.upstream.next(answer(heard.promise));
      let said = "";
      const stream = shared.openai().chat.completions.stream(PARAMS);
      stream.on("content", (delta) => {
        said += delta;
        heard.resolve();
      });
      const error = await failureOf(stream.finalChatCompletion());
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ code: "upstream_unavailable", requestID: expect.stringMatching(/^req_/) });
      expect(said).toBe(BROKEN_BEGINNING);
    });

    test(`streamed as events: ${name}`, async () => {
      const heard = Promise.withResolvers<void>();
      shared.upstream.next(answer(heard.promise));
      let said = "";
      const reasons: string[] = [];
      const chunks = await shared.openai().chat.completions.create({ ...PARAMS, stream: true });
      const reading = (async () => {
        for await (const { choices } of chunks) {
          said += choices[0]?.delta.content ?? "";
          if (said !== "") heard.resolve();
          if (choices[0]?.finish_reason) reasons.push(choices[0].finish_reason);
        }
      })();
      expect(await failureOf(reading)).toBeInstanceOf(OpenAI.APIError);
      expect({ said, reasons }).toEqual({ said: BROKEN_BEGINNING, reasons: [] });
    });

    test(`whole: ${name}`, async () => {
      shared.upstream.always(answer(Promise.resolve()));
      const error = await failureOf(ask("whole", shared.openai()));
      expect(error).toBeInstanceOf(OpenAI.InternalServerError);
      expect(error).toMatchObject({ status: 502, code: "upstream_unavailable" });
    });
  }
});

describe("a client that goes away", () => {
  /** Upstream saw the connection close, and the account serves the next request as if nothing had happened. */
  async function expectFree() {
    const { upstream, openai, url } = shared;
    const entry = await upstream.call(1);
    await entry.ended;
    expect(entry.closedByClient).toBe(true);
    const { response } = await openai().chat.completions.create(PARAMS).withResponse();
    expect(response.headers.get("x-ag-attempts")).toBe("1");
    expect(response.headers.get("x-ag-account")).toBe("a1");
    const health: unknown = await (await fetch(`${url()}/health`)).json();
    expect(health).toMatchObject({ status: "ok", accounts: { usable: 1, cooling: 0 } });
  }

  test("in the middle of a stream ends upstream's answer", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    const stream = shared.openai().chat.completions.stream(PARAMS);
    stream.on("content", () => stream.abort());
    expect(await failureOf(stream.finalChatCompletion())).toBeInstanceOf(OpenAI.APIUserAbortError);
    await expectFree();
  });

  test("by leaving the loop over the events ends upstream's answer", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    for await (const { choices } of await shared.openai().chat.completions.create({ ...PARAMS, stream: true })) {
      if (choices[0]?.delta.content) break;
    }
    await expectFree();
  });

  for (const mode of MODES) {
    for (const headers of ["held", "sent"] as const) {
      test(`while upstream is silent (headers ${headers}) ends the request, ${mode}`, async () => {
        shared.upstream.next(silent({ headers }));
        const controller = new AbortController();
        const failed = failureOf(ask(mode, shared.openai(), {}, { signal: controller.signal }));
        await shared.upstream.call(1);
        controller.abort();
        expect(await failed).toBeInstanceOf(OpenAI.APIUserAbortError);
        await expectFree();
      });
    }
  }

  test("in the middle of a whole answer ends it", async () => {
    const gates = [gate(), gate()];
    shared.upstream.next(pacedText("one two", gates));
    gates[0]?.open();
    const controller = new AbortController();
    const failed = failureOf(ask("whole", shared.openai(), {}, { signal: controller.signal }));
    await shared.upstream.call(1);
    controller.abort();
    expect(await failed).toBeInstanceOf(OpenAI.APIUserAbortError);
    await expectFree();
  });
});
