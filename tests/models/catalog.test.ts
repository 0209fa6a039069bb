import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { Discovery } from "../../src/core/models.ts";
import { createCatalog } from "../../src/models/catalog.ts";
import { openStore } from "../../src/store/open-store.ts";
import { fakeClock, settle } from "../support/clock.ts";

const MINUTE = 60_000;
const NO_ABORT = new AbortController().signal;
const discovery = (...ids: string[]): Discovery => ({ models: ids.map((id) => ({ id })), replacedIds: {} });
const offline = () => Promise.reject(new GatewayError("unavailable", "Upstream cannot be reached"));

/** A catalogue over a real store; upstream is one function whose answer each test sets. */
function world(store = openStore(":memory:").discovery) {
  const clock = fakeClock();
  const upstream = { calls: 0, answer: (): Promise<Discovery> => Promise.resolve(discovery("gemini-3-flash")) };
  let aliases: Record<string, string> = {};
  const catalog = createCatalog({
    discover: () => {
      upstream.calls++;
      return upstream.answer();
    },
    store,
    aliases: () => aliases,
    clock,
  });
  const ids = async () => (await catalog.list(NO_ABORT)).map(({ id }) => id);
  const idOf = async (name: string) => (await catalog.resolve(name, NO_ABORT)).profile.id;
  const configure = (rules: Record<string, string>) => {
    aliases = rules;
  };
  return { clock, upstream, catalog, store, ids, idOf, configure };
}

describe("the list", () => {
  test("is what upstream says, without internal ids and unknown families", async () => {
    const { ids, upstream } = world();
    upstream.answer = async () => discovery("tab_x", "gemini-9", "chat_1", "claude-9", "text-bison", "gpt-oss-9");
    expect(await ids()).toEqual(["gemini-9", "claude-9", "gpt-oss-9"]);
  });

  test("is asked for once by all who arrive together", async () => {
    const { ids, upstream } = world();
    await Promise.all([ids(), ids(), ids()]);
    expect(upstream.calls).toBe(1);
  });

  test("is not asked for again within five minutes, then behind the back of the caller", async () => {
    const { ids, upstream, clock } = world();
    await ids();
    await clock.advance(5 * MINUTE - 1);
    await ids();
    expect(upstream.calls).toBe(1);
    await clock.advance(1);
    upstream.answer = async () => discovery("gemini-4-flash");
    expect(await ids()).toEqual(["gemini-3-flash"]);
    await settle();
    expect(await ids()).toEqual(["gemini-4-flash"]);
    expect(upstream.calls).toBe(2);
  });

  test("is never waited for when an older one is there, even if upstream hangs", async () => {
    const { ids, upstream, clock } = world();
    await ids();
    upstream.answer = () => new Promise(() => {});
    await clock.advance(6 * MINUTE);
    expect(await ids()).toEqual(["gemini-3-flash"]);
    expect(await ids()).toEqual(["gemini-3-flash"]);
    expect(upstream.calls).toBe(2);
  });

  const failures: [what: string, answer: () => Promise<Discovery>][] = [
    ["an error", offline],
    ["an empty list", async () => discovery()],
    ["a list of internal ids only", async () => discovery("tab_x")],
  ];
  for (const [what, answer] of failures) {
    test(`is not lost by ${what}, which is tried again after 30 s`, async () => {
      const { ids, upstream, clock } = world();
      await ids();
      upstream.answer = answer;
      await clock.advance(5 * MINUTE);
      for (let request = 0; request < 3; request++) {
        expect(await ids()).toEqual(["gemini-3-flash"]);
        await settle();
      }
      expect(upstream.calls).toBe(2);
      await clock.advance(30_000);
      expect(await ids()).toEqual(["gemini-3-flash"]);
      expect(upstream.calls).toBe(3);
    });
  }

  test("outlives a restart during which upstream is down", async () => {
    const before = world();
    await before.ids();
    await settle();
    const after = world(before.store);
    after.upstream.answer = offline;
    expect(await after.ids()).toEqual(["gemini-3-flash"]);
    expect(after.upstream.calls).toBe(1);
  });

  test("is not made up while none was ever known, though names resolve; upstream is asked again after 30 s", async () => {
    const { ids, idOf, upstream, clock } = world();
    upstream.answer = offline;
    expect(await ids().catch((error: GatewayError) => error.kind)).toBe("unavailable");
    expect(await idOf("claude-opus-5-5")).toBe("claude-opus-4-6-thinking");
    expect(upstream.calls).toBe(1);
    await clock.advance(30_000);
    upstream.answer = async () => discovery("gemini-9");
    expect(await ids()).toEqual(["gemini-9"]);
  });

  test("is there at once when an account comes, for having none is no failure to rest from", async () => {
    const { ids, upstream } = world();
    upstream.answer = () => Promise.reject(new GatewayError("no-account", "none stored"));
    expect(await ids().catch((error: GatewayError) => error.kind)).toBe("no-account");
    upstream.answer = async () => discovery("gemini-9");
    expect(await ids()).toEqual(["gemini-9"]);
  });

  test("that hangs for a minute at the very start does not keep names from resolving", async () => {
    const { idOf, upstream, clock } = world();
    upstream.answer = () => new Promise(() => {});
    const resolving = idOf("claude-opus-5-5");
    await clock.advance(MINUTE);
    expect(await resolving).toBe("claude-opus-4-6-thinking");
  });

  test("survives a store that cannot be read or written", async () => {
    const broken = { load: () => Promise.reject(new Error("disk")), save: () => Promise.reject(new Error("disk")) };
    const { ids } = world(broken);
    expect(await ids()).toEqual(["gemini-3-flash"]);
    await settle();
  });

  test("a caller that gives up while waiting for the first list leaves it to the others", async () => {
    const { catalog, ids, upstream } = world();
    const { promise, resolve } = Promise.withResolvers<Discovery>();
    upstream.answer = () => promise;
    const impatient = new AbortController();
    const gone = catalog.list(impatient.signal).catch((error: unknown) => error);
    const patient = ids();
    await settle();
    impatient.abort();
    expect(await gone).toMatchObject({ kind: "cancelled" });
    resolve(discovery("gemini-9"));
    expect(await patient).toEqual(["gemini-9"]);
  });

  test("a forced refresh asks at once, and tells when it fails", async () => {
    const { catalog, ids, upstream } = world();
    await ids();
    upstream.answer = async () => discovery("gemini-9");
    await catalog.refresh(NO_ABORT);
    expect(await ids()).toEqual(["gemini-9"]);
    upstream.answer = offline;
    await expect(catalog.refresh(NO_ABORT)).rejects.toMatchObject({ kind: "unavailable" });
    expect(await ids()).toEqual(["gemini-9"]);
  });
});

describe("resolve", () => {
  test("asks anew for a name that an older list lacks, before it says no", async () => {
    const { idOf, upstream, clock } = world();
    await idOf("gemini-3-flash");
    await clock.advance(30_000);
    upstream.answer = async () => discovery("gemini-3-flash", "claude-new-1");
    expect(await idOf("claude-new-1")).toBe("claude-new-1");
    expect(upstream.calls).toBe(2);
  });

  test("says no at once while the list is fresh, however often it is asked", async () => {
    const { idOf, upstream, clock } = world();
    await idOf("gemini-3-flash");
    for (let request = 0; request < 3; request++) {
      await expect(idOf("claude-new-1")).rejects.toMatchObject({ kind: "unknown-model" });
    }
    expect(upstream.calls).toBe(1);
    await clock.advance(30_000);
    upstream.answer = offline;
    for (let request = 0; request < 3; request++) {
      await expect(idOf("claude-new-1")).rejects.toMatchObject({ kind: "unknown-model" });
    }
    expect(upstream.calls).toBe(2);
  });

  test("follows a change of the user's aliases and of the list at once", async () => {
    const { catalog, idOf, upstream, configure } = world();
    upstream.answer = async () => discovery("gemini-3-flash", "claude-sonnet-4-6");
    configure({ mine: "gemini-3-flash" });
    expect(await idOf("mine")).toBe("gemini-3-flash");
    configure({ mine: "claude-sonnet-4-6" });
    expect(await idOf("mine")).toBe("claude-sonnet-4-6");
    upstream.answer = async () => discovery("claude-sonnet-5");
    await catalog.refresh(NO_ABORT);
    expect(await idOf("mine")).toBe("claude-sonnet-5");
  });

  test("gives the profile the facts of the list", async () => {
    const { catalog, upstream } = world();
    upstream.answer = async () => ({ models: [{ id: "gemini-3-flash", contextTokens: 77 }], replacedIds: {} });
    expect((await catalog.resolve("gemini-3-flash", NO_ABORT)).profile.contextTokens).toBe(77);
  });
});

describe("the models that search the web", () => {
  const searching = async (found: Discovery) => {
    const { catalog, upstream } = world();
    upstream.answer = async () => found;
    return (await catalog.searchModels(NO_ABORT)).map(({ id }) => id);
  };
  const list = discovery("gemini-2.5-flash", "gemini-3-flash", "gemini-3.1-flash-lite", "tab_search");

  test("are those that upstream names, in its order, as far as they can be asked for", async () => {
    const webSearchIds = ["gemini-3-flash", "tab_search", "gemini-gone", "gemini-2.5-flash", "gemini-3-flash"];
    expect(await searching({ ...list, webSearchIds })).toEqual(["gemini-3-flash", "gemini-2.5-flash"]);
  });

  test("are the shipped candidates where upstream names none that can be asked for", async () => {
    const shipped = ["gemini-3.1-flash-lite", "gemini-2.5-flash"];
    expect(await searching(list)).toEqual(shipped);
    expect(await searching({ ...list, webSearchIds: ["tab_search"] })).toEqual(shipped);
    expect(await searching(discovery("gemini-2.5-flash-lite", "claude-9"))).toEqual(["gemini-2.5-flash-lite"]);
    expect(await searching(discovery("claude-9"))).toEqual([]);
  });

  test("are still known after a restart during which upstream is down", async () => {
    const before = world();
    before.upstream.answer = async () => ({ ...list, webSearchIds: ["gemini-3-flash"] });
    await before.ids();
    await settle();
    const after = world(before.store);
    after.upstream.answer = offline;
    expect((await after.catalog.searchModels(NO_ABORT)).map(({ id }) => id)).toEqual(["gemini-3-flash"]);
  });
});

test("the rules are those of the list and of the configuration as they are now", async () => {
  const { catalog, configure } = world();
  configure({ mine: "gemini-3-flash" });
  const rules = await catalog.rules(NO_ABORT);
  expect(rules[0]).toEqual({ kind: "user", from: "mine", to: ["gemini-3-flash"], served: "gemini-3-flash" });
  expect(rules.find(({ from }) => from === "opus")).not.toHaveProperty("served");
});
