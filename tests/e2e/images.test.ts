import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { toFile } from "openai";
import type { JsonObject } from "../../src/lib/json.ts";
import { failure, gate, image, pause, stoppedFor, text, turn } from "../support/cloudcode/index.ts";
import { GEMINI_3, IMAGE } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, startBench } from "./support/bench.ts";
import { PNG } from "./support/media.ts";
import { messageOf, userSays } from "./support/openai.ts";
import { contentsOf, lastRequest, partsOf, requestOf } from "./support/wire.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

/** A picture after the draft that it began as. */
const drawn = (data = PNG) => turn([image("RFJBRlQ=", { draft: true }), text("Here: "), image(data)]);
const prompt = "a paper boat";
const boat = () => toFile(Uint8Array.fromBase64(PNG), "boat.png", { type: "image/png" });

async function post(path: string, body: JsonObject, headers: Record<string, string> = {}) {
  const reply = await fetch(`${bench.url()}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: reply.status, headers: reply.headers, text: await reply.text() };
}

describe("generations", () => {
  test("the finished picture comes back, and nothing but what an image model takes goes out", async () => {
    bench.upstream.next(drawn());
    const reply = await bench.openai().images.generate({ prompt, size: "1792x1024", quality: "hd", user: "person-1" });
    expect(reply.data).toEqual([{ b64_json: PNG }]);
    expect(reply).toMatchObject({ output_format: "png", quality: "high", size: "1x1" });
    expect(bench.upstream.refusals()).toEqual([]);
    const { contents, generationConfig, ...others } = lastRequest(bench.upstream);
    expect(contents).toEqual([{ role: "user", parts: [{ text: prompt }] }]);
    expect(generationConfig).toEqual({
      candidateCount: 1,
      imageConfig: { aspectRatio: "16:9", imageSize: "4K" },
    });
    expect(Object.keys(others)).toEqual(["sessionId"]);
    expect(bench.upstream.calls()[0]?.body).toMatchObject({ requestType: "image_gen", model: IMAGE });
  });

  test.each(["dall-e-3", "gpt-image-1", "chatgpt-image-latest", "image"])(
    "%s is a name of an image model",
    async (model) => {
      bench.upstream.next(drawn());
      const { data, response } = await bench.openai().images.generate({ model, prompt }).withResponse();
      expect(data.data).toEqual([{ b64_json: PNG }]);
      expect(response.headers.get("x-ag-model")).toBe(IMAGE);
    },
  );

  test("a model's name may say the look, and the body wins over it", async () => {
    bench.upstream.always(drawn());
    await bench.openai().images.generate({ model: `${IMAGE}-4k-16x9`, prompt, size: "auto" });
    expect(lastRequest(bench.upstream).generationConfig?.imageConfig).toEqual({ aspectRatio: "16:9", imageSize: "4K" });
    await bench.openai().images.generate({ model: `${IMAGE}-4k`, prompt, quality: "medium" });
    expect(lastRequest(bench.upstream).generationConfig?.imageConfig).toEqual({ imageSize: "2K" });
  });

  test("n pictures are asked for at the same time", async () => {
    const opened = gate();
    bench.upstream.script([1, 2, 3].map(() => turn([pause(opened), image(PNG)])));
    const reply = bench.openai().images.generate({ prompt, n: 3 });
    const asked = reply.then(({ data }) => data?.length);
    await bench.upstream.call(3);
    opened.open();
    expect(await asked).toBe(3);
  });

  test("of n answers one that is withheld is left out and named as lost", async () => {
    bench.upstream.script([drawn(), stoppedFor("IMAGE_SAFETY"), drawn()]);
    const { data, response } = await bench.openai().images.generate({ prompt, n: 3 }).withResponse();
    expect(data.data).toEqual([{ b64_json: PNG }, { b64_json: PNG }]);
    expect(response.headers.get("x-ag-loss")).toContain("n (1 of 3 was withheld");
  });

  test("of n pictures one whose call fails is named as lost", async () => {
    bench.upstream.script([drawn(), failure("invalid-argument")]);
    const { data, response } = await bench.openai().images.generate({ prompt, n: 2 }).withResponse();
    expect(data.data).toEqual([{ b64_json: PNG }]);
    expect(response.headers.get("x-ag-loss")).toContain("n (1 of 2 failed");
  });

  test("a picture that is withheld is a refusal with the code that clients know", async () => {
    bench.upstream.next(stoppedFor("IMAGE_SAFETY"));
    const refusal = await failureOf(bench.openai().images.generate({ prompt }));
    expect(refusal).toBeInstanceOf(OpenAI.BadRequestError);
    expect(refusal).toMatchObject({ code: "moderation_blocked", param: "prompt" });
  });

  test("words instead of a picture are a failure that does not repeat them", async () => {
    bench.upstream.always("s3cret words");
    const reply = await post("/v1/images/generations", { prompt });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain("made no picture");
    expect(reply.text).not.toContain("s3cret");
  });

  test("a model that makes no pictures is refused by name before it is asked", async () => {
    const reply = await post("/v1/images/generations", { prompt, model: GEMINI_3 });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text)).toMatchObject({ error: { param: "model" } });
    expect(bench.upstream.calls()).toEqual([]);
  });

  test("a stream has one event for each picture", async () => {
    bench.upstream.script([drawn(), drawn()]);
    const events: string[] = [];
    for await (const event of await bench.openai().images.generate({ prompt, n: 2, stream: true })) {
      events.push(`${event.type} ${event.b64_json === PNG}`);
    }
    expect(events).toEqual(["image_generation.completed true", "image_generation.completed true"]);
  });

  test("a stream without a picture has its true status", async () => {
    bench.upstream.next(stoppedFor("IMAGE_SAFETY"));
    const reply = await post("/v1/images/generations", { prompt, stream: true });
    expect(reply.status).toBe(400);
  });

  test("an address is a data URL", async () => {
    bench.upstream.next(drawn());
    const reply = await bench.openai().images.generate({ prompt, response_format: "url" });
    expect(reply.data).toEqual([{ url: `data:image/png;base64,${PNG}` }]);
  });
});

describe("edits", () => {
  test("uploaded pictures stand before the prompt", async () => {
    bench.upstream.next(drawn());
    const reply = await bench.openai().images.edit({ image: [await boat(), await boat()], prompt, size: "1024x1536" });
    expect(reply.data).toEqual([{ b64_json: PNG }]);
    expect(bench.upstream.refusals()).toEqual([]);
    const inlineData = { mimeType: "image/png", data: PNG };
    const request = lastRequest(bench.upstream);
    expect(partsOf(contentsOf(request)[0])).toEqual([{ inlineData }, { inlineData }, { text: prompt }]);
    expect(request.generationConfig?.imageConfig).toEqual({ aspectRatio: "2:3" });
  });

  test("pictures in JSON are taken too", async () => {
    bench.upstream.next(drawn());
    const images = [{ image_url: `data:image/png;base64,${PNG}` }];
    const reply = await post("/v1/images/edits", { prompt, images });
    expect(JSON.parse(reply.text)).toMatchObject({ data: [{ b64_json: PNG }] });
  });

  test("a mask is refused by name", async () => {
    const refusal = await failureOf(bench.openai().images.edit({ image: await boat(), mask: await boat(), prompt }));
    expect(refusal).toMatchObject({ status: 400, param: "mask" });
    expect(bench.upstream.calls()).toEqual([]);
  });

  test("a form that breaks off is a refusal in this API's form", async () => {
    const reply = await fetch(`${bench.url()}/v1/images/edits`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      body: '--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nboat',
    });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  });
});

describe("an image model in other protocols", () => {
  const shown = `![image](data:image/png;base64,${PNG})`;

  test("gives its finished picture and no draft to a chat client", async () => {
    bench.upstream.next(drawn());
    const { content } = messageOf(await bench.openai().chat.completions.create(userSays(prompt, IMAGE)));
    expect(content).toBe(`Here: ${shown}`);
  });

  test("gives its finished picture and no draft to a Messages client", async () => {
    bench.upstream.next(drawn());
    const { content } = await bench
      .anthropic()
      .messages.create({ model: IMAGE, max_tokens: 1000, messages: [{ role: "user", content: prompt }] });
    const texts = content.map((block) => (block.type === "text" ? block.text : ""));
    expect(texts.join("")).toBe(`Here: ${shown}`);
  });

  test("gives its finished picture and no draft to a Responses client", async () => {
    bench.upstream.next(drawn());
    const { output, output_text: said } = await bench.openai().responses.create({ model: IMAGE, input: prompt });
    expect(said).toBe("Here: ");
    expect(output.flatMap((item) => (item.type === "image_generation_call" ? [item.result] : []))).toEqual([PNG]);
  });

  test("gives its finished picture and no draft to a Gemini client", async () => {
    bench.upstream.next(drawn());
    const gemini = new GoogleGenAI({ apiKey: "AIza-test", httpOptions: { baseUrl: bench.url() } });
    const reply = await gemini.models.generateContent({
      model: IMAGE,
      contents: prompt,
      config: { imageConfig: { aspectRatio: "16:9", imageSize: "2K" } },
    });
    const parts = reply.candidates?.[0]?.content?.parts ?? [];
    expect(parts.map((part) => part.inlineData?.data ?? part.text)).toEqual(["Here: ", PNG]);
    const [call] = bench.upstream.calls();
    expect(call && requestOf(call).generationConfig?.imageConfig).toEqual({ aspectRatio: "16:9", imageSize: "2K" });
  });
});
