import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import {
  call,
  calls,
  document,
  dropConnection,
  emptyBody,
  emptyCandidates,
  gate,
  image,
  malformedCall,
  malformedJson,
  maxTokens,
  pacedText,
  parts,
  pause,
  promptBlocked,
  raw,
  silent,
  startCloudCode,
  stoppedFor,
  streamError,
  text,
  thinking,
  turn,
  usageOnly,
} from "./index.ts";
import { bytesOf, resplit } from "./reply.ts";
import { documentsOf, jsonOf, partsOf, signIn } from "./client.ts";
import { asking, CLAUDE, GEMINI_3, IMAGE } from "./samples.ts";

const server = await startCloudCode();
const client = await signIn(server);
afterAll(() => server.stop());
beforeEach(() => server.reset());

const stream = async (modelId = GEMINI_3): Promise<string> => (await client.ask(asking(modelId))).text();
const allParts = (body: string): JsonObject[] => documentsOf(body).flatMap(partsOf);
const candidateOf = (document: JsonObject | undefined): JsonObject => {
  const response = document?.["response"];
  const list = isJsonObject(response) ? response["candidates"] : undefined;
  const first = Array.isArray(list) ? list[0] : undefined;
  return isJsonObject(first) ? first : {};
};

const fails = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    () => true,
  );

describe("framing", () => {
  test("is CRLF with a finishing event by default", async () => {
    server.next(turn(text("one two", { deltas: 2 })));
    const body = await stream();
    expect(body).toMatch(/^data: \{"response":.*\}\r\n\r\ndata: /);
    const documents = documentsOf(body);
    expect(documents.map((one) => partsOf(one))).toEqual([[{ text: "one " }], [{ text: "two" }], [{ text: "" }]]);
    expect(candidateOf(documents[2])["finishReason"]).toBe("STOP");
    expect(documents[0]?.["traceId"]).toBeString();
  });

  test("can be LF, without space, without blank lines, without the last line end", async () => {
    server.next(turn(text("hi"), { newline: "\n", space: false, blankLines: false, finalNewline: false }));
    const lines = (await stream()).split("\n");
    expect(lines).toHaveLength(2);
    expect(lines.every((line) => line.startsWith("data:{") && line.endsWith("}"))).toBe(true);
  });

  test("can spread a document over data lines and end with [DONE]", async () => {
    server.next(turn(text("hi"), { multiline: true, done: true }));
    const body = await stream();
    expect(body).toEndWith("data: [DONE]\r\n\r\n");
    expect(partsOf(documentsOf(body.replace("data: [DONE]\r\n\r\n", ""))[0])).toEqual([{ text: "hi" }]);
  });

  test("can leave the wrapper out, or be a JSON array", async () => {
    server.next(turn(text("hi"), { wrapped: false }));
    expect(documentsOf(await stream())[0]).toHaveProperty("candidates");
    server.next(turn(text("hi"), { array: true }));
    const response = await client.ask(asking(GEMINI_3));
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(await response.json()).toHaveLength(2);
  });

  test("can be cut anew anywhere, even inside a character", async () => {
    server.next(turn(text("héé €"), { split: [1, 2] }));
    expect(allParts(await stream())[0]).toEqual({ text: "héé €" });
    const bytes = bytesOf("é€");
    const wait = { wait: Promise.resolve() };
    const again = resplit([bytes, wait, bytes.subarray(0, 3)], [1, 3]);
    expect(again.map((piece) => (piece instanceof Uint8Array ? piece.length : piece))).toEqual([1, 3, 1, wait, 3]);
  });

  test("may hold comments and documents written by hand", async () => {
    server.next(turn([raw(": ping\r\n\r\n"), document({ traceId: "t" }), parts({ text: "a" }, { text: "b" })]));
    const body = await stream();
    expect(body).toStartWith(": ping\r\n\r\n");
    expect(documentsOf(body)[0]).toEqual({ traceId: "t" });
    expect(allParts(body).slice(0, 2)).toEqual([{ text: "a" }, { text: "b" }]);
  });
});

describe("content", () => {
  test("Claude's thinking is signed in a last thought without text", async () => {
    server.next(turn([thinking("let me see", { deltas: 2 }), text("4")]));
    const [first, second, signed] = allParts(await stream(CLAUDE));
    expect([first, second]).toEqual([
      { thought: true, text: "let m" },
      { thought: true, text: "e see" },
    ]);
    expect(signed).toEqual({ thought: true, text: "", thoughtSignature: expect.stringMatching(/^R/) });
    expect(server.world.signatures.find(String(signed?.["thoughtSignature"]))).toMatchObject({
      family: "claude",
      kind: "thinking",
      text: "let me see",
    });
  });

  test("Gemini signs the first call of a turn only", async () => {
    server.next(
      turn([call("f", { a: 1 }), calls([{ name: "g" }, { name: "h", id: "own" }], { spread: "event-each" })]),
    );
    const documents = documentsOf(await stream());
    expect(documents.slice(0, 3).map((one) => partsOf(one)[0])).toEqual([
      { functionCall: { name: "f", args: { a: 1 } }, thoughtSignature: expect.stringMatching(/^E/) },
      { functionCall: { name: "g" } },
      { functionCall: { name: "h", id: "own" } },
    ]);
  });

  test("Claude's tool turn ends with OTHER and has ids", async () => {
    server.next(
      turn([
        text("I look."),
        calls([
          { name: "f", args: {} },
          { name: "g", args: {} },
        ]),
      ]),
    );
    const documents = documentsOf(await stream(CLAUDE));
    expect(partsOf(documents[1])).toHaveLength(2);
    expect(partsOf(documents[1])[0]).toEqual({
      functionCall: { name: "f", id: expect.stringMatching(/^toolu_vrtx_/), args: {} },
    });
    expect(candidateOf(documents[2])["finishReason"]).toBe("OTHER");
  });

  test("a signature may trail in a carrier, precede in one, or sit on the text", async () => {
    for (const [signature, texts] of [
      ["carrier", ["ok", ""]],
      ["carrier-before", ["", "ok"]],
      ["part", ["ok"]],
    ] as const) {
      server.next(turn(text("ok", { signature }), { finishWithLast: true, signatureField: "thought_signature" }));
      const found = allParts(await stream());
      expect(found.map((part) => part["text"])).toEqual([...texts]);
      expect(found.filter((part) => part["thought_signature"])).toHaveLength(1);
    }
  });

  test("images come with their drafts", async () => {
    server.next(turn([image("AAAA", { draft: true }), image("BBBB", { mimeType: "image/jpeg", signature: true })]));
    expect(allParts(await stream(IMAGE)).slice(0, 2)).toEqual([
      { inlineData: { mimeType: "image/png", data: "AAAA" }, thought: true },
      { inlineData: { mimeType: "image/jpeg", data: "BBBB" }, thoughtSignature: expect.any(String) },
    ]);
  });

  test("usage can be in each event or after the finish", async () => {
    const usage = { promptTokenCount: 10, candidatesTokenCount: 4, totalTokenCount: 14 };
    const counts = (body: string): unknown[] =>
      documentsOf(body).map(({ response }) => isJsonObject(response) && response["usageMetadata"]);
    server.next(turn(text("ab", { deltas: 2 }), { usage, usageAt: "every" }));
    expect(counts(await stream())).toEqual([
      { promptTokenCount: 10, candidatesTokenCount: 1, totalTokenCount: 11 },
      { promptTokenCount: 10, candidatesTokenCount: 2, totalTokenCount: 12 },
      usage,
    ]);
    server.next(turn(text("ab"), { usage, usageAt: "after-finish" }));
    expect(counts(await stream())).toEqual([undefined, undefined, usage]);
  });

  test("the one-shot method joins the parts and keeps Claude's thoughts to itself", async () => {
    const steps = [thinking("hm", { deltas: 2 }), text("one two", { deltas: 2 })];
    server.script([turn(steps), turn(steps)]);
    const ask = async (modelId: string, requestId: string): Promise<JsonObject> =>
      jsonOf(await client.post("generateContent", { ...asking(modelId), requestId }));
    expect(partsOf(await ask(CLAUDE, "agent-one"))).toEqual([{ text: "one two" }]);
    expect(partsOf(await ask(GEMINI_3, "agent-two"))).toEqual([{ thought: true, text: "hm" }, { text: "one two" }]);
  });
});

describe("ends", () => {
  test.each([
    ["MALFORMED_FUNCTION_CALL", malformedCall()],
    ["SAFETY", stoppedFor("SAFETY")],
    ["MAX_TOKENS", maxTokens("so f")],
    ["RECITATION", stoppedFor("RECITATION", "once upon")],
  ])("%s", async (reason, answer) => {
    server.next(answer);
    expect(candidateOf(documentsOf(await stream()).at(-1))["finishReason"]).toBe(reason);
  });

  test("a blocked prompt, empty candidates, usage alone, no finish, no bytes", async () => {
    server.script([
      promptBlocked(),
      emptyCandidates(),
      usageOnly(),
      turn(text("x"), { finishReason: null }),
      emptyBody(),
    ]);
    expect(await stream()).toContain('"promptFeedback":{"blockReason":"SAFETY"}');
    expect(await stream()).toContain('"candidates":[]');
    expect(documentsOf(await stream())).toHaveLength(1);
    expect(await stream()).not.toContain("finishReason");
    expect(await stream()).toBe("");
  });

  test("an error in mid-stream, an event that is not JSON", async () => {
    server.script([
      turn([text("x"), streamError(503, "overloaded", "UNAVAILABLE")], { finishReason: null }),
      malformedJson("a", "b"),
    ]);
    expect(documentsOf(await stream()).at(-1)).toEqual({
      error: { code: 503, message: "overloaded", status: "UNAVAILABLE" },
    });
    const body = await stream();
    expect(() => documentsOf(body)).toThrow();
  });

  test("a cut after k bytes delivers those bytes and breaks the socket", async () => {
    server.next(turn(text("x".repeat(500)), { cutAfterBytes: 100, split: 30 }));
    const response = await client.ask(asking(GEMINI_3));
    let received = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of response.body ?? []) received += chunk.length;
    };
    expect(await fails(read())).toBe(true);
    await server.calls()[0]?.ended;
    expect(received).toBeLessThanOrEqual(100);
    expect(server.calls()[0]?.outcome).toBe("cut");
  });

  test("a dropped connection has no answer at all", async () => {
    server.next(dropConnection());
    expect(await fails(client.ask(asking(GEMINI_3)))).toBe(true);
    expect((await server.call(1)).closedByClient).toBe(false);
  });
});

describe("pace", () => {
  test("a paced text waits for its gates", async () => {
    const gates = [gate(), gate()];
    server.next(pacedText("onetwo", gates));
    const asked = client.ask(asking(GEMINI_3));
    await server.call(1);
    gates[0]?.open();
    const reader = (await asked).body?.getReader();
    const first = await reader?.read();
    expect(partsOf(documentsOf(new TextDecoder().decode(first?.value))[0])).toEqual([{ text: "one" }]);
    gates[1]?.open();
    const second = await reader?.read();
    expect(new TextDecoder().decode(second?.value)).toContain('"two"');
    await reader?.cancel();
  });

  test.each(["sent", "held"] as const)("a silent answer (headers %s) ends when the client leaves", async (headers) => {
    server.next(silent({ headers }));
    const leaving = new AbortController();
    const asked = client.ask(asking(GEMINI_3), { signal: leaving.signal });
    const entry = await server.call(1);
    if (headers === "sent") expect((await asked).status).toBe(200);
    leaving.abort();
    if (headers === "held") expect(await fails(asked)).toBe(true);
    await entry.ended;
    expect(entry.closedByClient).toBe(true);
  });

  test("a client that leaves in mid-stream is seen", async () => {
    server.next(turn([text("a"), pause(gate()), text("b")]));
    const leaving = new AbortController();
    const response = await client.ask(asking(GEMINI_3), { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    const entry = await server.call(1);
    await entry.ended;
    expect(entry.outcome).toBe("closed-by-client");
  });
});

test("stopping the server ends what hangs", async () => {
  const other = await startCloudCode();
  const there = await signIn(other);
  other.next(silent());
  const asked = there.ask(asking(GEMINI_3));
  await other.call(1);
  await other.stop();
  expect(await fails(asked)).toBe(true);
});
