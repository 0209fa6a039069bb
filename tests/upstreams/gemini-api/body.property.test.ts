import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ModelProfile } from "../../../src/core/models.ts";
import { lowerRequest } from "../../../src/gemini-wire/lower.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { profileOf } from "../../../src/models/profile.ts";
import { officialBody } from "../../../src/upstreams/gemini-api/body.ts";
import { arbitraryCall } from "../../support/arbitrary-request.ts";
import { issuedSignatures } from "../../support/cloudcode/issued-signatures.ts";
import { officialModels } from "../../support/gemini-api/index.ts";
import { validateOfficial } from "../../support/gemini-api/rules.ts";

const signatures = issuedSignatures();
const served = new Map(officialModels().map((model) => [model.id, model]));
const headers = new Headers({
  "content-length": "2",
  "content-type": "application/json",
  "user-agent": "ag/1.0.0",
  "x-goog-api-key": "AIza-test-key",
});
const context = {
  headers,
  url: new URL("http://x.test/"),
  keys: [{ key: "AIza-test-key" }],
  models: served,
  signatures,
};

/** As discovery makes it. */
function profile(id: string): ModelProfile {
  const model = served.get(id);
  if (!model) throw new Error(`no ${id}`);
  return profileOf(id, {
    id,
    contextTokens: model.contextTokens,
    maxOutputTokens: model.maxOutputTokens,
    supportsThinking: model.thinking !== undefined,
    supportedMimeTypes: model.media,
  });
}

test.each([...served.keys()])("%s: the strict server takes whatever a client may send", (id) => {
  const model = profile(id);
  fc.assert(
    fc.property(arbitraryCall, ({ request, repairs }) => {
      const { body } = lowerRequest(request(model, signatures), model, repairs, "official");
      const before = JSON.stringify(body);
      const sent = JSON.parse(JSON.stringify(officialBody(body))) as JsonObject;
      expect(JSON.stringify(body)).toBe(before);
      expect(validateOfficial(id, sent, context)).toBeUndefined();
    }),
    { numRuns: 100 },
  );
});
