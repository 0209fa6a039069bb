import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, login, temporaryPath } from "./support.ts";

test("a binding is loaded at once, is written later, and outlives a restart; those not used since are left out", async () => {
  using place = temporaryPath();
  const first = openStore(place.path);
  const { id: accountId } = await addOne(first, login("1//test-1"));
  const { id: other } = await addOne(first, login("1//test-2"));
  const binding = (session: string, usedAt: number, account = accountId) => ({
    session,
    model: "m",
    accountId: account,
    usedAt,
  });
  using reader = new Database(place.path);
  const rows = () => reader.query<{ n: number }, []>("select count(*) n from sessions").get()?.n;

  for (const one of [binding("s1", 10), binding("s2", 20), binding("s3", 30)]) first.sessions.remember(one);
  expect(rows()).toBe(0);
  expect(await first.sessions.load(10)).toEqual([binding("s2", 20), binding("s3", 30)]);
  await first.sessions.prune(0);
  expect(rows()).toBe(3);
  first.sessions.remember(binding("s2", 40, other));
  first.sessions.remember({ ...binding("s2", 41), model: "n" });
  const expected = [binding("s2", 40, other), binding("s3", 30), { ...binding("s2", 41), model: "n" }];
  expect(new Set(await first.sessions.load(10))).toEqual(new Set(expected));
  await first.close();

  const second = openStore(place.path);
  expect(new Set(await second.sessions.load(10))).toEqual(new Set(expected));
  await second.sessions.prune(40);
  expect((await second.sessions.load(0)).map(({ usedAt }) => usedAt)).toEqual([40, 41]);
  await second.close();
});

test("bindings survive a time in which another process holds the database", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  const { id: accountId } = await addOne(store, login("1//test-1"));
  using other = new Database(place.path);
  other.run("begin immediate");
  for (let number = 0; number < 65; number++) {
    store.sessions.remember({ session: `s${number}`, model: "m", accountId, usedAt: 1 });
  }
  expect(await store.sessions.load(0)).toHaveLength(65);
  other.run("rollback");
  await store.close();
  expect(other.query("select count(*) n from sessions").get()).toEqual({ n: 65 });
});
