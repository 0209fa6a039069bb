import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ModelProfile } from "../../../src/core/models.ts";
import { countContents } from "../../../src/gemini-wire/count-contents.ts";
import { lowerRequest } from "../../../src/gemini-wire/lower.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { arbitraryCall } from "../../support/arbitrary-request.ts";
import { bench, envelope } from "../../support/cloudcode/samples.ts";
import { claude, flash25, gemini3, gptOss, imageModel } from "./support.ts";

const { world, judge, judgeCount, headers } = bench();
const asCounted = headers({ accept: undefined });

const asSent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body)) as JsonObject;

const image: ModelProfile = { ...imageModel, id: "gemini-3.1-flash-image", maxOutputTokens: 32_768 };

const flash: ModelProfile = { ...gemini3, id: "gemini-3-flash" };

test.each([claude, gemini3, flash, flash25, gptOss, image])(
  "$id: the strict server takes whatever a client may send",
  (model) => {
    fc.assert(
      fc.property(arbitraryCall, ({ request, repairs }) => {
        const asked = request(model, world.signatures);
        const before = JSON.stringify(asked);
        const { body, requestType } = lowerRequest(asked, model, repairs);
        expect(JSON.stringify(asked)).toBe(before);
        expect(judge(envelope(model.id, asSent(body), { requestType }))).toBeUndefined();
        expect(judgeCount(asSent({ request: { contents: countContents(body) } }), asCounted)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  },
);
