import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Heard } from "../support/clients.ts";
import { briskClock } from "../support/clock.ts";
import {
  type Answer,
  type AnswerContext,
  call,
  type CloudCodeServer,
  startCloudCode,
  text,
  thinking,
  turn,
} from "../support/cloudcode/index.ts";
import { completionsClient } from "../support/completions-client.ts";
import { type AnyClient, EVERY_PATH, pathOf } from "../support/every-client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const AT_ONCE = 24;
/** Whole replies hide where they were cut; every so many bytes are enough for them. */
const WHOLE_STRIDE = 5;

/** A thousand requests, on a machine that has other things to do. */
const MANY_REQUESTS_MS = 60_000;

const SPOKEN = [thinking("Hm 👩‍👩‍👧."), text("Grüße")];
const ANSWERS = { calling: [...SPOKEN, call("look", { at: "é" })], speaking: SPOKEN };
/** Every byte of an answer is a request: it is kept short. */
const SHORT = { finishWithLast: true } as const;

let upstream: CloudCodeServer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startCloudCode();
  const config = { scheduling: { maxConcurrentPerAccount: AT_ONCE, maxQueued: 1_000 } };
  gateway = await startGateway(upstream, { clock: briskClock(), config });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});
beforeEach(() => upstream.reset());

async function ask(client: AnyClient, stream: boolean, said: string) {
  const body = JSON.stringify(client.request("shown", { stream })).replace('"Hello"', JSON.stringify(said));
  const reply = await fetch(gateway.url + pathOf(client, stream), { method: "POST", body });
  return { status: reply.status, attempts: Number(reply.headers.get("x-ag-attempts")), text: await reply.text() };
}

/** Work on each number below `end`, some at a time. */
async function forEach(end: number, stride: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let number = next; number < end; number = next) {
      next += stride;
      await work(number);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The answer whole, but cut where the prompt says so when it is given for the first time. */
function cutOnce(steps: typeof SPOKEN): Answer {
  const seen = new Set<string>();
  return (context) => {
    const said = promptOf(context);
    const cutAfterBytes = Number(/ \d+$/.exec(said)?.[0] ?? NaN);
    if (seen.has(said) || Number.isNaN(cutAfterBytes)) return turn(steps, SHORT)(context);
    seen.add(said);
    return turn(steps, { ...SHORT, cutAfterBytes })(context);
  };
}

function promptOf({ body }: AnswerContext): string {
  return body.request?.contents?.at(-1)?.parts?.at(-1)?.text ?? "";
}

/** How long the answer is on the wire. */
function bytesOf(answer: Answer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  upstream.next((context) => {
    const reply = answer(context);
    resolve(reply.pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : 0), 0));
    return reply;
  });
  return promise;
}

describe.each(EVERY_PATH)("%s", (_, client) => {
  const steps = client === completionsClient ? ANSWERS.speaking : ANSWERS.calling;
  let length = 0;
  let streamed: Heard;
  let whole: Heard;

  beforeAll(async () => {
    const measured = bytesOf(turn(steps, SHORT));
    upstream.always(turn(steps, SHORT));
    streamed = (await client.readStream(sse((await ask(client, true, "Hello")).text))).heard;
    whole = (await client.readWhole(json((await ask(client, false, "Hello")).text))).heard;
    length = await measured;
  });

  test(
    "a stream cut after any number of bytes is retried unseen, or ends with an error and never like a finished one",
    async () => {
      upstream.always(cutOnce(steps));
      const ends = { retried: 0, failed: 0 };
      await forEach(length, 1, async (bytes) => {
        const reply = await ask(client, true, `Hello ${bytes}`);
        expect([bytes, reply.status]).toEqual([bytes, 200]);
        if (client.terminator.test(reply.text)) {
          client.checkOrder(reply.text, "complete");
          const { heard } = await client.readStream(sse(reply.text));
          expect(alike(heard)).toEqual(alike(streamed));
          ends.retried++;
        } else {
          client.checkOrder(reply.text, "failed");
          ends.failed++;
        }
      });
      expect(ends.retried + ends.failed).toBe(length);
      expect(Math.min(ends.retried, ends.failed)).toBeGreaterThan(50);
      expect(upstream.refusals()).toEqual([]);
    },
    MANY_REQUESTS_MS,
  );

  test(
    "a whole reply comes whole wherever upstream's answer was cut the first time",
    async () => {
      upstream.always(cutOnce(steps));
      await forEach(length, WHOLE_STRIDE, async (bytes) => {
        const reply = await ask(client, false, `Hello ${bytes}`);
        expect([bytes, reply.status]).toEqual([bytes, 200]);
        expect(alike((await client.readWhole(json(reply.text))).heard)).toEqual(alike(whole));
      });
    },
    MANY_REQUESTS_MS,
  );
});

/** Ids and counts of the prompt differ from request to request. */
function alike({ text: said, thinking: thought, calls, reason }: Heard) {
  return { said, thought, reason, calls: calls.map(({ name, args }) => ({ name, args })) };
}

function sse(text: string): Response {
  return new Response(text, { headers: { "content-type": "text/event-stream" } });
}

function json(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}
