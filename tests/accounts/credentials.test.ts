import { describe, expect, test } from "bun:test";
import { createCredentials, type DiscoveredProject, type TokenGrant } from "../../src/accounts/credentials.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { NewAccount } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { fakeClock, settle } from "../support/clock.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const NO_ABORT = new AbortController().signal;
const NEW: NewAccount = { kind: "antigravity", secret: "1//test-1" };
const dead = () => new GatewayError("account-unusable", "The sign-in has expired", { accountProblem: "needs-login" });
const offline = () => new GatewayError("unavailable", "Google cannot be reached");

type Answer<T> = T | GatewayError | Promise<T>;

/** Credentials over a real store with one account; Google is two functions whose answers each test sets. */
async function world(account: NewAccount = { ...NEW, projectId: "project-1" }) {
  const clock = fakeClock();
  const { accounts } = openStore(":memory:");
  const [added] = (await accounts.add([account], clock.now(), { again: false })).added;
  const id = added!.id;
  const refreshes: string[] = [];
  const discoveries: string[] = [];
  const emailsAsked: string[] = [];
  const google = {
    refresh: (refreshToken: string): Answer<TokenGrant> => ({
      accessToken: `ya29.test-${refreshes.length}-of-${refreshToken}`,
      expiresAt: clock.now() + HOUR,
    }),
    email: (): Answer<string | undefined> => undefined,
    discover: (): Answer<DiscoveredProject> => ({ projectId: `found-${discoveries.length}`, tier: "free" }),
  };
  const answer = async <T>(value: Answer<T>): Promise<T> => {
    if (value instanceof GatewayError) throw value;
    return value;
  };
  const credentials = createCredentials({
    accounts,
    clock,
    fetchEmail: (accessToken) => {
      emailsAsked.push(accessToken);
      return answer(google.email());
    },
    jitterMs: () => 10_000,
    refresh: (refreshToken) => {
      refreshes.push(refreshToken);
      return answer(google.refresh(refreshToken));
    },
    discoverProject: (accessToken) => {
      discoveries.push(accessToken);
      return answer(google.discover());
    },
  });
  const stored = async () => (await accounts.list())[0]!;
  return {
    clock,
    accounts,
    id,
    google,
    credentials,
    refreshes,
    discoveries,
    emailsAsked,
    stored,
    get: async () => {
      const credential = await credentials.get(id, NO_ABORT);
      if (credential.kind !== "antigravity") throw new Error(`a ${credential.kind} credential`);
      return credential;
    },
  };
}

describe("access tokens", () => {
  test("a hundred requests at once share one refresh", async () => {
    const { get, refreshes, id } = await world();
    const credentials = await Promise.all(Array.from({ length: 100 }, get));
    expect(new Set(credentials.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(credentials[0]).toEqual({
      kind: "antigravity",
      accountId: id,
      accessToken: "ya29.test-1-of-1//test-1",
      projectId: "project-1",
    });
    expect(refreshes).toHaveLength(1);
  });

  test("a token serves until 300 s and the jitter before its end, then is replaced while it still serves", async () => {
    const { get, clock, refreshes } = await world();
    const first = await get();
    await clock.advance(HOUR - 5 * MINUTE - 10_000 - 1);
    await get();
    await settle();
    expect(refreshes).toHaveLength(1);
    await clock.advance(1);
    expect(await get()).toEqual(first);
    await settle();
    expect(refreshes).toHaveLength(2);
    expect((await get()).accessToken).toBe("ya29.test-2-of-1//test-1");
  });

  test("a short-lived token is replaced at half its life", async () => {
    const { get, clock, google, refreshes } = await world();
    google.refresh = () => ({ accessToken: `ya29.test-${refreshes.length}`, expiresAt: clock.now() + 4 * MINUTE });
    await get();
    await clock.advance(2 * MINUTE - 1);
    await get();
    await settle();
    expect(refreshes).toHaveLength(1);
    await clock.advance(1);
    await get();
    await settle();
    expect(refreshes).toHaveLength(2);
  });

  test("while Google is out of reach a valid token serves on, asking again only every 30 s", async () => {
    const { get, clock, google, refreshes } = await world();
    const first = await get();
    google.refresh = offline;
    await clock.advance(HOUR - MINUTE);
    for (let request = 0; request < 5; request++) {
      expect(await get()).toEqual(first);
      await settle();
    }
    expect(refreshes).toHaveLength(2);
    await clock.advance(59_000);
    expect(await get()).toEqual(first);
    expect(refreshes).toHaveLength(3);
  });

  test("an expired token never serves, however the refresh fails", async () => {
    const { get, clock, google, stored } = await world();
    await get();
    google.refresh = offline;
    await clock.advance(HOUR - 10_000);
    await get();
    await clock.advance(10_000);
    await expect(get()).rejects.toMatchObject({ kind: "unavailable" });
    expect((await stored()).problem).toBeUndefined();
  });

  test("a refresh that never answers ends as unavailable after 30 s", async () => {
    const { get, clock, google } = await world();
    google.refresh = () => new Promise(() => {});
    const waiting = get().catch((error: unknown) => error);
    await clock.advance(30_000);
    expect(await waiting).toMatchObject({
      kind: "unavailable",
      message: "Refreshing the access token took longer than 30 s",
    });
  });

  test("a caller that gives up leaves the shared refresh to the others", async () => {
    const { credentials, get, google, id, clock, refreshes } = await world();
    const { promise, resolve } = Promise.withResolvers<TokenGrant>();
    google.refresh = () => promise;
    const impatient = new AbortController();
    const gone = credentials.get(id, impatient.signal).catch((error: unknown) => error);
    const patient = get();
    impatient.abort();
    expect(await gone).toMatchObject({ kind: "cancelled" });
    resolve({ accessToken: "ya29.test", expiresAt: clock.now() + HOUR });
    expect((await patient).accessToken).toBe("ya29.test");
    expect(refreshes).toHaveLength(1);
  });

  test("a deadline of the caller comes out as it is", async () => {
    const { credentials, google, id } = await world();
    google.refresh = () => new Promise(() => {});
    const deadline = new GatewayError("deadline", "Too late");
    await expect(credentials.get(id, AbortSignal.abort(deadline))).rejects.toBe(deadline);
  });

  test("a rotated refresh token is stored before the access token is used", async () => {
    const { get, google, clock, stored, refreshes } = await world();
    google.refresh = () => ({ accessToken: "ya29.test", expiresAt: clock.now() + HOUR, refreshToken: "1//test-2" });
    await get();
    expect((await stored()).secret).toBe("1//test-2");
    await clock.advance(HOUR);
    await get();
    expect(refreshes).toEqual(["1//test-1", "1//test-2"]);
  });

  test("a rotated refresh token does not overwrite a later sign-in", async () => {
    const { get, google, clock, stored, accounts, id } = await world();
    google.refresh = async () => {
      await accounts.update(id, { secret: "1//test-later" });
      return { accessToken: "ya29.test", expiresAt: clock.now() + HOUR, refreshToken: "1//test-rotated" };
    };
    await get();
    expect((await stored()).secret).toBe("1//test-later");
  });

  test("a dead refresh token marks the account, and is not tried again", async () => {
    const { get, google, stored, refreshes, clock } = await world();
    google.refresh = dead;
    await expect(get()).rejects.toMatchObject({ kind: "account-unusable", detail: { accountProblem: "needs-login" } });
    expect((await stored()).problem).toEqual({
      type: "needs-login",
      message: "The sign-in has expired",
      since: clock.now(),
    });
    await expect(get()).rejects.toMatchObject({ message: "Account a1 needs a new sign-in: ag accounts add" });
    expect(refreshes).toHaveLength(1);
  });

  test("a refresh token that another process has replaced meanwhile is taken instead of marking the account", async () => {
    const { get, google, stored, refreshes, accounts, id, clock } = await world();
    google.refresh = (refreshToken) => {
      if (refreshToken !== "1//test-1") return { accessToken: "ya29.test", expiresAt: clock.now() + HOUR };
      return accounts.update(id, { secret: "1//test-2" }).then(() => Promise.reject(dead()));
    };
    expect((await get()).accessToken).toBe("ya29.test");
    expect(refreshes).toEqual(["1//test-1", "1//test-2"]);
    expect((await stored()).problem).toBeUndefined();
  });

  test("after a new sign-in the account works again, and a refresh that works ends the problem", async () => {
    const { get, google, stored, accounts, id, clock } = await world();
    google.refresh = dead;
    await expect(get()).rejects.toThrow();
    await accounts.update(id, { secret: "1//test-2" });
    google.refresh = () => ({ accessToken: "ya29.test", expiresAt: clock.now() + HOUR });
    expect((await get()).accessToken).toBe("ya29.test");
    expect((await stored()).problem).toBeUndefined();
  });

  test("trouble with our own OAuth client does not blame the account", async () => {
    const { get, google, stored } = await world();
    google.refresh = () => new GatewayError("no-account", "No OAuth client is configured");
    await expect(get()).rejects.toMatchObject({ kind: "no-account" });
    expect((await stored()).problem).toBeUndefined();
  });

  test("an account that is removed while its refresh is under way gets no credential and does not come back", async () => {
    const { get, google, clock, accounts, id } = await world(NEW);
    google.refresh = async () => {
      await accounts.remove(id, clock.now());
      return { accessToken: "ya29.test", expiresAt: clock.now() + HOUR, refreshToken: "1//test-rotated" };
    };
    await expect(get()).rejects.toMatchObject({ kind: "account-unusable", message: "The account was removed" });
    await settle();
    expect(await accounts.list()).toEqual([]);
  });

  test("an unknown account has no credential", async () => {
    const { credentials, accounts } = await world();
    await expect(credentials.get("gone", NO_ABORT)).rejects.toMatchObject({ kind: "account-unusable" });
    expect(await accounts.list()).toHaveLength(1);
  });
});

describe("API keys", () => {
  const KEY: NewAccount = { kind: "gemini-api-key", secret: "AIza-test-1" };

  test("are given out as they are stored, without refresh, project or e-mail", async () => {
    const { credentials, id, refreshes, discoveries, emailsAsked } = await world(KEY);
    const expected = { kind: "gemini-api-key", accountId: id, apiKey: "AIza-test-1" } as const;
    expect(await credentials.get(id, NO_ABORT)).toEqual(expected);
    expect(await credentials.get(id, NO_ABORT)).toEqual(expected);
    await credentials.refreshNow(id, NO_ABORT);
    expect([...refreshes, ...discoveries, ...emailsAsked]).toEqual([]);
  });

  test("a replaced key is used at once", async () => {
    const { credentials, id, accounts } = await world(KEY);
    await credentials.get(id, NO_ABORT);
    await accounts.update(id, { secret: "AIza-test-2" });
    expect(await credentials.get(id, NO_ABORT)).toMatchObject({ apiKey: "AIza-test-2" });
  });
});

describe("refreshNow", () => {
  test("brings a new access token although the old one is good, once for all who ask", async () => {
    const { get, credentials, id, refreshes } = await world();
    await get();
    await Promise.all(Array.from({ length: 100 }, () => credentials.refreshNow(id, NO_ABORT)));
    expect(refreshes).toHaveLength(2);
    expect((await get()).accessToken).toBe("ya29.test-2-of-1//test-1");
  });

  test("waits for a refresh under way and then makes its own; the two never overlap", async () => {
    const { get, credentials, id, google, refreshes, clock } = await world();
    let running = 0;
    let mostRunning = 0;
    google.refresh = async () => {
      mostRunning = Math.max(mostRunning, ++running);
      await settle();
      running--;
      return { accessToken: `ya29.test-${refreshes.length}`, expiresAt: clock.now() + HOUR };
    };
    const first = get();
    await credentials.refreshNow(id, NO_ABORT);
    expect((await first).accessToken).toBe("ya29.test-1");
    expect((await get()).accessToken).toBe("ya29.test-2");
    expect(mostRunning).toBe(1);
  });

  test("says that Google cannot be reached, and the old token serves on", async () => {
    const { get, credentials, id, google } = await world();
    const before = await get();
    google.refresh = offline;
    await expect(credentials.refreshNow(id, NO_ABORT)).rejects.toMatchObject({ kind: "unavailable" });
    expect(await get()).toEqual(before);
  });

  test("refuses an account that was removed", async () => {
    const { get, credentials, id, accounts, clock } = await world();
    await get();
    await accounts.remove(id, clock.now());
    await expect(credentials.refreshNow(id, NO_ABORT)).rejects.toMatchObject({ kind: "account-unusable" });
  });
});

describe("renew", () => {
  test("a rejected access token is replaced once, although several requests met the rejection", async () => {
    const { get, credentials, refreshes, id } = await world();
    const used = await get();
    credentials.renew(id, "access-token", used);
    const fresh = await get();
    credentials.renew(id, "access-token", used);
    expect(await get()).toEqual(fresh);
    expect(refreshes).toHaveLength(2);
  });

  test("a rejected access token is not used again when the refresh fails", async () => {
    const { get, credentials, google, id } = await world();
    credentials.renew(id, "access-token", await get());
    google.refresh = offline;
    await expect(get()).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a rejected project is discovered anew, once, and stored", async () => {
    const { get, credentials, discoveries, refreshes, stored, id } = await world();
    const used = await get();
    credentials.renew(id, "project", used);
    const fresh = await get();
    expect(fresh).toEqual({ ...used, projectId: "found-1" });
    credentials.renew(id, "project", used);
    expect(await get()).toEqual(fresh);
    expect([discoveries.length, refreshes.length, (await stored()).projectId]).toEqual([1, 1, "found-1"]);
  });
});

describe("projects", () => {
  test("an absent project is discovered once for all who wait, and stored with the tier", async () => {
    const { get, discoveries, stored } = await world(NEW);
    const all = await Promise.all([get(), get(), get()]);
    expect(all.map(({ projectId }) => projectId)).toEqual(["found-1", "found-1", "found-1"]);
    expect(discoveries).toEqual(["ya29.test-1-of-1//test-1"]);
    expect(await stored()).toMatchObject({ projectId: "found-1", tier: "free" });
  });

  test("a fallback project serves and is never stored", async () => {
    const { get, google, stored } = await world(NEW);
    google.discover = () => ({ projectId: "configured", isFallback: true });
    expect((await get()).projectId).toBe("configured");
    expect((await stored()).projectId).toBeUndefined();
  });

  test("a failed discovery is the caller's error, and the next request tries again with the same token", async () => {
    const { get, google, refreshes } = await world(NEW);
    google.discover = () => new GatewayError("account-unusable", "No project", { accountProblem: "no-project" });
    await expect(get()).rejects.toMatchObject({ detail: { accountProblem: "no-project" } });
    google.discover = () => ({ projectId: "found" });
    expect((await get()).projectId).toBe("found");
    expect(refreshes).toHaveLength(1);
  });
});

test("an account without an e-mail learns it at its first use, and only asks once", async () => {
  const { get, google, stored, emailsAsked, clock } = await world();
  google.email = () => "owner@example.org";
  await get();
  await settle();
  expect((await stored()).email).toBe("owner@example.org");
  await clock.advance(HOUR);
  await get();
  expect(emailsAsked).toHaveLength(1);
});

test("an e-mail that cannot be had fails nothing", async () => {
  const { get, google, stored } = await world();
  google.email = () => new GatewayError("unavailable", "x");
  await get();
  await settle();
  expect((await stored()).email).toBeUndefined();
});
