import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { GatewayError } from "../../../src/core/errors.ts";
import type { StopReason, TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiImageGenerations } from "../../../src/protocols/openai-images/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { type BlockScript, collect, context, text, thinking } from "../../support/turn-script.ts";
import { editWith, generationWith, imageTurn, JPEG, picture, PNG } from "./support.ts";

const whole = (blocks: readonly BlockScript[], fields: JsonObject = {}) =>
  generationWith(fields).reply.whole(collect(imageTurn(blocks)), context());

const encoder = (fields: JsonObject = {}) => generationWith(fields).reply.stream(context());

describe("the whole reply", () => {
  test("has the picture and says what is known of it", () => {
    expect(whole([thinking("hm"), text("Here it is."), picture()], { quality: "low" })).toEqual({
      created: 1_700_000_000,
      background: "opaque",
      output_format: "png",
      quality: "low",
      size: "3x2",
      data: [{ b64_json: PNG }],
      usage: {
        input_tokens: 12,
        output_tokens: 5,
        total_tokens: 17,
        input_tokens_details: { image_tokens: 8, text_tokens: 4 },
        output_tokens_details: { image_tokens: 3, text_tokens: 2 },
      },
    });
  });

  test("gives a data URL to clients that ask for an address", () => {
    expect(whole([picture(JPEG, "image/jpeg")], { response_format: "url" })).toMatchObject({
      output_format: "jpeg",
      size: "3x2",
      data: [{ url: `data:image/jpeg;base64,${JPEG}` }],
    });
  });

  test("says nothing of pixels that it cannot read and of a quality that nobody asked for", () => {
    const looks = ["AAAA", "not base64", "/9j/", "/9j/4AAQAAAAAAAAAAAAAAAAAAAAAAAAAAAA", PNG.slice(0, 12)].map((data) =>
      Object.keys(whole([picture(data)])),
    );
    expect(new Set(looks.flat())).toEqual(new Set(["created", "background", "output_format", "data", "usage"]));
  });

  test("of several answers has all pictures and the usage of all", () => {
    const turns = [imageTurn([picture()]), imageTurn([text("no")]), imageTurn([picture(JPEG, "image/jpeg")])].map(
      collect,
    );
    const reply = generationWith({ n: 4 }).several?.whole(turns, context());
    expect(reply).toMatchObject({
      data: [{ b64_json: PNG }, { b64_json: JPEG }],
      usage: { input_tokens: 36, input_tokens_details: { image_tokens: 24, text_tokens: 12 } },
    });
  });
});

describe("an answer without a picture", () => {
  const reasons: [name: string, blocks: BlockScript[], reason: StopReason, meta: JsonObject, error: object][] = [
    [
      "because it was withheld",
      [],
      "filtered",
      { filter: "IMAGE_SAFETY" },
      {
        kind: "invalid-request",
        message: "Google's content rules withheld the picture (IMAGE_SAFETY); change the prompt or the images",
        detail: { field: "prompt" },
      },
    ],
    [
      "because it was withheld for a reason that is no word",
      [],
      "filtered",
      { filter: "s3cret canary" },
      {
        kind: "invalid-request",
        message: "Google's content rules withheld the picture; change the prompt or the images",
      },
    ],
    [
      "but with words",
      [text("s3cret-canary")],
      "end",
      {},
      {
        kind: "invalid-request",
        message:
          "The model answered in words and made no picture; ask it for one, and name a model that makes pictures",
      },
    ],
    [
      "and without words",
      [thinking("s3cret-canary")],
      "length",
      {},
      { kind: "malformed-answer", message: "The model's answer ended without a picture; try again" },
    ],
    ["but with audio", [picture("AAAA", "audio/wav")], "end", {}, { kind: "malformed-answer" }],
  ];

  test.each(reasons)("%s fails and quotes nothing, whole and streamed", (_, blocks, reason, meta, error) => {
    const events = imageTurn(blocks, reason, meta);
    const { reply } = generationWith({});
    for (const run of [() => reply.whole(collect(events), context()), () => reply.stream(context()).push(events)]) {
      const failure = refusalOf(run);
      expect(failure).toMatchObject(error);
      expect(failure.message).not.toContain("s3cret");
    }
  });

  test("that was withheld has the code that clients know", () => {
    const failure = refusalOf(() => generationWith({}).reply.whole(collect(imageTurn([], "filtered")), context()));
    expect(openaiImageGenerations.encodeError(failure, "req_1")).toMatchObject({
      status: 400,
      body: { error: { code: "moderation_blocked", param: "prompt" } },
    });
  });

  test("is left out beside one with a picture, and fails when no other has one", () => {
    const none = imageTurn([text("no")]);
    expect(encoder({ n: 2 }).push([...none, ...imageTurn([picture()])])).toContain(PNG);
    expect(refusalOf(() => encoder({ n: 2 }).push([...none, ...none])).kind).toBe("invalid-request");
    const turns = [collect(none), collect(none)];
    expect(refusalOf(() => generationWith({ n: 2 }).several?.whole(turns, context())).kind).toBe("invalid-request");
  });
});

describe("the stream", () => {
  const golden = (name: string) => Bun.file(join(import.meta.dir, `../../fixtures/openai-images/${name}.txt`)).text();

  const goldens: [name: string, frames: () => string][] = [
    ["one-picture", () => encoder({ quality: "high" }).push(imageTurn([thinking("hm"), picture()]))],
    [
      "two-pictures-of-one-answer-share-its-usage",
      () => encoder().push(imageTurn([picture(), picture(JPEG, "image/jpeg")])),
    ],
    [
      "an-edit",
      () =>
        editWith({})
          .reply.stream(context())
          .push(imageTurn([picture()])),
    ],
  ];
  test.each(goldens)("%s", async (name, frames) => {
    expect(frames()).toBe(await golden(name));
  });

  test("however the events are cut into batches, the text is the same", () => {
    const events: TurnEvent[] = [...imageTurn([text("a"), picture()]), ...imageTurn([picture(JPEG, "image/jpeg")])];
    const apart = encoder({ n: 2 });
    expect(events.map((event) => apart.push([event])).join("")).toBe(encoder({ n: 2 }).push(events));
  });

  test("a failure is an error event, and a sign of life is none", () => {
    expect(encoder().fail(new GatewayError("overloaded", "No capacity"))).toBe(
      'event: error\ndata: {"type":"error","error":{"message":"No capacity","type":"server_error","param":null,"code":"overloaded"}}\n\n',
    );
    expect(encoder().keepAlive()).toBe(": keep-alive\n\n");
  });
});
