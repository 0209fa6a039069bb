import { afterEach, describe, expect, test } from "bun:test";
import { type Bind, type Listener, type Loopback, openLoopback } from "../../src/auth/loopback.ts";
import { failedPage, signedInPage } from "../../src/auth/pages.ts";
import { signInFailure } from "../../src/auth/sign-in-errors.ts";
import { fakeClock } from "../support/clock.ts";
import { rawRequest } from "../support/raw-http.ts";
import { takenPorts } from "../support/taken-ports.ts";

const STATE = "state-of-this-sign-in";
const open: Loopback[] = [];
afterEach(() => Promise.all(open.splice(0).map((loopback) => loopback.close())));

function listen(bind?: Bind): Loopback {
  const loopback = openLoopback(STATE, fakeClock(), bind);
  if (!loopback) throw new Error("nothing could be bound");
  open.push(loopback);
  return loopback;
}

const portOf = (loopback: Loopback) => Number(new URL(loopback.redirectUri).port);
const PAGE = signedInPage("owner@example.test", true);

/** Binds nothing; `refuse` names the system's error for an address, if any. Free ports are 60001, 60002, … */
function scriptedBind(refuse: (hostname: string, port: number) => string | undefined) {
  const tried: string[] = [];
  const bound = new Set<string>();
  let free = 60_000;
  const bind: Bind = (hostname, port): Listener => {
    tried.push(`${hostname} ${port}`);
    const code = refuse(hostname, port);
    if (code !== undefined) throw Object.assign(new Error("refused"), { code });
    const address = `${hostname} ${port === 0 ? ++free : port}`;
    bound.add(address);
    return { port: port === 0 ? free : port, stop: async () => void bound.delete(address) };
  };
  return { bind, tried, bound };
}

describe("the port", () => {
  test("is the same on both addresses, and localhost leads to either", async () => {
    const loopback = listen();
    expect(loopback.redirectUri).toMatch(/^http:\/\/localhost:\d+\/oauth-callback$/);
    for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
      const answer = await fetch(`http://${host}:${portOf(loopback)}/oauth-callback?state=wrong`);
      expect([host, answer.status]).toEqual([host, 400]);
    }
  });

  test("is 51121 where it is free", () => {
    const { bind, tried } = scriptedBind(() => undefined);
    expect(portOf(listen(bind))).toBe(51_121);
    expect(tried).toEqual(["127.0.0.1 51121", "::1 51121"]);
  });

  test.each(["EADDRINUSE", "EACCES"])("is the next one after %s", (code) => {
    const { bind, tried, bound } = scriptedBind((_, port) => (port === 51_121 ? code : undefined));
    expect(portOf(listen(bind))).toBe(51_122);
    expect(tried).toEqual(["127.0.0.1 51121", "127.0.0.1 51122", "::1 51122"]);
    expect([...bound]).toEqual(["127.0.0.1 51122", "::1 51122"]);
  });

  test("is given up where another program holds it on one address only", () => {
    const { bind, bound } = scriptedBind((host, port) => (host === "::1" && port < 51_124 ? "EADDRINUSE" : undefined));
    expect(portOf(listen(bind))).toBe(51_124);
    expect([...bound]).toEqual(["127.0.0.1 51124", "::1 51124"]);
  });

  test("is any free one after 51126, the same number on both addresses", () => {
    const { bind, tried } = scriptedBind((host, port) => {
      if (port !== 0 && port < 60_000) return "EADDRINUSE";
      return host === "::1" && port === 60_001 ? "EADDRINUSE" : undefined;
    });
    expect(portOf(listen(bind))).toBe(60_002);
    expect(tried.slice(-4)).toEqual(["127.0.0.1 0", "::1 60001", "127.0.0.1 0", "::1 60002"]);
  });

  test("is another one when all six are really taken", async () => {
    await using _taken = takenPorts(51_121, 51_126);
    const loopback = listen();
    expect(portOf(loopback)).not.toBeWithin(51_121, 51_127);
    expect((await fetch(`${loopback.redirectUri}?state=wrong`)).status).toBe(400);
  });

  test.each([
    ["127.0.0.1", "EADDRNOTAVAIL"],
    ["127.0.0.1", "EAFNOSUPPORT"],
    ["::1", "EADDRNOTAVAIL"],
    ["::1", "EAFNOSUPPORT"],
  ])("does without %s on a machine that has no such address (%s)", (missing, code) => {
    const { bind, bound } = scriptedBind((host) => (host === missing ? code : undefined));
    expect(listen(bind).redirectUri).toBe("http://localhost:51121/oauth-callback");
    expect([...bound]).toEqual([missing === "::1" ? "127.0.0.1 51121" : "::1 51121"]);
  });

  test("does without a family that is said to be taken whatever the port", () => {
    const { bind } = scriptedBind((host) => (host === "::1" ? "EADDRINUSE" : undefined));
    expect(portOf(listen(bind))).toBeGreaterThan(60_000);
  });

  test("cannot be had: there is no listener, and no error", () => {
    for (const code of ["EADDRINUSE", "EACCES", "EADDRNOTAVAIL"]) {
      const { bind, bound } = scriptedBind(() => code);
      expect(openLoopback(STATE, fakeClock(), bind)).toBeUndefined();
      expect(bound.size).toBe(0);
    }
  });
});

describe("a stray call", () => {
  test.each([
    ["/favicon.ico", 404],
    ["/", 404],
    [`/oauth-callback/?state=${STATE}&code=4%2F0Test-stray`, 404],
    ["/oauth-callback", 400],
    ["/oauth-callback?code=4%2F0Test-stray", 400],
    ["/oauth-callback?state=wrong&code=4%2F0Test-stray", 400],
    ["/oauth-callback?state=wrong&error=access_denied", 400],
    [`/oauth-callback?state=${STATE}`, 400],
  ])("GET %s is answered with %d, and the sign-in goes on", async (path, status) => {
    const loopback = listen();
    const origin = new URL(loopback.redirectUri).origin;
    expect((await fetch(origin + path)).status).toBe(status);
    const browser = fetch(`${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-right`);
    expect(await loopback.ending).toEqual({ type: "code", code: "4/0Test-right" });
    loopback.show(PAGE);
    expect((await browser).status).toBe(200);
  });

  test("a wrong state is told to the owner, with what to do", async () => {
    const text = await (await fetch(`${listen().redirectUri}?state=wrong&code=4%2F0Test-code`)).text();
    expect(text).toContain("does not belong to the sign-in that ag is waiting for");
    expect(text).toContain("Open the address that it shows in the terminal");
  });

  test.each(["POST", "PUT", "HEAD", "OPTIONS"])("%s is refused even with the right state", async (method) => {
    const loopback = listen();
    const url = `${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-code`;
    const refused = await fetch(url, { method });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET"]);
    const browser = fetch(`${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-other`);
    expect(await loopback.ending).toEqual({ type: "code", code: "4/0Test-other" });
    loopback.show(PAGE);
    await browser;
  });

  test.each([
    ["gateway.example.test", 403],
    ["localhost.example.test:51121", 403],
    ["127.0.0.1.example.test", 403],
    ["LOCALHOST:51121", 400],
    ["127.0.0.1:51121", 400],
    ["[::1]:51121", 400],
  ])("Host %s gets %d", async (host, status) => {
    const url = `http://127.0.0.1:${portOf(listen())}`;
    const reply = await rawRequest(url, { method: "GET", path: "/oauth-callback?state=wrong", headers: { host } });
    expect(reply.status).toBe(status);
  });
});

describe("the browser that brought the ending", () => {
  test("waits for its page, and gets it again when it reloads", async () => {
    const loopback = listen();
    const url = `${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-code`;
    const visits = [fetch(url), fetch(url)];
    await loopback.ending;
    loopback.show(PAGE);
    for (const visit of [...visits, fetch(url)]) {
      const answer = await visit;
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("owner@example.test has been added to ag.");
    }
  });

  test("has its page as a whole when the listener closes, and nobody answers after that", async () => {
    const loopback = listen();
    const browser = fetch(`${loopback.redirectUri}?state=${STATE}&error=access_denied`);
    expect(await loopback.ending).toEqual({ type: "error", error: "access_denied" });
    loopback.show(failedPage(signInFailure("access_denied")));
    await loopback.close();
    const answer = await browser;
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.text()).toContain("choose Continue or Allow there");
    await expect(fetch(loopback.redirectUri)).rejects.toThrow();
  });

  test("that does not take its page holds nobody up for long", async () => {
    const clock = fakeClock();
    const loopback = openLoopback(STATE, clock);
    if (!loopback) throw new Error("nothing could be bound");
    // Looked at from the start: the browser is cut off before the listener says that it has closed.
    const browser = fetch(`${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-code`).then(
      () => "answered",
      () => "cut off",
    );
    await loopback.ending;
    const closed = loopback.close(); // without a page
    await clock.advance(2_000);
    await closed;
    expect(await browser).toBe("cut off");
  });

  test("sees no page that could load, run or keep anything", async () => {
    const loopback = listen();
    const answer = await fetch(`${loopback.redirectUri}?state=wrong`);
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(text).not.toMatch(/<script|<img|<link|https?:|url\(|@import/);
    expect(text).toContain("prefers-color-scheme: dark");
  });

  test("sees text as text", async () => {
    const loopback = listen();
    const browser = fetch(`${loopback.redirectUri}?state=${STATE}&code=4%2F0Test-code`);
    await loopback.ending;
    loopback.show(signedInPage(`"<b>o'wner</b>"&@example.test`, false));
    expect(await (await browser).text()).toContain(
      "&quot;&lt;b&gt;o&#x27;wner&lt;/b&gt;&quot;&amp;@example.test was known to ag",
    );
  });
});
