import { expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { lossList, refuseLoss } from "../../src/core/losses.ts";

test("of the same loss in many items only the first is kept; other fields and reasons are other losses", () => {
  const losses = lossList();
  losses.add("messages[0].name", "no names");
  losses.add("messages[7].name", "no names");
  losses.add("messages[7].audio", "no names");
  losses.add("messages[7].name", "too long");
  expect(losses.all()).toEqual([
    { field: "messages[0].name", why: "no names" },
    { field: "messages[7].audio", why: "no names" },
    { field: "messages[7].name", why: "too long" },
  ]);
});

test("strict mode refuses a loss as the client's error and names the field", () => {
  expect(() => refuseLoss({ field: "seed", why: "too long" })).toThrow(
    new GatewayError("invalid-request", "seed: too long (strict mode)", { field: "seed" }),
  );
});
