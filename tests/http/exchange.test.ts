import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { Caller } from "../../src/core/keys.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import { createExchanges } from "../../src/http/exchange.ts";
import { fakeClock } from "../support/clock.ts";
import { everybody } from "./support.ts";

function setup(maxConcurrent = 2) {
  const clock = fakeClock();
  const finished: RequestRecord[] = [];
  let ids = 0;
  const newRequestId = () => `req_${++ids}`;
  const exchanges = createExchanges({
    clock,
    newRequestId,
    maxConcurrent,
    onFinished: (record) => finished.push(record),
  });
  const open = (signal = new AbortController().signal) =>
    exchanges.open(new Request("http://localhost/v1/messages", { signal }), "POST /v1/messages");
  return { clock, finished, exchanges, open };
}

const thrownBy = (work: () => void): GatewayError | undefined => {
  try {
    work();
    return undefined;
  } catch (cause) {
    return cause instanceof GatewayError ? cause : undefined;
  }
};

describe("requests for models at the same time", () => {
  test("beyond the bound they are refused at once, and told when to come back", () => {
    const { open, exchanges } = setup(2);
    const first = open();
    first.occupy(everybody);
    open().occupy(everybody);
    const refusal = thrownBy(() => open().occupy(everybody));
    expect([refusal?.kind, refusal?.detail.retryAfterMs, exchanges.running]).toEqual(["busy", 2000, 2]);
    first.finish(200);
    expect(exchanges.running).toBe(1);
    expect(thrownBy(() => open().occupy(everybody))).toBeUndefined();
  });

  test("a limit of the key is counted until the reply has ended, once", () => {
    let held = 0;
    const caller: Caller = { ...everybody, begin: () => (held++, { [Symbol.dispose]: () => void held-- }) };
    const exchange = setup().open();
    exchange.occupy(caller);
    expect(held).toBe(1);
    exchange.finish(200);
    exchange.finish(200);
    expect(held).toBe(0);
  });

  test("a key that is over its limit takes no place", () => {
    const { open, exchanges } = setup();
    const caller: Caller = {
      ...everybody,
      begin() {
        throw new GatewayError("key-limited", "5 a minute");
      },
    };
    expect(thrownBy(() => open().occupy(caller))?.kind).toBe("key-limited");
    expect(exchanges.running).toBe(0);
  });
});

describe("when the gateway is stopped", () => {
  test("new requests are refused, and those that run are told why they are ended", async () => {
    const { open, exchanges } = setup();
    const exchange = open();
    exchange.occupy(everybody);
    exchanges.close();
    expect(thrownBy(() => open().occupy(everybody))?.kind).toBe("busy");
    exchanges.abortAll();
    expect(exchange.abort.signal.reason).toBeInstanceOf(GatewayError);
    const idle = exchanges.idle();
    exchange.finish(200, exchange.abort.signal.reason as GatewayError);
    await idle;
    expect(exchanges.running).toBe(0);
  });

  test("what does not end is taken for ended, so that it has a record", () => {
    const { open, exchanges, finished } = setup();
    const [silent, streaming] = [open(), open()];
    for (const exchange of [silent, streaming]) exchange.occupy(everybody);
    streaming.isOpen = true;
    exchanges.giveUp();
    expect(finished).toMatchObject([
      { status: 0, outcome: "busy" },
      { status: 200, outcome: "busy" },
    ]);
    expect(exchanges.running).toBe(0);
  });

  test("nobody waits for a gateway that does nothing", async () => {
    await setup().exchanges.idle();
  });
});

describe("what is recorded", () => {
  test("each request once, with how long it took", async () => {
    const { open, finished, clock } = setup();
    const exchange = open();
    await clock.advance(1500);
    exchange.finish(200);
    exchange.finish(500, new GatewayError("internal", "too late"));
    expect(finished).toMatchObject([
      { id: "req_1", route: "POST /v1/messages", status: 200, outcome: "ok", totalMs: 1500 },
    ]);
  });

  test("a client that left is no failure; its reply has no status when none was sent", () => {
    const { open, finished } = setup();
    open().finish(0, new GatewayError("cancelled", "gone"));
    expect(finished).toMatchObject([{ status: 0, outcome: "client-closed" }]);
  });

  test("what upstream says about a request is left out: it may quote the prompt", () => {
    const { open, finished } = setup();
    open().finish(400, new GatewayError("invalid-request", "bad: my secret plan", { upstreamStatus: 400 }));
    open().finish(400, new GatewayError("invalid-request", "model: must be a text"));
    expect(finished.map(({ reason }) => reason)).toEqual(["upstream answered 400", "model: must be a text"]);
  });
});

test("what looks like a key or an e-mail address is recorded nowhere", () => {
  const secrets = ["sk-ag-test-misplaced-key", "owner@example.com"];
  for (const secret of secrets) {
    const { exchanges, finished } = setup();
    const exchange = exchanges.open(new Request("http://localhost/"), `GET /${secret}/models`);
    exchange.trace.model = `models/${secret}`;
    exchange.trace.losses.push({ field: `metadata.${secret}`, why: "this field is not known" });
    exchange.finish(404, new GatewayError("unknown-model", `There is no model "${secret}"`));
    expect(finished).toHaveLength(1);
    expect(JSON.stringify(finished)).not.toContain(secret);
  }
});

test("a client that leaves ends its request", () => {
  const { open } = setup();
  const client = new AbortController();
  const exchange = open(client.signal);
  client.abort();
  expect(exchange.abort.signal.aborted).toBe(true);
  const gone = open(AbortSignal.abort());
  expect(gone.abort.signal.aborted).toBe(true);
});
