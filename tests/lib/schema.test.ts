import { expect, test } from "bun:test";
import * as v from "valibot";
import { jsonObject, lenient } from "../../src/lib/schema.ts";

test("a lenient member of another type is as good as absent", () => {
  const schema = v.looseObject({ count: lenient(v.number()) });
  expect(v.parse(schema, { count: 3 }).count).toBe(3);
  expect(v.parse(schema, { count: "3" }).count).toBeUndefined();
  expect(v.parse(schema, {}).count).toBeUndefined();
});

test("a JSON object is kept as it came; lists, null and texts are none", () => {
  const schema = jsonObject("an object is expected");
  const value = { a: [1, { b: null }] };
  expect(v.parse(schema, value)).toBe(value);
  for (const other of [[], null, "x", 1]) {
    expect(v.safeParse(schema, other).issues?.[0].message).toBe("an object is expected");
  }
});
