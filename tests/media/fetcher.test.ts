import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { GatewayError } from "../../src/core/errors.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createMediaFetcher, type MediaFetch, type MediaFetcherDeps } from "../../src/media/fetcher.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { startTlsFront } from "../support/tls-front.ts";

const FIELD = "messages[0].content[0].image_url.url";
const PNG = Uint8Array.fromBase64("iVBORw0KGgo=");

interface Asked {
  url: string;
  host: string | undefined;
  proxy: string | undefined;
  serverName: string | undefined;
}

type Answer = Response | "unreachable";

/** A fetcher on a network that is played: names, and what is answered under each address. */
function setup(answers: Record<string, Answer | (() => Answer)> = {}, over: Partial<MediaFetcherDeps> = {}) {
  const asked: Asked[] = [];
  const resolved: string[] = [];
  const fetch: MediaFetch = async (url, { headers, proxy, tls }) => {
    asked.push({
      url,
      host: headers["host"],
      proxy: proxy === false ? undefined : proxy.url,
      serverName: tls?.serverName,
    });
    const answer = answers[url] ?? png();
    const response = typeof answer === "function" ? answer() : answer;
    if (response === "unreachable") throw new Error("ECONNREFUSED 10.0.0.1");
    return response;
  };
  const fetcher = createMediaFetcher({
    async resolve(hostname) {
      resolved.push(hostname);
      const addresses = ADDRESSES[hostname];
      if (!addresses) throw new Error("ENOTFOUND");
      return addresses;
    },
    fetch,
    proxyFor: () => undefined,
    clock: fakeClock(),
    maxBytes: 1000,
    timeoutMs: 15_000,
    userAgent: "ag/0.0.0",
    ...over,
  });
  const get = (url: string, signal = new AbortController().signal) => fetcher.fetch({ url, field: FIELD }, signal);
  return { get, asked, resolved };
}

const ADDRESSES: Record<string, string[]> = {
  "a.test": ["198.41.0.4"],
  "b.test": ["2606:4700::1111", "199.9.14.201"],
  "inside.test": ["10.0.0.1"],
  "half.test": ["198.41.0.4", "127.0.0.1"],
  "mapped.test": ["::ffff:169.254.169.254"],
  "zone.test": ["fe80::1%eth0"],
  "nobody.test": [],
  "xn--bcher-kva.test": ["198.41.0.4"],
};

const png = () => new Response(PNG, { headers: { "content-type": "image/png" } });
const redirect = (location: string, status = 302) => new Response("elsewhere", { status, headers: { location } });

async function refusal(work: Promise<unknown>): Promise<GatewayError> {
  try {
    await work;
  } catch (cause) {
    if (cause instanceof GatewayError) return cause;
    throw cause;
  }
  throw new Error("was not refused");
}

const NOT_PUBLIC = `${FIELD}: the address is not public; send the file itself, as base64`;
const UNREACHABLE = `${FIELD}: the address cannot be reached`;

describe("what may be asked", () => {
  test.each([
    ["loopback", "http://127.0.0.1/"],
    ["loopback in decimal", "http://2130706433/"],
    ["loopback in hexadecimal", "http://0x7f000001/"],
    ["loopback in octal", "http://0177.0.0.1/"],
    ["loopback in short", "http://127.1/"],
    ["loopback with a dot at the end", "http://127.0.0.1./"],
    ["loopback in full-width digits", "http://１２７.0.0.1/"],
    ["loopback with percent signs", "http://%31%32%37.0.0.1/"],
    ["loopback with a port", "https://127.0.0.1:8443/a.png"],
    ["this host", "http://0/"],
    ["IPv6 loopback", "http://[::1]/"],
    ["IPv6 loopback in full", "http://[0:0:0:0:0:0:0:1]/"],
    ["mapped loopback", "http://[::ffff:127.0.0.1]/"],
    ["mapped metadata in hex", "http://[::ffff:a9fe:a9fe]/"],
    ["NAT64 metadata", "http://[64:ff9b::169.254.169.254]/"],
    ["metadata", "http://169.254.169.254/latest/meta-data/"],
    ["metadata by name", "http://metadata.google.internal/"],
    ["a private address", "http://192.168.1.1/"],
    ["localhost", "http://localhost:11434/"],
    ["localhost in capitals and full-width", "http://ＬＯＣＡＬhost/"],
    ["localhost with a dot at the end", "http://localhost./"],
    ["below localhost", "http://a.localhost/"],
    ["a name without a dot", "http://router/"],
    ["a printer", "http://printer.local/"],
    ["a name with a private address", "http://inside.test/"],
    ["a name of which one address is private", "http://half.test/"],
    ["a name with a mapped address", "http://mapped.test/"],
    ["a name with a zone", "http://zone.test/"],
    ["a slash the other way", "http:\\\\127.0.0.1\\a"],
  ])("%s is refused before anything is asked", async (_, url) => {
    const { get, asked } = setup();
    const error = await refusal(get(url));
    expect([error.kind, error.message, error.detail]).toEqual(["invalid-request", NOT_PUBLIC, { field: FIELD }]);
    expect(asked).toEqual([]);
  });

  test.each([
    ["another scheme", "ftp://a.test/a.png", "does not begin with http:// or https://"],
    ["a file", "file:///etc/passwd", "does not begin with http:// or https://"],
    ["a user name", "http://user@a.test/", "holds a user name or a password"],
    ["a password", "http://:secret@a.test/", "holds a user name or a password"],
    ["a user name that looks like a host", "http://a.test@127.0.0.1/", "holds a user name or a password"],
    ["no URL", "http://", "is not a valid URL"],
    ["an IPv6 zone", "http://[fe80::1%25eth0]/", "is not a valid URL"],
    ["too many numbers", "http://1.2.3.4.5/", "is not a valid URL"],
    ["a name that is unknown", "http://unknown.test/", "cannot be reached"],
    ["a name without addresses", "http://nobody.test/", "cannot be reached"],
  ])("%s is refused with its reason", async (_, url, why) => {
    const { get, asked } = setup();
    expect((await refusal(get(url))).message).toBe(`${FIELD}: the address ${why}`);
    expect(asked).toEqual([]);
  });

  test("the connection is made to the address that was checked, under the name that was asked for", async () => {
    const { get, asked, resolved } = setup();
    await get("https://a.test:8443/a%20b.png?x=1#y");
    await get("http://A.test./");
    await get("http://bücher.test/");
    expect(asked).toEqual([
      { url: "https://198.41.0.4:8443/a%20b.png?x=1#y", host: "a.test:8443", proxy: undefined, serverName: "a.test" },
      { url: "http://198.41.0.4/", host: "a.test.", proxy: undefined, serverName: undefined },
      { url: "http://198.41.0.4/", host: "xn--bcher-kva.test", proxy: undefined, serverName: undefined },
    ]);
    expect(resolved).toEqual(["a.test", "a.test", "xn--bcher-kva.test"]);
  });

  test("a public IP address is asked as it is", async () => {
    const { get, asked, resolved } = setup();
    await get("https://198.41.0.4/a.png");
    expect(asked).toEqual([
      { url: "https://198.41.0.4/a.png", host: undefined, proxy: undefined, serverName: undefined },
    ]);
    expect(resolved).toEqual([]);
  });

  test("of several addresses the next is tried when one cannot be reached, IPv4 first", async () => {
    const { get, asked } = setup({ "http://199.9.14.201/": "unreachable" });
    expect(await get("http://b.test/")).toEqual({ mimeType: "image/png", data: "iVBORw0KGgo=" });
    expect(asked.map(({ url }) => url)).toEqual(["http://199.9.14.201/", "http://[2606:4700::1111]/"]);
  });

  test("a proxy is given the name, which was checked here first", async () => {
    const { get, asked } = setup({}, { proxyFor: () => "http://proxy.test:8080" });
    await get("https://a.test/a.png");
    const refused = await Promise.all(
      ["http://inside.test/", "http://127.0.0.1/", "http://unknown.test/"].map((url) => refusal(get(url))),
    );
    expect(refused.map(({ message }) => message)).toEqual([NOT_PUBLIC, NOT_PUBLIC, UNREACHABLE]);
    expect(asked).toEqual([
      { url: "https://a.test/a.png", host: undefined, proxy: "http://proxy.test:8080", serverName: undefined },
    ]);
  });
});

describe("redirects", () => {
  test("are followed, relative ones too, each to an address that was checked anew", async () => {
    const { get, asked } = setup({
      "http://198.41.0.4/": redirect("https://b.test/x", 301),
      "https://199.9.14.201/x": redirect("../y?z", 307),
    });
    expect(await get("http://a.test/")).toEqual({ mimeType: "image/png", data: "iVBORw0KGgo=" });
    expect(asked.map(({ url, host }) => [url, host])).toEqual([
      ["http://198.41.0.4/", "a.test"],
      ["https://199.9.14.201/x", "b.test"],
      ["https://199.9.14.201/y?z", "b.test"],
    ]);
  });

  test.each([
    ["to a private address", "http://10.0.0.1/", NOT_PUBLIC],
    ["to a name with a private address", "http://inside.test/", NOT_PUBLIC],
    ["to another scheme", "file:///etc/passwd", `${FIELD}: the address does not begin with http:// or https://`],
    ["with a password", "http://a:b@b.test/", `${FIELD}: the address holds a user name or a password`],
    ["in a circle", "http://a.test/", `${FIELD}: the address redirects more than 5 times`],
  ])("%s are refused", async (_, location, message) => {
    const { get, asked } = setup({ "http://198.41.0.4/": () => redirect(location) });
    expect((await refusal(get("http://a.test/"))).message).toBe(message);
    expect(asked.every(({ url }) => url === "http://198.41.0.4/")).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(6);
  });

  test("an answer that names no other place is a failure like any other", async () => {
    const { get } = setup({ "http://198.41.0.4/": new Response(null, { status: 302 }) });
    expect((await refusal(get("http://a.test/"))).message).toBe(`${FIELD}: the address was answered with status 302`);
  });
});

describe("the answer", () => {
  test.each([
    ["that is an error", new Response("no", { status: 404 }), "was answered with status 404"],
    ["that is empty", new Response("", { headers: { "content-type": "image/png" } }), "leads to an empty file"],
    ["that is a page", new Response("<html>", { headers: { "content-type": "text/html" } }), "leads to a web page"],
    [
      "that says it is too large",
      new Response(PNG, { headers: { "content-type": "image/png", "content-length": "1001" } }),
      "leads to a file larger than 1000 bytes (media.maxBytes)",
    ],
    [
      "that is too large without saying so",
      new Response(endless(), { headers: { "content-type": "image/png" } }),
      "leads to a file larger than 1000 bytes (media.maxBytes)",
    ],
    ["that breaks off", new Response(broken(), { headers: { "content-type": "image/png" } }), "cannot be reached"],
    ["that does not come", "unreachable" as const, "cannot be reached"],
  ])("%s is refused", async (_, answer, why) => {
    const { get } = setup({ "http://198.41.0.4/": answer });
    const error = await refusal(get("http://a.test/"));
    expect([error.kind, error.message]).toEqual(["invalid-request", `${FIELD}: the address ${why}`]);
  });

  test("the rest of a file that is too large is not read", async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 400;
        controller.enqueue(new Uint8Array(400));
      },
    });
    const { get } = setup({ "http://198.41.0.4/": new Response(body) });
    await refusal(get("http://a.test/"));
    expect(sent).toBeLessThanOrEqual(2000);
  });

  test("a file of just the largest size is taken", async () => {
    const bytes = new Uint8Array(1000);
    const { get } = setup({ "http://198.41.0.4/": new Response(bytes, { headers: { "content-type": "audio/pcm" } }) });
    expect(await get("http://a.test/")).toEqual({ mimeType: "audio/pcm", data: bytes.toBase64() });
  });

  test("what comes too late is given up, and the request with it", async () => {
    const clock = fakeClock();
    let aborted = false;
    const fetch: MediaFetch = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        });
      });
    const { get } = setup({}, { clock, fetch });
    const failed = refusal(get("http://a.test/"));
    await clock.advance(14_999);
    expect(aborted).toBe(false);
    await clock.advance(1);
    expect((await failed).message).toBe(`${FIELD}: the address took longer than 15 s (media.timeoutMs)`);
    expect(aborted).toBe(true);
    expect(clock.sleeping()).toEqual([]);
  });

  test("the time limit holds for a name that nobody resolves, too", async () => {
    const clock = fakeClock();
    const { get } = setup({}, { clock, resolve: () => new Promise(() => {}) });
    const failed = refusal(get("http://a.test/"));
    await clock.advance(15_000);
    expect((await failed).message).toContain("took longer than 15 s");
  });

  test("a client that goes away ends it as cancelled", async () => {
    const gone = new AbortController();
    const { get } = setup({}, { resolve: () => new Promise(() => {}) });
    const failed = refusal(get("http://a.test/", gone.signal));
    await settle();
    gone.abort();
    expect((await failed).kind).toBe("cancelled");
  });

  test("no timer is left behind", async () => {
    const clock = fakeClock();
    await setup({}, { clock }).get("http://a.test/");
    expect(clock.sleeping()).toEqual([]);
  });
});

describe("over real connections", () => {
  const onLoopback = (name: string, ca?: string): Partial<MediaFetcherDeps> => ({
    clock: systemClock,
    maxBytes: 100_000,
    resolve: async (hostname) => (hostname === name ? ["127.0.0.1"] : []),
    mayConnectTo: (address) => address === "127.0.0.1",
    fetch: (url, options) => fetch(url, { ...options, ...(ca && { tls: { ...options.tls, ca } }) }),
  });

  const serve = (answer: (request: Request) => Response) =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });

  test("nothing is sent but our own headers, and compressed files come out whole", async () => {
    const seen: Record<string, string>[] = [];
    const text = "a long line, again and again\n".repeat(100);
    await using server = serve((request) => {
      seen.push(Object.fromEntries(request.headers));
      const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
      return new Response(Bun.gzipSync(text), { headers });
    });
    const { get } = setup({}, onLoopback("files.test"));
    const file = await get(`http://files.test:${server.port}/`);
    expect([file.mimeType, Buffer.from(file.data, "base64").toString()]).toEqual(["text/plain", text]);
    const names = Object.keys(seen[0] ?? {}).filter((name) => name !== "connection");
    expect(names.sort()).toEqual(["accept", "accept-encoding", "host", "user-agent"]);
    expect(seen[0]).toMatchObject({ "user-agent": "ag/0.0.0", host: `files.test:${server.port}` });
  });

  test("what is small on the wire and large when unpacked is too large", async () => {
    const bomb = Bun.gzipSync(new Uint8Array(10_000_000));
    await using server = serve(
      () => new Response(bomb, { headers: { "content-type": "image/png", "content-encoding": "gzip" } }),
    );
    const { get } = setup({}, onLoopback("files.test"));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await refusal(get(`http://files.test:${server.port}/`))).message).toContain("larger than 100000 bytes");
  });

  test("a proxy is asked for the name, and the certificate behind it must be for that", async () => {
    await using server = serve(() => png());
    await using front = await startTlsFront(`http://127.0.0.1:${server.port}`, ["files.test"]);
    await using proxy = await startConnectProxy({ "files.test": front.port, "other.test": front.port });
    const ca = readFileSync(front.certificateFile, "utf8");
    const through = (name: string) =>
      setup({}, { ...onLoopback(name, ca), proxyFor: () => proxy.url }).get(`https://${name}/a.png`);
    expect(await through("files.test")).toMatchObject({ mimeType: "image/png" });
    expect((await refusal(through("other.test"))).message).toBe(UNREACHABLE);
    expect(proxy.asked).toEqual(["CONNECT files.test:443", "CONNECT other.test:443"]);
  });

  test("the certificate must be for the name that was asked for, not for the address that was pinned", async () => {
    await using server = serve(() => png());
    await using front = await startTlsFront(`http://127.0.0.1:${server.port}`, ["files.test"]);
    const ca = readFileSync(front.certificateFile, "utf8");
    const url = (name: string) => `https://${name}:${front.port}/a.png`;
    expect(await setup({}, onLoopback("files.test", ca)).get(url("files.test"))).toMatchObject({
      mimeType: "image/png",
    });
    const other = await refusal(setup({}, onLoopback("other.test", ca)).get(url("other.test")));
    const unknown = await refusal(setup({}, onLoopback("files.test")).get(url("files.test")));
    expect([other.message, unknown.message]).toEqual([UNREACHABLE, UNREACHABLE]);
  });
});

function endless(): ReadableStream {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(400)) });
}

function broken(): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(PNG);
      controller.error(new Error("reset"));
    },
  });
}
