import { expect, test } from "bun:test";
import type OpenAI from "openai";
import { includeFields } from "../../../src/protocols/openai-responses/fields.ts";

// The compiler demands an entry for each word that the SDK knows. What other fields there are has a test for all protocols.
const INCLUDABLE: Record<OpenAI.Responses.ResponseIncludable, true> = {
  "code_interpreter_call.outputs": true,
  "computer_call_output.output.image_url": true,
  "file_search_call.results": true,
  "message.input_image.image_url": true,
  "message.output_text.logprobs": true,
  "reasoning.encrypted_content": true,
  "web_search_call.action.sources": true,
  "web_search_call.results": true,
};

test("every word of include has a row", () => {
  expect(Object.keys(includeFields.rows).toSorted()).toEqual(Object.keys(INCLUDABLE).toSorted());
});
