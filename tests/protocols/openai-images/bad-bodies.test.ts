import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Protocol } from "../../../src/core/protocol.ts";
import { openaiImageEdits, openaiImageGenerations } from "../../../src/protocols/openai-images/index.ts";
import { PNG, PNG_URL } from "./support.ts";

const value = fc.oneof(
  { maxDepth: 3 },
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(PNG, PNG_URL, "https://pictures.test/a", "1024x1024", "auto", "2K", "-1", "1e9", "[undefined]"),
  fc.record({
    filename: fc.string(),
    mimeType: fc.constantFrom("image/png", "", "x"),
    data: fc.constantFrom(PNG, "", "?"),
  }),
  fc.array(fc.record({ image_url: fc.oneof(fc.constant(PNG_URL), fc.jsonValue()) }), { maxLength: 3 }),
);
const withPrompt = (body: object) => ({ prompt: "a paper boat", image: PNG, ...body });

describe.each<[string, Protocol]>([
  ["generations", openaiImageGenerations],
  ["edits", openaiImageEdits],
])("%s", (_, protocol) => {
  const keys = protocol.fields.flatMap(({ rows }) => Object.keys(rows));
  const body = fc.dictionary(fc.constantFrom(...keys, "__proto__", "x"), value, { maxKeys: 6 });

  test("any body is read, or refused as invalid", () => {
    fc.assert(
      fc.property(fc.oneof(body, body.map(withPrompt), fc.jsonValue()), (given) => {
        try {
          const { request } = protocol.parse({ body: given, headers: new Headers() });
          expect(request.contents[0]?.parts.at(-1)?.text).toBeString();
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          expect(error.kind).toBe("invalid-request");
        }
      }),
      { numRuns: 1000 },
    );
  });
});
