import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, type Told } from "../../scripts/lib/soak-client.ts";
import { type SoakGateway, startSoakGateway } from "../../scripts/lib/soak-process.ts";
import { bytesOf, endingOf, PROTOCOLS, type SoakRequest } from "../../scripts/lib/soak-requests.ts";
import { type SoakUpstream, startSoakUpstream } from "../../scripts/lib/soak-upstream.ts";
import { CLAUDE } from "../support/cloudcode/samples.ts";
import { BINARY } from "../support/gateway.ts";
import { until } from "./support/scene.ts";

/** The runtime's own limit is 256: further calls upstream wait without a word. */
const STREAMS = 320;
const SLOTS = 40;
const EVENTS = 3;

let upstream: SoakUpstream;
let gateway: SoakGateway;

beforeAll(async () => {
  upstream = await startSoakUpstream({ accounts: STREAMS / SLOTS, events: EVENTS, keepsConnections: true });
  const config = { scheduling: { maxConcurrentPerAccount: SLOTS }, server: { maxConcurrent: STREAMS } };
  gateway = await startSoakGateway(upstream, config, BINARY);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

test(`${STREAMS} streams at once have all begun before any of them ends, and one more is refused at once`, async () => {
  let begun = 0;
  const requests = Array.from({ length: STREAMS }, (_, index): SoakRequest => ({
    protocol: PROTOCOLS[index % PROTOCOLS.length] ?? "chat",
    model: CLAUDE,
    stream: true,
    kind: "held",
    number: index,
  }));
  const send = (request: SoakRequest): Promise<Told> =>
    ask({ port: gateway.port, pieces: [bytesOf(request, gateway.key).join("")], onBegun: () => begun++ });
  const streams = requests.map(send);
  await until(() => begun === STREAMS);
  expect([upstream.held(), await gateway.inFlight()]).toEqual([STREAMS, STREAMS]);

  const oneMore = await send({ protocol: "chat", model: CLAUDE, stream: true, kind: "fine", number: STREAMS });
  expect(oneMore.status).toBe(503);

  upstream.release();
  const told = await Promise.all(streams);
  const endings = told.map(({ status, body }, index) => [status, endingOf(requests[index]?.protocol ?? "chat", body)]);
  expect(endings).toEqual(requests.map(() => [200, "success"]));
  expect(await gateway.inFlight()).toBe(0);
}, 60_000);
