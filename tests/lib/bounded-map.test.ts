import { expect, test } from "bun:test";
import { BoundedMap } from "../../src/lib/bounded-map.ts";

test("the least recently used entry goes first", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
});

test("weights count, and a replaced entry's weight is given back", () => {
  const map = new BoundedMap<string>(10);
  map.set("a", "x", 9);
  map.set("a", "y", 4);
  map.set("b", "z", 6);
  expect(map.size).toBe(2);
});

test("an entry heavier than the whole map is not kept and drives nothing out", () => {
  const map = new BoundedMap<string>(10);
  map.set("small", "x", 1);
  map.set("huge", "x", 11);
  expect([map.get("small"), map.get("huge")]).toEqual(["x", undefined]);
});
