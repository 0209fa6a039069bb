import { afterAll, beforeEach, expect, test } from "bun:test";
import type { GenerateRequest } from "../../../src/core/request.ts";
import { httpAnswer } from "../../support/cloudcode/index.ts";
import { startGeminiApi } from "../../support/gemini-api/index.ts";
import { api, asking, CREDENTIAL, FLASH_25, FLASH_3, run } from "./support.ts";

const server = await startGeminiApi();
afterAll(() => server.stop());
beforeEach(() => server.reset());

const never = new AbortController().signal;
const RICH: Partial<GenerateRequest> = {
  system: ["Answer tersely."],
  tools: [
    { name: "get_weather", description: "Tells", schema: { type: "object", properties: { city: { type: "string" } } } },
  ],
  thinking: { type: "budget", tokens: 1000 },
};

test.each([FLASH_3, FLASH_25])("$id counts a prompt as it counts the same request", async (model) => {
  const call = asking(RICH, model);
  const counted = await api(server.url).countTokens(call, CREDENTIAL, never);
  const { events } = await run(server.url, call);
  expect(events.at(-1)).toMatchObject({ type: "turn-end", usage: { input: counted } });
  expect(server.refusals()).toEqual([]);
});

test("the whole request is counted, by the model that would answer it", async () => {
  await api(server.url).countTokens(asking(RICH), CREDENTIAL, never);
  const [entry] = server.log;
  expect(entry).toMatchObject({ method: "countTokens", model: FLASH_3.id, headers: { accept: "application/json" } });
  expect(entry?.body).toMatchObject({
    generateContentRequest: {
      model: `models/${FLASH_3.id}`,
      contents: [{}],
      systemInstruction: {},
      tools: [{}],
    },
  });
});

test("a key that may not is told as the call's failure", async () => {
  const denied = { error: { code: 403, status: "PERMISSION_DENIED", message: "Your API key was reported as leaked." } };
  server.next(httpAnswer(403, denied), { method: "countTokens" });
  const failure = await api(server.url)
    .countTokens(asking(), CREDENTIAL, never)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: "GatewayError", kind: "account-unusable" });
});
