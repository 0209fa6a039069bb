import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { chatClient, type Client, messagesClient } from "../support/clients.ts";
import {
  type Answer,
  type CloudCodeServer,
  failure,
  gate,
  type Gate,
  pause,
  silent,
  startCloudCode,
  text,
  turn,
} from "../support/cloudcode/index.ts";
import { GPT_OSS } from "../support/cloudcode/samples.ts";
import { BINARY, startGateway, type TestGateway } from "../support/gateway.ts";
import { openRequest, type RawClient } from "../support/raw-http.ts";
import { startScene, until } from "./support/scene.ts";

/** Requests that the gateway answers at once; its one account has one slot. */
const AT_ONCE = 3;

/** How a client's program or machine can end a connection. */
const WAYS: Record<string, (socket: Socket) => void> = {
  "closes the connection": (socket) => socket.destroy(),
  "resets it": (socket) => socket.resetAndDestroy(),
  "closes its half of it": (socket) => socket.end(),
};

/** Until what was written to loopback has surely been read; a compiled gateway has an event loop of its own. */
const arrival = () => (BINARY === undefined ? until(() => true, 100) : Bun.sleep(500));

const never = pause(new Promise(() => {}));

interface State {
  answer?: Answer;
  /** Clients that leave. */
  leaving: number;
  /** The account's slot is taken by somebody else, who stays. */
  behind?: true;
  /** How many bytes of their bodies the clients have sent. */
  sentBytes?: number;
  /** What is there when a streaming client leaves. */
  heard?: RegExp;
}

const STATES: Record<string, State> = {
  "its body is still on the way": { leaving: AT_ONCE, sentBytes: 20 },
  "it stands in line for a slot": { leaving: AT_ONCE - 1, behind: true },
  "upstream has sent nothing": { leaving: 1, answer: silent({ headers: "held" }) },
  "upstream has sent a head": { leaving: 1, answer: silent({ headers: "sent" }) },
  "the answer is coming": { leaving: 1, answer: turn([text("begun"), never]), heard: /begun/ },
};

let upstream: CloudCodeServer;
let gateway: TestGateway;
let clients: RawClient[] = [];

beforeAll(async () => {
  upstream = await startCloudCode();
  const config = { server: { maxConcurrent: AT_ONCE }, scheduling: { maxConcurrentPerAccount: 1 } };
  gateway = await startGateway(upstream, { config });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});
beforeEach(() => upstream.reset());
afterEach(() => {
  for (const { socket } of clients) socket.destroy();
  clients = [];
});

function open({ path, request }: Client, stream: boolean, sentBytes?: number, url = gateway.url): RawClient {
  const client = openRequest(url, path, JSON.stringify(request("hidden", { stream, model: GPT_OSS })), sentBytes);
  clients.push(client);
  return client;
}

async function statusNow(): Promise<number> {
  const body = JSON.stringify(chatClient.request("hidden", { model: GPT_OSS }));
  const reply = await fetch(gateway.url + chatClient.path, { method: "POST", body });
  await reply.text();
  return reply.status;
}

/** All places at the gateway and the account's slot are free again: nobody is turned away, and everybody is served. */
async function expectAllFree(): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const statuses = await Promise.all(Array.from({ length: AT_ONCE }, statusNow));
    if (statuses.every((status) => status === 200)) return;
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(performance.now()).toBeLessThan(end);
  }
}

/** Holds the account's slot until its gate opens. */
async function takeSlot(): Promise<Gate> {
  const held = gate();
  upstream.next(turn([text("held"), pause(held)]));
  open(chatClient, false);
  await upstream.call(1);
  return held;
}

for (const [when, { leaving, answer, behind, sentBytes, heard }] of Object.entries(STATES)) {
  describe(`while ${when}`, () => {
    for (const [how, leave] of Object.entries(WAYS)) {
      for (const client of [messagesClient, chatClient]) {
        for (const stream of [true, false]) {
          test(`a client of ${client.path}${stream ? ", streaming," : ""} that ${how} leaves nothing behind`, async () => {
            const slot = behind && (await takeSlot());
            const before = upstream.calls().length;
            if (answer) upstream.next(answer);
            const gone = Array.from({ length: leaving }, () => open(client, stream, sentBytes));
            if (answer) await upstream.call(1);
            else {
              await arrival();
              expect(await statusNow()).toBe(503); // those that upstream does not know of are all there: nobody else is let in
            }
            if (heard && stream) await until(() => gone.every((one) => heard.test(one.text())));

            for (const { socket } of gone) leave(socket);
            await until(() =>
              upstream
                .calls()
                .slice(before)
                .every(({ outcome }) => outcome !== undefined),
            );
            const asked = upstream.calls().slice(before);
            expect(asked.map(({ closedByClient }) => closedByClient)).toEqual(answer ? [true] : []);
            if (slot) {
              await until(() => true, 20);
              slot.open();
            }
            await expectAllFree();
            expect(upstream.refusals()).toEqual([]);
          });
        }
      }
    }
  });
}

describe.skipIf(BINARY !== undefined)("while it waits for the end of a limit", () => {
  for (const [how, leave] of Object.entries(WAYS)) {
    for (const stream of [true, false]) {
      test(`a client${stream ? ", streaming," : ""} that ${how} ends the wait, and upstream is not asked for it again`, async () => {
        await using scene = await startScene({ config: { server: { maxConcurrent: 1 } } });
        const { clock, url } = scene;
        scene.upstream.next(failure("rate-limit-long"));
        const { socket } = open(messagesClient, stream, undefined, url());
        await scene.waitsFor(45_000);
        leave(socket);
        await until(() => !clock.sleeping().includes(1_000));
        await clock.advance(60_000);
        expect(scene.upstream.calls()).toHaveLength(1);
        expect((await scene.ask(messagesClient, { stream, model: GPT_OSS })).status).toBe(200);
      });
    }
  }
});
