import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { eventsIn } from "../support/clients.ts";
import { gate, image, pause, silent, text, turn } from "../support/cloudcode/index.ts";
import { type AnyClient, EVERY_PATH, pathOf } from "../support/every-client.ts";
import { BINARY } from "../support/gateway.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { openRequest, type RawClient } from "../support/raw-http.ts";
import { PNG } from "./support/media.ts";
import { type Scene, startScene, until } from "./support/scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene?.[Symbol.asyncDispose]());
beforeEach(() => scene.upstream.reset());

function open(client: AnyClient): RawClient {
  return openRequest(scene.url(), pathOf(client, true), JSON.stringify(client.request("hidden", { stream: true })));
}

/** The body of a reply in chunks, as far as it has come, and its head. */
function read({ text: received }: RawClient): { head: string; body: string; ended: boolean } {
  const [head = "", ...rest] = received().split("\r\n\r\n");
  let left = rest.join("\r\n\r\n");
  let body = "";
  for (;;) {
    const end = left.indexOf("\r\n");
    const size = Number.parseInt(left.slice(0, end), 16);
    if (end < 0 || left.length < end + 2 + size) return { head, body: utf8(body), ended: false };
    if (size === 0) return { head, body: utf8(body), ended: true };
    body += left.slice(end + 2, end + 2 + size);
    left = left.slice(end + 2 + size + 2);
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Moves on by this many times ten seconds; in each of them something must come. */
async function expectSigns(asked: RawClient, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const before = asked.text().length;
    await scene.clock.advance(10_000);
    await until(() => asked.text().length > before);
  }
}

/** The streams that no client of all protocols asks for. */
const OTHER_STREAMS = {
  "a list of Gemini's": {
    path: "/v1beta/models/gemini-3-flash:streamGenerateContent",
    request: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
    answer: [text("fine")],
    read: (body: string): unknown => JSON.parse(body),
    expected: [
      { candidates: [{ content: { parts: [{ text: "fine" }] } }] },
      { candidates: [{ finishReason: "STOP" }] },
    ],
  },
  "a stream of pictures": {
    path: "/v1/images/generations",
    request: { prompt: "a paper boat", stream: true },
    answer: [image(PNG)],
    read: (body: string): unknown => eventsIn(body).map(({ data }) => JSON.parse(data)),
    expected: [{ type: "image_generation.completed", b64_json: PNG }],
  },
};

// Time stands still in a binary's tests.
test.skipIf(BINARY !== undefined).each(Object.entries(OTHER_STREAMS))(
  "%s is kept alive over minutes of silence, and is whole all the same",
  async (_, { path, request, answer, read: readBody, expected }) => {
    const begin = gate();
    scene.upstream.next(turn([pause(begin), ...answer]));
    const asked = openRequest(scene.url(), path, JSON.stringify(request));
    await scene.upstream.call(1);
    await expectSigns(asked, 11);
    begin.open();
    await until(() => read(asked).ended);
    const { head, body } = read(asked);
    expect(head).toStartWith("HTTP/1.1 200");
    expect(readBody(body)).toMatchObject(expected);
    asked.socket.destroy();
  },
);

describe.skipIf(BINARY !== undefined).each(EVERY_PATH)("%s", (_, client) => {
  test("an upstream that is silent for minutes, before and in its answer, is bridged by a sign of life every ten seconds", async () => {
    const gates = [gate(), gate()] as const;
    scene.upstream.next(turn([pause(gates[0]), text("one "), pause(gates[1]), text("two")]));
    const asked = open(client);
    await scene.upstream.call(1);
    await scene.clock.advance(9_999);
    expect(asked.text()).toBe("");
    await scene.clock.advance(1);
    await until(() => asked.text() !== "");
    await expectSigns(asked, 10);
    gates[0].open();
    await until(() => read(asked).body.includes("one "));
    await expectSigns(asked, 29);
    gates[1].open();
    await until(() => read(asked).ended);

    const { head, body } = read(asked);
    expect(head).toStartWith("HTTP/1.1 200");
    client.checkOrder(body, "complete");
    const { heard } = await client.readStream(new Response(body, { headers: { "content-type": "text/event-stream" } }));
    expect(heard.text).toBe("one two");
    // The Gemini protocol has no event that says nothing: there the signs are the beginning of the next one.
    if (client !== geminiClient) expect(eventsIn(body).length).toBeGreaterThan(40);
    expect(scene.upstream.calls()).toHaveLength(1);
    asked.socket.destroy();
  });

  test("an answer that never begins is an error at its deadline, in the stream that a sign of life has opened", async () => {
    scene.upstream.always(silent({ headers: "sent" }));
    const asked = open(client);
    await scene.upstream.call(1);
    await expectSigns(asked, 12);
    await until(() => read(asked).ended);
    const { head, body } = read(asked);
    expect(head).toStartWith("HTTP/1.1 200");
    expect(client.terminator.test(body)).toBe(false);
    client.checkOrder(body, "failed");
    expect(body).toContain("firstEventMs");
    asked.socket.destroy();
  });
});
