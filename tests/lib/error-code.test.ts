import { expect, test } from "bun:test";
import { errorCode } from "../../src/lib/error-code.ts";

test.each([
  [Object.assign(new Error("x"), { code: "ECONNRESET" }), "ECONNRESET"],
  [new Error("x"), undefined],
  [Object.assign(new Error("x"), { code: 5 }), undefined],
  [{ code: "ECONNRESET" }, undefined],
  ["ECONNRESET", undefined],
  [undefined, undefined],
])("%p has the code %p", (cause, code) => expect(errorCode(cause)).toBe(code));
