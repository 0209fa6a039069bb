import { describe, expect, test } from "bun:test";
import type { ImageOptions } from "../../../src/core/request.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { editRefusal, editWith, generationRefusal, generationWith, JPEG, PNG, PNG_URL } from "./support.ts";

describe("a generation", () => {
  test("is the prompt as one user text, asked of the default model", () => {
    const call = generationWith({});
    expect(call.request).toEqual({
      model: "image",
      system: [],
      contents: [{ role: "user", parts: [{ text: "a paper boat" }] }],
      tools: [],
      sampling: {},
      image: {},
    });
    expect(call).toMatchObject({ stream: false, losses: [] });
    expect(call.several).toBeUndefined();
  });

  test("names its model, its end user and its conversation", () => {
    const fields = { model: "dall-e-3", user: "person-1", safety_identifier: "other" };
    expect(generationWith(fields, { "x-session-id": "s-1" }).request).toMatchObject({
      model: "dall-e-3",
      user: "person-1",
      session: "s-1",
    });
  });

  test("n is that many equal requests, asked together", () => {
    const call = generationWith({ n: 3 });
    expect(call.several?.order).toBe("together");
    expect(call.several?.requests).toEqual([call.request, call.request, call.request]);
  });

  test("the settings of a form, all texts, are the same as those of JSON", () => {
    const form = { n: "2", stream: "true", size: "1024x1024", quality: "low", output_compression: "100", user: "" };
    const json = { n: 2, stream: true, size: "1024x1024", quality: "low", output_compression: 100 };
    const { fieldName: _, reply: __, several, ...call } = generationWith(form);
    expect(call).toEqual({ request: generationWith(json).request, stream: true, losses: [], needsPictures: true });
    expect(several?.requests).toHaveLength(2);
  });

  test("absent, null, empty and [undefined] say the same", () => {
    const fields = { model: null, n: "", size: "[undefined]", quality: "", style: null, stream: null };
    expect(generationWith(fields)).toMatchObject({ request: generationWith({}).request, losses: [] });
  });
});

describe("what the pictures shall look like", () => {
  const looks: [fields: JsonObject, image: ImageOptions][] = [
    [{ size: "auto" }, {}],
    [{ size: "1024x1024" }, { aspectRatio: "1:1" }],
    [{ size: "256x256" }, { aspectRatio: "1:1" }],
    [{ size: "1536x1024" }, { aspectRatio: "3:2" }],
    [{ size: "1024x1536" }, { aspectRatio: "2:3" }],
    [{ size: "1792x1024" }, { aspectRatio: "16:9" }],
    [{ size: "1024x1792" }, { aspectRatio: "9:16" }],
    [{ size: "1000x800" }, { aspectRatio: "5:4" }],
    [{ size: "1680x720" }, { aspectRatio: "21:9" }],
    [{ size: "2560x1440" }, { aspectRatio: "16:9", size: "2K" }],
    [{ size: "3840x2160" }, { aspectRatio: "16:9", size: "4K" }],
    [
      { size: "3840x2160", quality: "low" },
      { aspectRatio: "16:9", size: "1K" },
    ],
    [{ size: "3000x1000" }, { aspectRatio: "1:1", size: "2K" }],
    [{ size: "16:9" }, { aspectRatio: "16:9" }],
    [{ size: "2K" }, { size: "2K" }],
    [{ quality: "auto" }, {}],
    [{ quality: "standard" }, { size: "1K" }],
    [{ quality: "low" }, { size: "1K" }],
    [{ quality: "medium" }, { size: "2K" }],
    [{ quality: "high" }, { size: "4K" }],
    [{ quality: "HD" }, { size: "4K" }],
    [{ quality: "hd", image_size: "2k" }, { size: "2K" }],
    [{ imageSize: "4K" }, { size: "4K" }],
    [{ size: "1024x1024", aspect_ratio: "4:5" }, { aspectRatio: "4:5" }],
    [{ aspectRatio: "16x9" }, { aspectRatio: "16:9" }],
    [{ aspect_ratio: "auto", image_size: "auto" }, {}],
  ];
  test.each(looks)("%j", (fields, image) => {
    expect(generationWith(fields).request.image).toEqual(image);
  });

  const inexact: [fields: JsonObject, fields: string[]][] = [
    [{ size: "1024x1024" }, []],
    [{ size: "2048x2048" }, []],
    [{ size: "4096x4096", quality: "high" }, []],
    [{ size: "1024x1024", quality: "high" }, ["size"]],
    [{ size: "512x512" }, ["size"]],
    [{ size: "1536x1024" }, ["size"]],
    [{ size: "3:2" }, []],
  ];
  test.each(inexact)("%j: pixels that are not served are a loss", (fields, lost) => {
    expect(generationWith(fields).losses.map(({ field }) => field)).toEqual(lost);
  });

  test("a loss of the pixels says what is asked for instead", () => {
    expect(generationWith({ size: "1536x1024", quality: "medium" }).losses[0]?.why).toBe(
      "the upstream takes an aspect ratio and not pixels: 3:2 at 2K",
    );
  });

  test("a look that a model cannot give is named by the field that asked for it", () => {
    const names = [{ image_size: "2K", size: "1:1" }, { quality: "hd" }, { size: "3:2" }, {}].map((fields) =>
      generationWith(fields).fieldName("image"),
    );
    expect(names).toEqual(["image_size", "quality", "size", "image"]);
    expect(generationWith({}).fieldName("messages")).toBe("prompt");
  });
});

describe("losses", () => {
  const losing: [field: string, value: JsonValue][] = [
    ["background", "transparent"],
    ["complexity", "high"],
    ["moderation", "low"],
    ["output_compression", 50],
    ["output_format", "jpeg"],
    ["partial_images", 2],
    ["style", "vivid"],
    ["unheard_of", 1],
  ];
  test.each(losing)("%s: %p is reported", (field, value) => {
    expect(generationWith({ [field]: value }).losses.map((loss) => loss.field)).toEqual([field]);
  });

  const idle: [field: string, value: JsonValue][] = [
    ["background", "auto"],
    ["background", "opaque"],
    ["moderation", "auto"],
    ["partial_images", "0"],
    ["output_compression", 100],
    ["response_format", "url"],
    ["svg", { model: "x" }],
  ];
  test.each(idle)("%s: %p asks for nothing that is not done", (field, value) => {
    expect(generationWith({ [field]: value }).losses).toEqual([]);
  });

  test("an edit's own settings are reported", () => {
    expect(editWith({ input_fidelity: "high" }).losses.map(({ field }) => field)).toEqual(["input_fidelity"]);
  });
});

describe("an edit", () => {
  const inline = { inlineData: { mimeType: "image/png", data: PNG } };
  const file = (data: string, mimeType: string) => ({ filename: "x", mimeType, data });
  const given: [name: string, fields: JsonObject, parts: object[]][] = [
    ["a file", { image: file(PNG, "image/png") }, [inline]],
    ["a file whose type is told by its bytes", { image: file(PNG, "application/octet-stream") }, [inline]],
    [
      "files",
      { image: [file(PNG, ""), file(JPEG, "image/jpg")] },
      [inline, { inlineData: { mimeType: "image/jpeg", data: JPEG } }],
    ],
    ["a data URL", { image: PNG_URL }, [inline]],
    ["plain base64", { image: [PNG] }, [inline]],
    ["images with image_url", { image: null, images: [{ image_url: PNG_URL }] }, [inline]],
    ["images as in chat", { image: null, images: [{ image_url: { url: PNG_URL } }] }, [inline]],
    ["images with b64_json", { image: null, images: [{ b64_json: PNG }] }, [inline]],
    [
      "an address",
      { image: null, images: [{ image_url: "https://pictures.test/a.png" }] },
      [{ remote: { url: "https://pictures.test/a.png", mimeType: "image/*", field: "images[0].image_url" } }],
    ],
    [
      "an address alone",
      { image: "http://pictures.test/a" },
      [{ remote: { url: "http://pictures.test/a", mimeType: "image/*", field: "image" } }],
    ],
  ];
  test.each(given)("has %s before the prompt", (_, fields, parts) => {
    expect(editWith(fields).request.contents).toEqual([{ role: "user", parts: [...parts, { text: "a paper boat" }] }]);
  });

  const wrong: [field: string, fields: JsonObject][] = [
    ["image", {}],
    ["image", { image: [] }],
    ["image", { image: 5 }],
    ["image", { image: "not an image" }],
    ["image", { image: "data:application/pdf;base64,JVBERi0=" }],
    ["image", { image: file("", "image/png") }],
    ["image", { image: file(PNG, "text/plain") }],
    ["image", { image: file("AAAA", "") }],
    ["image[1]", { image: [PNG, null] }],
    ["images[0].image_url", { images: [{}] }],
    ["images[0].image_url", { images: [{ image_url: 5 }] }],
    ["images[0].image_url.url", { images: [{ image_url: { url: 5 } }] }],
    ["images[0].file_id", { images: [{ file_id: "file-1" }] }],
    ["mask", { image: PNG, mask: file(PNG, "image/png") }],
    ["markup", { image: PNG, markup: file(PNG, "image/png") }],
  ];
  test.each(wrong)("refuses what is wrong with %s: %j", (field, fields) => {
    expect(editRefusal({ prompt: "a paper boat", ...fields })).toMatchObject({
      kind: "invalid-request",
      detail: { field },
    });
  });
});

describe("refusals", () => {
  const wrong: [field: string, value: JsonValue][] = [
    ["prompt", null],
    ["prompt", " \n"],
    ["prompt", 5],
    ["prompt", ["a"]],
    ["model", 5],
    ["n", 0],
    ["n", 11],
    ["n", "two"],
    ["n", true],
    ["size", "large"],
    ["size", "0x0"],
    ["size", 1024],
    ["quality", "best"],
    ["image_size", "8K"],
    ["imageSize", "1024"],
    ["aspect_ratio", "7:3"],
    ["response_format", "json"],
    ["output_format", "gif"],
    ["output_format", "svg"],
    ["output_compression", "much"],
    ["stream", "yes"],
    ["background", 5],
  ];
  test.each(wrong)("%s: %p is a 400 that names it", (field, value) => {
    expect(generationRefusal({ prompt: "a paper boat", [field]: value })).toMatchObject({
      kind: "invalid-request",
      detail: { field },
    });
  });

  test("a body that is no object is refused", () => {
    const kinds = [null, [], "text", 5, true].map((body) => generationRefusal(body).kind);
    expect(new Set(kinds)).toEqual(new Set(["invalid-request"]));
  });

  test("a refused format lists those that are not", () => {
    expect(generationRefusal({ prompt: "a", output_format: "gif" }).message).toBe(
      'Invalid value for \'output_format\'. Supported values are: ("png" | "jpeg" | "webp").',
    );
  });
});
