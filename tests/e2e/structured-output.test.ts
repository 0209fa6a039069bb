import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { isValidAgainst } from "../../src/lib/json-schema.ts";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";
import { chatClient, type Client, messagesClient } from "../support/clients.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { type Bench, type Mode, MODES, startBench } from "./support/bench.ts";
import { lastRequest, systemText } from "./support/wire.ts";

/** Upstream's own schemas know neither the pattern nor the constant. */
const SCHEMA: JsonObject = {
  type: "object",
  properties: { city: { type: "string", pattern: "^[A-Z]" }, unit: { const: "C" } },
  required: ["city", "unit"],
  additionalProperties: false,
};
const GOOD = `{"city":"Zürich","unit":"C"}`;
const BAD = `{"city":"zürich","unit":"F"}`;

interface Row {
  client: Client;
  /** What asks for an answer of this form. */
  fields: JsonObject;
}

const ROWS: readonly Row[] = [
  { client: messagesClient, fields: { output_config: { format: { type: "json_schema", schema: SCHEMA } } } },
  {
    client: chatClient,
    fields: { response_format: { type: "json_schema", json_schema: { name: "weather", schema: SCHEMA } } },
  },
  { client: responsesClient, fields: { text: { format: { type: "json_schema", name: "weather", schema: SCHEMA } } } },
  {
    client: geminiClient,
    fields: { generationConfig: { responseMimeType: "application/json", responseJsonSchema: SCHEMA } },
  },
];

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

async function ask({ client, fields }: Row, model: string, mode: Mode): Promise<Response> {
  const isStream = mode === "streamed";
  const path = (isStream && client.streamPath) || client.path;
  const body = client.request("hidden", { ...fields, ...(isStream && { stream: true }) });
  return fetch(bench.url() + path.replace(GEMINI_3, model), {
    method: "POST",
    body: JSON.stringify("model" in body ? { ...body, model } : body),
  });
}

async function textOf({ client }: Row, reply: Response, mode: Mode): Promise<string> {
  expect(reply.status).toBe(200);
  return (await (mode === "streamed" ? client.readStream(reply) : client.readWhole(reply))).heard.text;
}

describe.each(ROWS.map((row) => [row.client.protocol.id, row] as const))("%s", (_, row) => {
  for (const model of [GEMINI_3, GEMINI_25, CLAUDE, GPT_OSS]) {
    for (const mode of MODES) {
      test(`${model} is asked for the form, and its answer has it, ${mode}`, async () => {
        const isEnforced = model === GEMINI_3 || model === GEMINI_25;
        bench.upstream.next(isEnforced ? GOOD : `Here it is:\n\`\`\`json\n${GOOD}\n\`\`\``);
        const reply = await ask(row, model, mode);
        expect(reply.headers.get("x-ag-loss") ?? "").not.toMatch(/format|schema/i);
        const text = await textOf(row, reply, mode);
        expect(text).toBe(GOOD);
        expect(isValidAgainst(SCHEMA, JSON.parse(text) as JsonValue)).toBe(true);
        expect(bench.upstream.refusals()).toEqual([]);
        const request = lastRequest(bench.upstream);
        if (isEnforced) expect(request.generationConfig).toHaveProperty("responseSchema.properties.city");
        else expect(systemText(request)).toContain(JSON.stringify(SCHEMA));
      });
    }

    test(`an answer of ${model} that does not keep to it is asked for once more, and never passed on`, async () => {
      bench.upstream.script([BAD, GOOD]);
      expect(await textOf(row, await ask(row, model, "whole"), "whole")).toBe(GOOD);
      bench.upstream.script([BAD, BAD]);
      const reply = await ask(row, model, "whole");
      expect(reply.status).toBe(502);
      row.client.checkError(await reply.json());
    });
  }
});
