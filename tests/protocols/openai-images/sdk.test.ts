import { describe, expect, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { GatewayError } from "../../../src/core/errors.ts";
import type { ParsedCall } from "../../../src/core/protocol.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { readBody } from "../../../src/http/body.ts";
import { openaiImageEdits, openaiImageGenerations } from "../../../src/protocols/openai-images/index.ts";
import { answerOf } from "../../support/protocol-answer.ts";
import { imageTurn, picture, PNG, PNG_URL } from "./support.ts";

/** The official client with its own writer of forms, answered by the protocol with these turns. */
function client(turns: readonly TurnEvent[][], failure?: GatewayError) {
  const calls: ParsedCall[] = [];
  const answer = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(url instanceof Request ? url.url : String(url), init);
    const edits = request.url.endsWith("/images/edits");
    const protocol = edits ? openaiImageEdits : openaiImageGenerations;
    const body = await readBody(request, 1024 * 1024, edits);
    const call = protocol.parse({ body, headers: request.headers });
    calls.push(call);
    return answerOf(protocol, call, { turns, failure });
  };
  const openai = new OpenAI({ apiKey: "sk-ag-test", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch: answer });
  return { openai, calls };
}

const partsOf = (call: ParsedCall | undefined) => call?.request.contents[0]?.parts;
const reference = { inlineData: { mimeType: "image/png", data: PNG } };
const boat = () => toFile(Uint8Array.fromBase64(PNG), "boat.png", { type: "image/png" });

describe("the official client", () => {
  test("is given pictures", async () => {
    const { openai, calls } = client([imageTurn([picture()]), imageTurn([picture()])]);
    const reply = await openai.images.generate({ model: "image", prompt: "boats", n: 2, size: "1536x1024" });
    expect(reply.data?.map((image) => image.b64_json)).toEqual([PNG, PNG]);
    expect(reply).toMatchObject({ output_format: "png", usage: { total_tokens: 34 } });
    expect(calls[0]?.several?.requests).toHaveLength(2);
  });

  test("uploads one picture to edit, with its settings as a form", async () => {
    const { openai, calls } = client([imageTurn([picture()])]);
    const reply = await openai.images.edit({ image: await boat(), prompt: "red ⛵", n: 1, quality: "medium" });
    expect(reply.data?.[0]?.b64_json).toBe(PNG);
    expect(partsOf(calls[0])).toEqual([reference, { text: "red ⛵" }]);
    expect(calls[0]?.request.image).toEqual({ size: "2K" });
    expect(calls[0]?.losses).toEqual([]);
  });

  test("uploads several pictures to edit, in order", async () => {
    const { openai, calls } = client([imageTurn([picture()])]);
    const plain = await toFile(Uint8Array.fromBase64(PNG), "boat"); // without a type of its own
    await openai.images.edit({ image: [await boat(), plain], prompt: "both", user: "person-1" });
    expect(partsOf(calls[0])).toEqual([reference, reference, { text: "both" }]);
    expect(calls[0]?.request.user).toBe("person-1");
  });

  test("reads the events of a stream, signs of life between them", async () => {
    const { openai } = client([imageTurn([picture()]), imageTurn([picture()])]);
    const types: string[] = [];
    for await (const event of await openai.images.generate({ prompt: "boats", n: 2, stream: true })) {
      types.push(`${event.type} ${event.b64_json === PNG}`);
    }
    expect(types).toEqual(["image_generation.completed true", "image_generation.completed true"]);
  });

  test("reads the events of an edit", async () => {
    const { openai } = client([imageTurn([picture()])]);
    const types: string[] = [];
    for await (const { type } of await openai.images.edit({ image: await boat(), prompt: "red", stream: true })) {
      types.push(type);
    }
    expect(types).toEqual(["image_edit.completed"]);
  });

  test("sees a failure in a stream as an API error", async () => {
    const { openai } = client([imageTurn([picture()])], new GatewayError("overloaded", "No capacity"));
    const read = async () => {
      for await (const _ of await openai.images.generate({ prompt: "boats", n: 2, stream: true })); // to the end
    };
    const seen = await read().catch((cause: unknown) => cause);
    expect(seen).toBeInstanceOf(OpenAI.APIError);
    expect(seen).toMatchObject({ message: "No capacity", code: "overloaded" });
  });

  test("throws a refusal as its own class", async () => {
    const { openai } = client([], new GatewayError("invalid-request", "No.", { field: "size" }));
    const seen = await openai.images.generate({ prompt: "boats" }).catch((cause: unknown) => cause);
    expect(seen).toBeInstanceOf(OpenAI.BadRequestError);
    expect(seen).toMatchObject({ param: "size" });
  });

  test("sends pictures in JSON, as clients without forms do", () => {
    const { contents } = openaiImageEdits.parse({
      body: { prompt: "red", images: [{ image_url: PNG_URL }] },
      headers: new Headers(),
    }).request;
    expect(contents[0]?.parts).toEqual([reference, { text: "red" }]);
  });
});
