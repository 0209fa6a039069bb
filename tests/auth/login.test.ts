import { afterEach, describe, expect, test } from "bun:test";
import { createTokenClient } from "../../src/auth/google.ts";
import { createSignIn, type SignInDeps } from "../../src/auth/login.ts";
import type { Account } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { SignedIn } from "../../src/core/sign-in.ts";
import type { NewAccount } from "../../src/core/store.ts";
import type { Fetch } from "../../src/lib/fetch.ts";
import { fakeClock, settle } from "../support/clock.ts";
import {
  type CloudCodeOptions,
  type CloudCodeServer,
  DEFAULT_ACCOUNT,
  httpAnswer,
  type ServedAccount,
  startCloudCode,
} from "../support/cloudcode/index.ts";
import { browse, consent } from "../support/scripted-browser.ts";
import { takenPorts } from "../support/taken-ports.ts";

const servers: CloudCodeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

interface Scene {
  server: CloudCodeServer;
  clock: ReturnType<typeof fakeClock>;
  /** Where the owner signs in. */
  url: string;
  /** Everything that the owner was told. */
  told: string[];
  paste(line: string): Promise<void>;
  endInput(): Promise<void>;
  interrupt(): void;
  stored: NewAccount[];
  outcome: Promise<SignedIn | GatewayError>;
}

interface SceneOptions extends Pick<CloudCodeOptions, "accounts"> {
  listen?: boolean;
  label?: string;
  deps?: Partial<SignInDeps>;
  fetch?: Fetch;
}

/** A sign-in that has shown its address, and waits. */
async function begin({
  listen = true,
  label,
  deps = {},
  fetch: ask = fetch,
  accounts,
}: SceneOptions = {}): Promise<Scene> {
  const server = await startCloudCode(accounts ? { accounts } : {});
  servers.push(server);
  const clock = fakeClock();
  const client = () => server.world.client;
  const { tokenUrl, userinfoUrl, authorizeUrl } = server;
  const stored: NewAccount[] = [];
  const signIn = createSignIn({
    tokens: createTokenClient({ fetch: (url, options) => ask(url, options), tokenUrl, userinfoUrl, client, clock }),
    accounts: {
      async add(fresh, now, { again }) {
        if (!again) throw new Error("an explicit sign-in takes back what was removed");
        const known = stored.some(({ email }) => email !== undefined && email === fresh[0]?.email);
        stored.push(...fresh);
        const accounts = fresh.map((account, index): Account => {
          return { ...account, id: `id-${index}`, handle: "a1", enabled: true, addedAt: now };
        });
        return { added: known ? [] : accounts, known: known ? accounts : [], removed: [] };
      },
    },
    authorizeUrl,
    client,
    clock,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    ...deps,
  });
  const address = Promise.withResolvers<string>();
  const told: string[] = [];
  const input = lineQueue();
  const stop = new AbortController();
  const outcome = signIn(
    { listen, ...(label !== undefined && { label }) },
    {
      showAddress: address.resolve,
      askForPaste: () => told.push("paste"),
      refusePaste: (reason) => told.push(reason),
      codeReceived: () => told.push("code"),
      pasted: input.lines,
    },
    stop.signal,
  ).catch((cause: unknown) => {
    if (cause instanceof GatewayError) return cause;
    throw cause;
  });
  const url = await Promise.race([address.promise, outcome.then((ended) => Promise.reject(ended))]);
  await settle();
  return {
    server,
    clock,
    url,
    told,
    stored,
    outcome,
    async paste(line) {
      input.push(line);
      await settle();
    },
    async endInput() {
      input.end();
      await settle();
    },
    interrupt: () => stop.abort(),
  };
}

function lineQueue() {
  let queue: string[] = [];
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    push(line: string) {
      queue.push(line);
      change();
    },
    end() {
      ended = true;
      change();
    },
    lines: (async function* () {
      for (;;) {
        const [line, ...rest] = queue;
        if (line !== undefined) {
          queue = rest;
          yield line;
        } else if (ended) return;
        else await changed.promise;
      }
    })(),
  };
}

const stateOf = (url: string) => new URL(url).searchParams.get("state") ?? "";
const redirectOf = (url: string) => new URL(url).searchParams.get("redirect_uri") ?? "";
const exchanges = (server: CloudCodeServer) => server.log.filter(({ method }) => method === "token");
const OWNER: ServedAccount = { ...DEFAULT_ACCOUNT };

async function failed({ outcome }: Scene): Promise<GatewayError> {
  const ended = await outcome;
  if (!(ended instanceof GatewayError)) throw new Error("the sign-in went well");
  return ended;
}

describe("in the browser", () => {
  test("the code comes back by itself, and the owner sees who was added", async () => {
    const scene = await begin({ label: "team" });
    const { status, page } = await browse(scene.url);
    expect(await scene.outcome).toMatchObject({
      isNew: true,
      account: { handle: "a1", kind: "antigravity", email: OWNER.email, label: "team", secret: OWNER.refreshToken },
    });
    expect(status).toBe(200);
    expect(page).toContain(`${OWNER.email} has been added to ag. You may close this window`);
    expect(scene.told).toEqual(["code"]);
    expect(scene.server.refusals()).toEqual([]);
  });

  test("the exchange carries the same redirect URI as the address, and the verifier of its challenge", async () => {
    await using _taken = takenPorts(51_121, 51_126);
    const scene = await begin();
    await browse(scene.url);
    await scene.outcome;
    expect(redirectOf(scene.url)).not.toMatch(/:5112[1-6]\//);
    expect(exchanges(scene.server).map(({ body }) => body)).toMatchObject([
      { redirect_uri: redirectOf(scene.url), code_verifier: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    expect(scene.server.refusals()).toEqual([]);
  });

  test("a machine without IPv4 signs in over ::1", async () => {
    const scene = await begin({
      deps: {
        bind(hostname, port, handler) {
          if (hostname !== "::1") throw Object.assign(new Error("no IPv4"), { code: "EADDRNOTAVAIL" });
          const server = Bun.serve({ hostname, port: port === 51_121 ? 0 : port, fetch: handler });
          return { port: server.port ?? 0, stop: (all) => server.stop(all) };
        },
      },
    });
    const { status } = await browse(scene.url);
    expect(status).toBe(200);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("a wrong state and stray calls do not end the sign-in", async () => {
    const scene = await begin();
    const redirectUri = redirectOf(scene.url);
    const foreign = await fetch(`${redirectUri}?state=wrong&code=4%2F0Test-stolen`);
    const denied = await fetch(`${redirectUri}?error=access_denied`);
    const icon = await fetch(new URL("/favicon.ico", redirectUri));
    expect([foreign.status, denied.status, icon.status]).toEqual([400, 400, 404]);
    expect(exchanges(scene.server)).toEqual([]);
    await browse(scene.url);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("an e-mail that is known is signed in again in place", async () => {
    const scene = await begin();
    scene.stored.push({ kind: "antigravity", secret: "1//test-old", email: OWNER.email });
    const { page } = await browse(scene.url);
    expect(await scene.outcome).toMatchObject({ isNew: false });
    expect(page).toContain(`${OWNER.email} was known to ag; its sign-in has been renewed.`);
  });

  test("the page does not say that it went well before the account is stored", async () => {
    const scene = await begin({
      deps: { accounts: { add: () => Promise.reject(new GatewayError("unavailable", "The disk is full")) } },
    });
    const { status, page } = await browse(scene.url);
    expect([status, page]).toEqual([400, expect.stringContaining("Not signed in The disk is full.")]);
    expect((await failed(scene)).message).toBe("The disk is full");
  });
});

describe("by paste", () => {
  const WAYS: [string, (back: URL) => string][] = [
    ["the whole address", (back) => back.href],
    ["its query", (back) => back.search],
    ["the bare code", (back) => back.searchParams.get("code") ?? ""],
    ["the code as it stands in the address", (back) => encodeURIComponent(back.searchParams.get("code") ?? "")],
  ];
  test.each(WAYS)("%s is enough, with nothing listening", async (_, pasted) => {
    const scene = await begin({ listen: false });
    expect(scene.told).toEqual(["paste"]);
    expect(redirectOf(scene.url)).toBe("http://localhost:51121/oauth-callback");
    await scene.paste(`  ${pasted(await consent(scene.url))} `);
    expect(await scene.outcome).toMatchObject({ isNew: true, account: { email: OWNER.email } });
    expect(scene.server.refusals()).toEqual([]);
  });

  test.each(WAYS)("%s is enough while the port is open too", async (_, pasted) => {
    const scene = await begin();
    await scene.paste(pasted(await consent(scene.url)));
    expect(await scene.outcome).toMatchObject({ isNew: true });
    await expect(fetch(redirectOf(scene.url))).rejects.toThrow();
  });

  test("the instructions come after 15 seconds, and the browser may come still", async () => {
    const scene = await begin();
    await scene.clock.advance(14_999);
    expect(scene.told).toEqual([]);
    await scene.clock.advance(1);
    expect(scene.told).toEqual(["paste"]);
    await browse(scene.url);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("what is of no use is refused with its reason, and asked for again", async () => {
    const scene = await begin({ listen: false });
    const back = await consent(scene.url);
    const foreign = new URL(back);
    foreign.searchParams.set("state", "x".repeat(43));
    for (const line of ["", "no idea", foreign.href, `?code=${back.searchParams.get("code")}`]) await scene.paste(line);
    expect(scene.told).toEqual([
      "paste",
      "That is neither the address from the browser nor a code",
      expect.stringContaining("belongs to another sign-in"),
      expect.stringContaining("not complete"),
    ]);
    expect(exchanges(scene.server)).toEqual([]);
    await scene.paste(back.href);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("the end of the input ends a sign-in that has no other way", async () => {
    const scene = await begin({ listen: false });
    await scene.endInput();
    expect((await failed(scene)).message).toBe("The input ended before it held a code or an address");
  });

  test("the end of the input does not matter while the port is open", async () => {
    const scene = await begin();
    await scene.endInput();
    await browse(scene.url);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("is asked for at once when no port can be had", async () => {
    const scene = await begin({
      deps: {
        bind() {
          throw Object.assign(new Error("no"), { code: "EACCES" });
        },
      },
    });
    expect(scene.told).toEqual(["paste"]);
    await scene.paste((await consent(scene.url)).search);
    expect(await scene.outcome).toMatchObject({ isNew: true });
  });

  test("a code that was used before is refused by Google, and the sign-in says so", async () => {
    const scene = await begin({ listen: false });
    const back = await consent(scene.url);
    scene.server.world.codes.clear();
    await scene.paste(back.href);
    expect((await failed(scene)).message).toContain("was used before");
  });
});

describe("the end", () => {
  test("comes after five minutes, told as such in both places", async () => {
    const scene = await begin();
    await scene.clock.advance(299_999);
    expect(scene.told).toEqual(["paste"]);
    await scene.clock.advance(1);
    const error = await failed(scene);
    expect([error.kind, error.message]).toEqual([
      "deadline",
      "Nobody signed in within 5 minutes, so the sign-in has ended",
    ]);
    await expect(fetch(redirectOf(scene.url))).rejects.toThrow();
  });

  test("comes with an interruption, and frees the port", async () => {
    const scene = await begin();
    scene.interrupt();
    expect((await failed(scene)).kind).toBe("cancelled");
    await expect(fetch(redirectOf(scene.url))).rejects.toThrow();
  });

  test.each([
    ["access_denied", "account-unusable", "The sign-in was cancelled on Google's page (access_denied)"],
    ["admin_policy_enforced", "account-unusable", "The organization of this Google account does not let ag in"],
    ["server_error", "unavailable", "out of order for the moment"],
    ["<script>alert(1)</script>", "account-unusable", "Google ended the sign-in with an error (unknown)"],
  ])("comes with %s, in the browser and in the terminal", async (consentError, kind, sentence) => {
    const scene = await begin({ accounts: [{ ...OWNER, consentError }] });
    const { status, page } = await browse(scene.url);
    const error = await failed(scene);
    expect(error.kind).toBe(kind as GatewayError["kind"]);
    expect(error.message).toContain(sentence);
    expect(error.detail.remedy).toBeString();
    expect([status, page]).toEqual([400, expect.stringContaining(sentence.replaceAll("'", "&#x27;"))]);
    expect(exchanges(scene.server)).toEqual([]);
  });

  test("comes when Google gives no refresh token, and nothing is stored", async () => {
    const scene = await begin({ accounts: [{ ...OWNER, withholdsRefreshToken: true }] });
    const { page } = await browse(scene.url);
    expect((await failed(scene)).message).toContain("no refresh token");
    expect(page).toContain("https://myaccount.google.com/connections");
    expect(scene.stored).toEqual([]);
  });

  test("comes when Google cannot be reached, with what to look at", async () => {
    const scene = await begin({ fetch: () => Promise.reject(new Error("ECONNREFUSED")) });
    const { page } = await browse(scene.url);
    expect((await failed(scene)).detail.remedy).toContain("HTTPS_PROXY");
    expect(page).toContain("HTTPS_PROXY");
  });

  test("comes when Google does not answer within half a minute", async () => {
    const asked = Promise.withResolvers<void>();
    const scene = await begin({
      fetch(_, { signal }) {
        asked.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const visit = browse(scene.url);
    await asked.promise;
    await scene.clock.advance(30_000);
    expect((await failed(scene)).message).toBe("Google's sign-in service took longer than 30 s");
    expect((await visit).page).toContain("took longer than 30 s");
  });

  test("of a sign-in without an OAuth client comes before anything is shown", async () => {
    await expect(begin({ deps: { client: () => undefined } })).rejects.toMatchObject({
      kind: "no-account",
      detail: { missing: "oauth-client" },
    });
  });

  test("is good although the e-mail cannot be read: the token is not thrown away", async () => {
    const scene = await begin({
      fetch: (url, options) =>
        url.endsWith("/userinfo") ? Promise.resolve(new Response("", { status: 503 })) : fetch(url, options),
    });
    const { page } = await browse(scene.url);
    expect(await scene.outcome).toMatchObject({ isNew: true, account: { secret: OWNER.refreshToken } });
    expect(page).toContain("The account has been added to ag.");
  });

  test("repeats no secret to anyone", async () => {
    const scene = await begin();
    const echo = { error: "invalid_grant", error_description: `${OWNER.refreshToken} ${stateOf(scene.url)}` };
    scene.server.next(httpAnswer(400, echo), { method: "token" });
    const { page } = await browse(scene.url);
    const error = await failed(scene);
    const said = `${page} ${error.message} ${JSON.stringify(error.detail)}`;
    for (const secret of [OWNER.refreshToken, stateOf(scene.url), "4/0Test", scene.server.world.client.secret]) {
      expect(said).not.toContain(secret);
    }
  });
});
