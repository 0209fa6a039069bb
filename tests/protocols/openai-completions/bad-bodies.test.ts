import { expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("a", 1, 2, true, "[undefined]", "\ud83d"),
  fc.array(fc.oneof(fc.string(), fc.nat()), { maxLength: 4 }),
);
const keys = openaiCompletions.fields.flatMap(({ rows }) => Object.keys(rows));
const body = fc.dictionary(fc.constantFrom(...keys, "__proto__", "x"), value, { maxKeys: 6 });
const withPrompt = (given: object) => ({ model: "m", prompt: "Once", ...given });

test("any body is read, or refused as invalid", () => {
  fc.assert(
    fc.property(fc.oneof(body, body.map(withPrompt), fc.jsonValue()), (given) => {
      try {
        const call = openaiCompletions.parse({ body: given, headers: new Headers() });
        const requests = call.several?.requests ?? [call.request];
        expect(requests.every(({ contents }) => contents[0]?.parts[0]?.text?.isWellFormed())).toBe(true);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(error.kind).toBe("invalid-request");
      }
    }),
    { numRuns: 1000 },
  );
});
