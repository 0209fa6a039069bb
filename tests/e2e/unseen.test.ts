import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { briskClock } from "../support/clock.ts";
import {
  type Answer,
  type CloudCodeServer,
  emptyBody,
  emptyCandidates,
  failure,
  gate,
  httpAnswer,
  malformedCall,
  pause,
  raw,
  startCloudCode,
  text,
  thinking,
  turn,
  usageOnly,
} from "../support/cloudcode/index.ts";
import { type AnyClient, EVERY_PATH, pathOf } from "../support/every-client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { openRequest } from "../support/raw-http.ts";
import { until } from "./support/scene.ts";

const nothing = { finishReason: null, usage: false } as const;

/** What is no answer, before the first word of one. */
const NO_ANSWERS: Record<string, Answer> = {
  "an empty body": emptyBody(),
  "events without content": emptyCandidates(),
  "usage alone": usageOnly(),
  "a finish without a word": turn([]),
  "JSON that is none": turn(raw('data: {"response": {"candidates": [{\r\n\r\n'), nothing),
  "a malformed call": malformedCall(),
  "a 500": failure("internal"),
  "a 502 of HTML": failure("bad-gateway-html"),
  "a 200 of HTML": httpAnswer(200, "<html></html>", { "content-type": "text/html" }),
  "a cut before the first event": turn([text("never heard")], { cutAfterBytes: 30 }),
};

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
beforeEach(() => upstream.reset());

function ask(client: AnyClient, stream: boolean): Promise<Response> {
  const body = JSON.stringify(client.request("hidden", { stream }));
  return fetch(gateway.url + pathOf(client, stream), { method: "POST", body });
}

describe.each(EVERY_PATH)("%s", (_, client) => {
  for (const stream of [true, false]) {
    const mode = stream ? "streamed" : "whole";
    for (const [what, answer] of Object.entries(NO_ANSWERS)) {
      test(`${what} is tried again unseen, and is a 502 when it stays, ${mode}`, async () => {
        upstream.script([answer, "fine"]);
        const served = await ask(client, stream);
        expect([served.status, served.headers.get("x-ag-attempts")]).toEqual([200, "2"]);
        const { heard } = stream ? await client.readStream(served) : await client.readWhole(served);
        expect(heard.text).toBe("fine");

        upstream.reset();
        upstream.always(answer);
        const refused = await ask(client, stream);
        expect([refused.status, refused.headers.get("content-type")]).toEqual([
          502,
          expect.stringContaining("application/json"),
        ]);
        client.checkError(await refused.json());
        expect(upstream.calls().length).toBeGreaterThan(1);
        expect(upstream.refusals()).toEqual([]);
      });
    }
  }

  test("no status is sent before upstream has said anything that counts", async () => {
    const [heads, said] = [gate(), gate()];
    const usage = raw('data: {"response":{"candidates":[],"usageMetadata":{"promptTokenCount":3}}}\r\n\r\n');
    upstream.next(turn([usage, pause(heads), thinking(""), pause(said), text("fine")]));
    const asked = openRequest(
      gateway.url,
      pathOf(client, true),
      JSON.stringify(client.request("hidden", { stream: true })),
    );
    await upstream.call(1);
    await until(() => true, 100);
    expect(asked.text()).toBe("");
    heads.open();
    said.open();
    await until(() => asked.text().includes("fine"));
    expect(asked.text()).toStartWith("HTTP/1.1 200");
    asked.socket.destroy();
  });
});
