import { describe, expect, test } from "bun:test";
import { nearestVersion, versionOf } from "../../src/models/version.ts";

describe("versionOf", () => {
  const rows: [name: string, version: number[] | undefined][] = [
    ["model-4-6-thinking", [4, 6]],
    ["model-4.6", [4, 6]],
    ["model-3-5-kind-20241022", [3, 5]],
    ["model-4-20250514", [4]],
    ["model-20250514", undefined],
    ["model-latest", undefined],
  ];
  for (const [name, version] of rows) test(name, () => expect(versionOf(name)).toEqual(version));
});

describe("nearestVersion", () => {
  const ids = ["m-4-5", "m-4-6-thinking", "m-4-6", "m-5"];
  const rows: [name: string, ids: string[], nearest: string | undefined][] = [
    ["m-4-6-20260101", ids, "m-4-6"],
    ["m-4", ids, "m-4-5"],
    ["m-4-7", ids, "m-5"],
    ["m-5-5", ids, "m-5"],
    ["m-latest", ids, "m-5"],
    ["m-10", ["m-9", "m-10-1"], "m-10-1"],
    ["m-9", [], undefined],
  ];
  for (const [name, among, nearest] of rows) {
    test(`${name} among ${among.join(", ")}`, () => expect(nearestVersion(among, name)).toBe(nearest));
  }
});
