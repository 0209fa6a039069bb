import { describe, expect, test } from "bun:test";
import { asGatewayError, GatewayError } from "../../src/core/errors.ts";
import type { Blob64, Part, RemoteMedia } from "../../src/core/request.ts";
import { type FetchMedia, inlineRemoteMedia, refuseMedia, rememberMedia } from "../../src/gateway/inline-media.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { plainRequest } from "../support/requests.ts";

const at = (url: string, more: Partial<RemoteMedia> = {}): RemoteMedia => ({ url, field: `field of ${url}`, ...more });
const request = (...parts: Part[]) => plainRequest({ contents: [{ role: "user", parts }] });
const file = (name: string): Blob64 => ({ mimeType: "image/png", data: `${name}AA` });
const never = new AbortController().signal;

/** Fetches whatever is asked for, at once, and writes it down. */
function fetching(over: (media: RemoteMedia) => Blob64 | Promise<Blob64> = ({ url }) => file(url)) {
  const asked: string[] = [];
  const fetchMedia: FetchMedia = async (media) => {
    asked.push(media.url);
    return over(media);
  };
  return { asked, fetchMedia };
}

describe("inlineRemoteMedia", () => {
  test("a request without addresses is the same object, and nothing is fetched", async () => {
    const { asked, fetchMedia } = fetching();
    const plain = request({ text: "a" }, { inlineData: file("x") });
    expect(await inlineRemoteMedia(plain, fetchMedia, never)).toBe(plain);
    expect(asked).toEqual([]);
  });

  test("files take the place of their addresses, in tools' results too; the original stays as it was", async () => {
    const { fetchMedia } = fetching();
    const response = { id: "t", name: "f", response: { result: "r" } };
    const first = { role: "model" as const, parts: [{ text: "a" }] };
    const remote = plainRequest({
      contents: [
        first,
        {
          role: "user",
          parts: [
            { text: "b" },
            { remote: at("u1"), native: { videoMetadata: { fps: 1 } } },
            { functionResponse: { ...response, media: [file("x"), at("u2")] } },
            { functionResponse: response },
          ],
        },
      ],
    });
    const before = structuredClone(remote);
    const { contents, ...rest } = await inlineRemoteMedia(remote, fetchMedia, never);
    expect(contents).toEqual([
      first,
      {
        role: "user",
        parts: [
          { text: "b" },
          { inlineData: file("u1"), native: { videoMetadata: { fps: 1 } } },
          { functionResponse: { ...response, media: [file("x"), file("u2")] } },
          { functionResponse: response },
        ],
      },
    ]);
    expect(contents[0]).toBe(first);
    expect({ ...rest, contents: before.contents }).toEqual(before);
    expect(remote).toEqual(before);
  });

  test("a text file is given as text", async () => {
    const { fetchMedia } = fetching(() => ({ mimeType: "text/csv", data: "YSzDqQ==" }));
    expect((await inlineRemoteMedia(request({ remote: at("u") }), fetchMedia, never)).contents).toEqual([
      { role: "user", parts: [{ text: "a,é" }] },
    ]);
  });

  test("an address is fetched once however often it is named, unless as something else", async () => {
    const { asked, fetchMedia } = fetching();
    const parts = [at("u1"), at("u2"), at("u1", { field: "other" }), at("u1", { mimeType: "image/*" })];
    await inlineRemoteMedia(request(...parts.map((remote) => ({ remote }))), fetchMedia, never);
    expect(asked).toEqual(["u1", "u2", "u1"]);
  });

  test("no more than four are fetched at a time", async () => {
    const waiting: (() => void)[] = [];
    const { asked, fetchMedia } = fetching(async ({ url }) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return file(url);
    });
    const parts = Array.from({ length: 6 }, (_, index) => ({ remote: at(`u${index}`) }));
    const done = inlineRemoteMedia(request(...parts), fetchMedia, never);
    await settle();
    expect(asked).toHaveLength(4);
    waiting.shift()?.();
    await settle();
    expect(asked).toHaveLength(5);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await settle();
    }
    expect((await done).contents[0]?.parts).toHaveLength(6);
  });

  test("the first failure is the request's, and ends the others", async () => {
    const signals: AbortSignal[] = [];
    const fetchMedia: FetchMedia = async ({ url, field }, signal) => {
      signals.push(signal);
      if (url === "bad") throw new GatewayError("invalid-request", "no", { field });
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const parts = ["u1", "bad", "u2", "u3", "u4", "u5"].map((url) => ({ remote: at(url) }));
    const error = await inlineRemoteMedia(request(...parts), fetchMedia, never).catch(asGatewayError);
    expect(error).toMatchObject({ kind: "invalid-request", detail: { field: "field of bad" } });
    expect(signals).toHaveLength(4);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });

  test("more files than a request may name are refused before any is fetched", async () => {
    const { asked, fetchMedia } = fetching();
    const parts = Array.from({ length: 51 }, (_, index) => ({ remote: at(`u${index}`) }));
    const error = await inlineRemoteMedia(request(...parts), fetchMedia, never).catch(asGatewayError);
    expect(error).toMatchObject({ kind: "invalid-request", detail: { field: "field of u50" } });
    expect(asked).toEqual([]);
    await inlineRemoteMedia(request(...parts.slice(1)), fetchMedia, never);
    expect(asked).toHaveLength(50);
  });

  test("files that are too large together are refused", async () => {
    const { fetchMedia } = fetching(() => ({ mimeType: "image/png", data: "A".repeat(40_000_000) }));
    const parts = ["u1", "u2", "u3", "u4"].map((url) => ({ remote: at(url) }));
    const error = await inlineRemoteMedia(request(...parts), fetchMedia, never).catch(asGatewayError);
    expect(error).toMatchObject({
      kind: "invalid-request",
      message: "field of u4: the files named by address are too large together",
    });
  });

  test("where fetching is switched off, the refusal names the setting", async () => {
    const error = await inlineRemoteMedia(
      request({ remote: at("u") }),
      refuseMedia('"media": { "fetch": false }'),
      never,
    ).catch(asGatewayError);
    expect(error).toMatchObject({ kind: "invalid-request", detail: { field: "field of u" } });
    expect(error).toHaveProperty("message", expect.stringContaining('"media": { "fetch": false }'));
  });
});

describe("rememberMedia", () => {
  test("a file is fetched once in ten minutes, whichever request names it", async () => {
    const clock = fakeClock();
    const { asked, fetchMedia } = fetching();
    const remembered = rememberMedia(fetchMedia, clock);
    const first = await remembered(at("u"), never);
    await clock.advance(599_999);
    expect(await remembered(at("u", { field: "other" }), never)).toBe(first);
    expect(asked).toEqual(["u"]);
    await clock.advance(1);
    expect(await remembered(at("u"), never)).toEqual(first);
    expect(asked).toEqual(["u", "u"]);
  });

  test("a file whose address has expired meanwhile stays what it was", async () => {
    const clock = fakeClock();
    let isThere = true;
    const { asked, fetchMedia } = fetching(() => {
      if (!isThere) throw new GatewayError("invalid-request", "gone");
      return file("x");
    });
    const remembered = rememberMedia(fetchMedia, clock);
    await remembered(at("u"), never);
    isThere = false;
    await clock.advance(600_000);
    expect(await remembered(at("u"), never)).toEqual(file("x"));
    expect(await remembered(at("u"), never)).toEqual(file("x"));
    expect(asked).toEqual(["u", "u"]);
    expect(await remembered(at("other"), never).catch(asGatewayError)).toHaveProperty("message", "gone");
  });

  test("a failure is not remembered", async () => {
    let isThere = false;
    const { fetchMedia } = fetching(() => {
      if (!isThere) throw new GatewayError("invalid-request", "not yet");
      return file("x");
    });
    const remembered = rememberMedia(fetchMedia, fakeClock());
    expect(await remembered(at("u"), never).catch(asGatewayError)).toHaveProperty("message", "not yet");
    isThere = true;
    expect(await remembered(at("u"), never)).toEqual(file("x"));
  });

  test("what is held is bounded: the file that was used longest ago goes first", async () => {
    const { asked, fetchMedia } = fetching(() => ({ mimeType: "image/png", data: "A".repeat(30_000_000) }));
    const remembered = rememberMedia(fetchMedia, fakeClock());
    for (const url of ["u1", "u2", "u1", "u3", "u1", "u2"]) await remembered(at(url), never);
    expect(asked).toEqual(["u1", "u2", "u3", "u2"]);
  });

  test("long addresses count as much as what they lead to", async () => {
    const { asked, fetchMedia } = fetching(() => file("x"));
    const remembered = rememberMedia(fetchMedia, fakeClock());
    const [first, second, third] = ["1", "2", "3"].map((end) => `${"u".repeat(30_000_000)}${end}`);
    for (const url of [first, second, third, first]) await remembered(at(url ?? ""), never);
    expect(asked.length).toBe(4);
  });
});
