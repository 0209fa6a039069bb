import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import {
  allModels,
  call,
  claude,
  contentsOf,
  gemini3,
  gptOss,
  imageModel,
  looking,
  lower,
  model,
  result,
  tool,
  user,
  wire,
} from "./support.ts";

describe("who speaks", () => {
  test("neighbouring turns of one role become one turn", () => {
    expect(contentsOf([user("plan"), user("act"), model("a"), model("b"), user("go")], claude)).toEqual([
      { role: "user", parts: [{ text: "plan" }, { text: "act" }] },
      { role: "model", parts: [{ text: "a" }, { text: "b" }] },
      { role: "user", parts: [{ text: "go" }] },
    ]);
  });

  test("a prompt that follows tool results joins them, results first", () => {
    const contents = [user("q"), model(call("c1")), user(result("c1", "r")), user("now this")];
    expect(contentsOf(contents, claude, { tools: looking })).toEqual([
      { role: "user", parts: [{ text: "q" }] },
      { role: "model", parts: [wire.call("c1")] },
      { role: "user", parts: [wire.result("c1", "r"), { text: "now this" }] },
    ]);
  });

  test("a conversation that begins with the assistant gets a neutral user turn first, except for Claude", () => {
    const contents = [model("earlier"), user("go on")];
    const rest = [
      { role: "model", parts: [{ text: "earlier" }] },
      { role: "user", parts: [{ text: "go on" }] },
    ];
    expect(contentsOf(contents, gemini3)).toEqual([{ role: "user", parts: [{ text: "" }] }, ...rest]);
    expect(contentsOf(contents, gptOss)).toEqual([
      { role: "user", parts: [{ text: "(The conversation so far:)" }] },
      ...rest,
    ]);
    expect(contentsOf(contents, claude)).toEqual(rest);
  });

  test.each(allModels)("$id: a begun answer is handed over as the user's words", (target) => {
    const contents = contentsOf([user("list colours"), model('{"colours":', " [")], target);
    expect(contents).toEqual([
      {
        role: "user",
        parts: [{ text: "list colours" }, { text: expect.stringMatching(/begins with[^]*\n\n\{"colours": \[$/) }],
      },
    ]);
  });

  test("a begun answer with nothing before it is the whole conversation", () => {
    expect(contentsOf([model("Once")])).toEqual([{ role: "user", parts: [{ text: expect.stringContaining("Once") }] }]);
  });

  test("a last assistant turn that is signed stays the assistant's", () => {
    const signed = { text: "half an answer", thoughtSignature: "sig" };
    expect(contentsOf([user("q"), model(signed)])).toEqual([
      { role: "user", parts: [{ text: "q" }] },
      { role: "model", parts: [signed] },
      { role: "user", parts: [{ text: expect.any(String) }] },
    ]);
  });

  test("a last assistant turn with a call is answered, not rewritten", () => {
    expect(contentsOf([user("q"), model("looking", call("c1"))], claude, { tools: looking })).toEqual([
      { role: "user", parts: [{ text: "q" }] },
      { role: "model", parts: [{ text: "looking" }, wire.call("c1")] },
      {
        role: "user",
        parts: [{ functionResponse: { id: "c1", name: "look", response: { error: expect.any(String) } } }],
      },
    ]);
  });

  test("calls and results stand in their own roles whatever role the client put them under", () => {
    const contents = [user("q"), { role: "model" as const, parts: [call("c1"), result("c1", "r")] }];
    expect(contentsOf(contents, gemini3, { tools: looking })).toEqual([
      { role: "user", parts: [{ text: "q" }] },
      { role: "model", parts: [wire.firstCall("c1")] },
      { role: "user", parts: [wire.result("c1", "r")] },
    ]);
  });
});

describe("what is left out of a turn", () => {
  test.each(["", "  \n\t", "(no content)"])("text %j carries nothing and is dropped", (text) => {
    for (const target of allModels) {
      expect(contentsOf([user(text, "q"), model(text), user(text), user("r")], target)).toEqual([
        { role: "user", parts: [{ text: "q" }, { text: "r" }] },
      ]);
    }
  });

  test("an empty text before a call goes, the call stays", () => {
    expect(contentsOf([user("q"), model("", call("c1")), user(result("c1", "r"))], claude, { tools: looking })).toEqual(
      [
        { role: "user", parts: [{ text: "q" }] },
        { role: "model", parts: [wire.call("c1")] },
        { role: "user", parts: [wire.result("c1", "r")] },
      ],
    );
  });

  test("text is sent as it is, surrounding space included", () => {
    expect(contentsOf([user("  a\n"), model(" b "), user("c")], claude)).toEqual([
      { role: "user", parts: [{ text: "  a\n" }] },
      { role: "model", parts: [{ text: " b " }] },
      { role: "user", parts: [{ text: "c" }] },
    ]);
  });

  test("fields that upstream does not know never survive, at any depth of a part", () => {
    const odd = { text: "q", cache_control: { type: "ephemeral" } };
    const image = { inlineData: { mimeType: "image/png", data: "AA==", cache_control: {} } };
    expect(contentsOf([{ role: "user", parts: [odd, image, {}] }], claude)).toEqual([
      { role: "user", parts: [{ text: "q" }, { inlineData: { mimeType: "image/png", data: "AA==" } }] },
    ]);
  });
});

describe("system text", () => {
  test("is one object with a part for each block", () => {
    expect(lower({ system: ["be brief", "", "be kind"] }).body["systemInstruction"]).toEqual({
      role: "user",
      parts: [{ text: "be brief" }, { text: "be kind" }],
    });
  });

  test.each([[[]], [["", "  "]]])("%j is no system text at all", (system) => {
    expect(lower({ system }).body).not.toHaveProperty("systemInstruction");
  });

  test.each(allModels)("$id: a request of system text alone asks it as the user", (target) => {
    expect(lower({ system: ["name a colour"], contents: [user("")] }, target).body).toEqual({
      contents: [{ role: "user", parts: [{ text: "name a colour" }] }],
    });
  });

  test("a request that says nothing is refused", () => {
    expect(() => lower({ contents: [user(" ")] })).toThrow(GatewayError);
  });
});

describe("media", () => {
  const png = { inlineData: { mimeType: "image/png", data: "AA==" } };
  const wav = { inlineData: { mimeType: "audio/wav", data: "BB==" } };

  test("a model that reads text only gets a note for every attachment, and one loss for each kind", () => {
    const { body, losses } = lower({ contents: [user("see", png, png)] }, gptOss);
    const note = { text: expect.stringContaining("image/png") };
    expect(body["contents"]).toEqual([{ role: "user", parts: [{ text: "see" }, note, note] }]);
    expect(losses).toEqual([{ field: "messages", why: expect.stringContaining("image/png") }]);
  });

  test("a kind the model does not read is noted, others go through", () => {
    expect(contentsOf([user(png, wav)], claude)).toEqual([
      { role: "user", parts: [png, { text: expect.stringContaining("audio/wav") }] },
    ]);
    expect(contentsOf([user(png, wav)], gemini3)).toEqual([{ role: "user", parts: [png, wav] }]);
  });

  test("an attachment that is text goes as its words, to every model", () => {
    for (const target of allModels) {
      const csv = { inlineData: { mimeType: "text/csv; charset=utf-8", data: "YSxiCjEsMg==" } };
      expect(contentsOf([user("sum", csv)], target)).toEqual([
        { role: "user", parts: [{ text: "sum" }, { text: "a,b\n1,2" }] },
      ]);
    }
  });

  test("an attachment called text that is none, or is empty, is noted", () => {
    for (const data of ["/w==", "", "IA==", "not base64"]) {
      expect(contentsOf([user({ inlineData: { mimeType: "text/plain", data } })])).toEqual([
        { role: "user", parts: [{ text: expect.stringContaining("text/plain") }] },
      ]);
    }
  });

  const media = (mimeType: string, data = "AA==") => ({ inlineData: { mimeType, data } });

  test.each(["image/gif", "image/bmp", "image/tiff", "image/p_g", "audio/x-unheard-of", "video/x-unheard-of"])(
    "%s, which Gemini does not list, becomes a note and a loss",
    (mimeType) => {
      const { body, losses } = lower({ contents: [user("see", media(mimeType))] }, gemini3);
      expect(body["contents"]).toEqual([
        { role: "user", parts: [{ text: "see" }, { text: expect.stringContaining(mimeType) }] },
      ]);
      expect(losses).toEqual([{ field: "messages", why: expect.stringContaining(mimeType) }]);
    },
  );

  test("an SVG goes as the text it is, whole, to models that cannot draw it", () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
    const part = media("image/svg+xml", btoa(svg));
    for (const target of [claude, gemini3, gptOss, imageModel]) {
      expect(lower({ contents: [user(part)] }, target).losses).toEqual([]);
      expect(contentsOf([user(part)], target)).toEqual([{ role: "user", parts: [{ text: svg }] }]);
    }
    const draws = { ...gemini3, mimeTypes: ["image/svg+xml"] };
    expect(contentsOf([user(part)], draws)).toEqual([{ role: "user", parts: [part] }]);
  });

  test("what upstream lists for the model decides, whatever its family", () => {
    const blind = { ...gemini3, mimeTypes: ["image/webp"] };
    expect(contentsOf([user(png, media("image/webp"))], blind)).toEqual([
      { role: "user", parts: [{ text: expect.stringContaining("image/png") }, media("image/webp")] },
    ]);
    const reader = { ...gptOss, mimeTypes: ["image/png"] };
    expect(contentsOf([user(png)], reader)).toEqual([{ role: "user", parts: [png] }]);
  });

  test("types are spelled as upstream knows them", () => {
    expect(contentsOf([user({ inlineData: { mimeType: "Image/JPG; q=1", data: "AA==" } })], claude)).toEqual([
      { role: "user", parts: [{ inlineData: { mimeType: "image/jpeg", data: "AA==" } }] },
    ]);
  });

  test("an image of a kind Claude does not read is noted for Claude only", () => {
    const heic = { inlineData: { mimeType: "image/heic", data: "AA==" } };
    expect(contentsOf([user(heic)], claude)).toEqual([
      { role: "user", parts: [{ text: expect.stringContaining("image/heic") }] },
    ]);
    expect(contentsOf([user(heic)], gemini3)).toEqual([{ role: "user", parts: [heic] }]);
  });

  test("an image the assistant made is noted for Claude, whose own turns hold none", () => {
    expect(contentsOf([user("draw"), model(png), user("nice")], claude)).toEqual([
      { role: "user", parts: [{ text: "draw" }] },
      { role: "model", parts: [{ text: expect.stringContaining("image/png") }] },
      { role: "user", parts: [{ text: "nice" }] },
    ]);
  });
});

test.each(allModels)("$id: the body holds the fields upstream knows and no others", (target) => {
  const extra = { metadata: { user_id: "u" }, stream: true, anthropic_version: "x" };
  const { body } = lower(
    { ...extra, system: ["s"], tools: looking, thinking: { type: "adaptive" }, sampling: { topK: 3 } },
    target,
  );
  const known = ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig"];
  expect(Object.keys(body).filter((key) => !known.includes(key))).toEqual([]);
});

describe("the same request", () => {
  const contents = [
    user("q"),
    model(call("odd.id"), call("odd.id")),
    user(result("odd.id", "r"), "and"),
    model("a", call("c")),
    user("b"),
  ];
  const fields = { contents, system: ["s"], tools: [tool("look"), tool("a.b"), tool("a_b")] };

  test.each(allModels)("$id: gives the same bytes again and leaves its input alone", (target) => {
    const before = JSON.stringify(fields);
    const first = JSON.stringify(lower(fields, target).body);
    expect(JSON.stringify(lower(fields, target).body)).toBe(first);
    expect(JSON.stringify(fields)).toBe(before);
  });

  test.each(allModels)("$id: keeps its prefix when the conversation grows", (target) => {
    const short = lower(fields, target).body["contents"] as unknown[];
    const long = lower({ ...fields, contents: [...contents, model("c"), user("d")] }, target).body[
      "contents"
    ] as unknown[];
    expect(long.slice(0, short.length)).toEqual(short);
  });
});
