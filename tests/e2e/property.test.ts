import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asGatewayError, type GatewayError } from "../../src/core/errors.ts";
import { turnCollector, type Turn, type TurnEvent } from "../../src/core/turn.ts";
import { readAnswer } from "../../src/gemini-wire/answer.ts";
import type { DecoderDeps } from "../../src/gemini-wire/decode.ts";
import type { Batches } from "../../src/http/inference.ts";
import { askRoute } from "../http/support.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { arbitraryAnswer, arbitrarySplit, type Said } from "../support/arbitrary-answer.ts";
import { chatClient, type Client, type Heard, messagesClient } from "../support/clients.ts";
import { briskClock, fakeClock } from "../support/clock.ts";
import { type CloudCodeServer, raw, startCloudCode, turn } from "../support/cloudcode/index.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { answerFixture, answerFixtures, assertWellFormed, sseBody } from "../support/turn.ts";

const CLIENTS = [messagesClient, chatClient, responsesClient, geminiClient];
const never = new AbortController().signal;

const utf8 = new TextEncoder();

/** Ids are the same in every decoding of one answer, so that replies can be compared whole. */
function decoderDeps(mayEndSilently: boolean): DecoderDeps {
  let calls = 0;
  return {
    newCallId: () => `call_${String(++calls).padStart(24, "0")}`,
    tools: { restore: (name, args) => ({ name, args }) },
    mayEndSilently,
    now: () => 0,
  };
}

/** The body in chunks of these sizes, over and over; then its end, or an error in the place of it. */
function chunked(body: Uint8Array, sizes: readonly number[], failure?: Error): ReadableStream<Uint8Array> {
  let offset = 0;
  let number = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= body.length) return failure ? controller.error(failure) : controller.close();
      const size = sizes[number++ % sizes.length] ?? body.length;
      controller.enqueue(body.subarray(offset, offset + size));
      offset += size;
    },
  });
}

interface Decoded {
  batches: (readonly TurnEvent[])[];
  error?: GatewayError;
}

async function decode(body: ReadableStream<Uint8Array>, mayEndSilently = false): Promise<Decoded> {
  const batches: (readonly TurnEvent[])[] = [];
  try {
    for await (const batch of readAnswer(body, decoderDeps(mayEndSilently), never)) batches.push(batch);
    return { batches };
  } catch (cause) {
    return { batches, error: asGatewayError(cause) };
  }
}

function turnOf({ batches }: Decoded): Turn {
  const collector = turnCollector();
  for (const batch of batches) collector.push(batch);
  return collector.turn();
}

/** What the events say, also those of a turn that fails. */
function spoken({ batches }: Decoded): Said {
  const said: Said = { text: "", thinking: "", calls: [] };
  let open: "text" | "thinking" = "text";
  for (const event of batches.flat()) {
    if (event.type === "block-delta") said[open] += event.text;
    if (event.type !== "block-start") continue;
    const { head } = event;
    if (head.kind === "text" || head.kind === "thinking") open = head.kind;
    if (head.kind === "media") said.text += `![image](data:${head.mimeType};base64,${head.data})`;
    if (head.kind === "tool") said.calls.push({ name: head.name, args: head.args });
  }
  return said;
}

let ids = 0;

/** One request through everything but accounts and sockets: parser, decoder, encoder, reply. */
function ask(client: Client, stream: boolean, thinking: "shown" | "hidden", batches: (signal: AbortSignal) => Batches) {
  const { protocol } = client;
  const body = JSON.stringify(client.request(thinking, { stream }));
  const address = client.address?.(stream);
  const route = { protocol, ...(address && { address }) };
  return askRoute(new Request("http://gateway.test/", { method: "POST", body }), route, {
    run: (_call, _strict, _trace, abort) => batches(abort.signal),
    clock: fakeClock(),
    newId: () => String(++ids).padStart(24, "0"),
    strict: false,
    maxBodyBytes: 10_000,
    keepAliveMs: 10_000,
    onFailure: () => {},
  });
}

/** A reply that the SDK has read without complaint, streamed and whole the same; `undefined` when both are errors. */
async function heardBy(client: Client, send: (stream: boolean) => Promise<Response>): Promise<Heard | undefined> {
  const streamed = await send(true);
  const whole = await send(false);
  if (!whole.ok) {
    client.checkError(await whole.clone().json());
    await expect(client.readWhole(whole)).rejects.toMatchObject({ status: whole.status });
    await expectFailedStream(client, streamed);
    return undefined;
  }
  expect(streamed.status).toBe(200);
  const frames = await streamed.text();
  client.checkOrder(frames, "complete");
  const reading = await client.readStream(new Response(frames, streamed));
  expect(reading.exact).toEqual((await client.readWhole(whole)).exact);
  return reading.heard;
}

async function expectFailedStream(client: Client, streamed: Response): Promise<void> {
  const body = await streamed.text();
  if (streamed.ok) client.checkOrder(body, "failed");
  else client.checkError(JSON.parse(body));
  const reading = client.readStream(new Response(body, streamed));
  await expect(reading).rejects.toThrow();
}

/** The same content in JSON, where -0 and 0 are one and ids are not compared. */
function content({ text, thinking, calls }: Said | Heard): JsonObject {
  const bare = calls.map(({ name, args }) => ({ name, args }));
  return JSON.parse(JSON.stringify({ text, thinking, calls: bare }));
}

describe("any answer in any pieces", () => {
  let upstream: CloudCodeServer;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startCloudCode();
    gateway = await startGateway(upstream, { clock: briskClock() });
  });

  afterAll(async () => {
    await gateway?.stop();
    await upstream?.stop();
  });

  function post({ path, streamPath = path }: Client, request: JsonObject, stream: boolean): Promise<Response> {
    return fetch(gateway.url + (stream ? streamPath : path), { method: "POST", body: JSON.stringify(request) });
  }

  test("is heard as it was said: streamed and whole, in every protocol, by the official clients", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryAnswer,
        arbitrarySplit,
        fc.constantFrom("shown", "hidden"),
        async ({ body, said, reason, mayEndSilently }, split, thinking) => {
          const bytes = utf8.encode(body);
          const decoded = await decode(chunked(bytes, split), mayEndSilently);
          assertWellFormed(decoded.batches.flat(), { complete: reason !== undefined });
          expect(decoded.error === undefined).toBe(reason !== undefined);
          // A failure comes after all that was said, and before anything when nothing was.
          if (decoded.batches.length > 0) expect(content(spoken(decoded))).toEqual(content(said));
          const inOne = await decode(chunked(bytes, [bytes.length]), mayEndSilently);
          if (reason !== undefined) expect(turnOf(decoded)).toEqual(turnOf(inOne));
          else expect(spoken(decoded)).toEqual(spoken(inOne));

          const [message, ...others] = await Promise.all(
            CLIENTS.map((client) =>
              heardBy(client, (stream) =>
                ask(client, stream, thinking, (signal) =>
                  readAnswer(chunked(bytes, split), decoderDeps(mayEndSilently), signal),
                ),
              ),
            ),
          );
          for (const other of others) expect(other).toEqual(message);
          expect(message?.reason).toBe(reason);
          if (message === undefined) return;
          expect(content(message)).toEqual(content(thinking === "shown" ? said : { ...said, thinking: "" }));
          expect(new Set(message.calls.map(({ id }) => id)).size).toBe(said.calls.length);
        },
      ),
      { seed: 20_260_101, numRuns: 200 },
    );
  });

  test("is heard the same through sockets, accounts and the strict server", async () => {
    // What begins with nothing would be asked for again; what is cut is the next file's matter.
    const complete = arbitraryAnswer.filter(({ reason, said }) => reason !== undefined && said.text.trim() !== "");
    // A server that sends byte by byte waits for its socket each time.
    const split = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(complete, split, async ({ body, said, reason }, sizes) => {
        upstream.reset();
        upstream.always(turn(raw(body), { finishReason: null, usage: false, split: sizes }));
        for (const client of CLIENTS) {
          const heard = await heardBy(client, (stream) => post(client, client.request("shown", { stream }), stream));
          expect(heard?.reason).toBe(reason);
          if (heard) expect(content(heard)).toEqual(content(said));
          for (const { id } of heard?.calls ?? []) expect(id).toMatch(/^call_[A-Za-z0-9_-]{24}$/);
        }
        expect(upstream.refusals()).toEqual([]);
      }),
      { seed: 20_260_102, numRuns: 40 },
    );
  });
});

describe("an answer that is cut", () => {
  // A blocked prompt is a whole answer as soon as that was said, and a silent one has nothing to lose.
  const complete = arbitraryAnswer.filter(({ reason, body, said: { text, thinking, calls } }) => {
    const saysSomething = text.trim() !== "" || thinking.trim() !== "" || calls.length > 0;
    return reason !== undefined && saysSomething && !body.includes("blockReason");
  });
  const drawn = fc.sample(
    complete.filter(({ body }) => body.length < 2_000),
    { seed: 20_260_103, numRuns: 20 },
  );
  const recorded = answerFixtures.map((name) => sseBody(answerFixture(name)));
  const bodies = [...recorded, ...drawn.map(({ body }) => body)].map((body) => utf8.encode(body));

  test("at any byte never looks complete, unless all of it had been delivered", async () => {
    let cut = 0;
    for (const bytes of bodies) {
      const all = turnOf(await decode(chunked(bytes, [bytes.length])));
      for (let length = 0; length < bytes.length; length++) {
        const decoded = await decode(chunked(bytes.subarray(0, length), [bytes.length]));
        if (decoded.error) {
          cut++;
          expectUnfinished(decoded);
        } else {
          const { blocks, reason } = turnOf(decoded);
          expect({ blocks, reason }).toEqual({ blocks: all.blocks, reason: all.reason });
        }
      }
    }
    expect(cut).toBeGreaterThan(20_000);
  });

  test("by a broken connection never looks complete", async () => {
    for (const bytes of bodies) {
      for (let length = 0; length <= bytes.length; length += 7) {
        const broken = chunked(bytes.subarray(0, length), [bytes.length], new Error("ECONNRESET"));
        const decoded = await decode(broken);
        expect(decoded.error?.kind).toBe("unavailable");
        expectUnfinished(decoded);
      }
    }
  });

  const replies = CLIENTS.map(({ protocol, request, address, terminator }) => {
    const body = request("shown", { stream: true });
    const call = { body, headers: new Headers(), ...(address && { address: address(true) }) };
    return { terminator, reply: protocol.parse(call).reply };
  });

  /** What every protocol sends of it: the beginning of an answer, then an error, and no terminator. */
  function expectUnfinished({ batches, error }: Decoded): void {
    if (error === undefined) throw new Error("it was not cut");
    for (const { reply, terminator } of replies) {
      const encoder = reply.stream({ model: "m", createdAt: 0, newId: () => "1" });
      const frames = batches.map((batch) => encoder.push(batch)).join("") + encoder.fail(error);
      expect(frames).not.toMatch(terminator);
      // A comment may follow: one of the clients needs something to stumble over.
      expect(frames).toMatch(/(?:^|\n)data: [^\n]*"error":\{[^\n]*\n\n(?::[^\n]*\n\n)?$/);
    }
  }
});
