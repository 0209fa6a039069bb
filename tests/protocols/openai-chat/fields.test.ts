import { describe, expect, test } from "bun:test";
import {
  bodyFields,
  customToolFields,
  functionFields,
  jsonSchemaFields,
  messageFields,
  partFields,
  streamOptionFields,
  type FieldTable,
  webSearchFields,
} from "../../../src/protocols/openai-chat/fields.ts";

const resources = new URL("../../../node_modules/openai/resources/", import.meta.url);
const chatTypes = await Bun.file(new URL("chat/completions/completions.d.ts", resources)).text();
const sharedTypes = await Bun.file(new URL("shared.d.ts", resources)).text();

/** The property names of one interface in a declaration file; nested ones are indented deeper. */
function propertiesOf(source: string, name: string): string[] {
  const match = new RegExp(`^( *)(?:export )?interface ${name} \\{\\n([\\s\\S]*?)^\\1\\}`, "m").exec(source);
  if (!match) throw new Error(`no interface ${name}`);
  const [, indent = "", body = ""] = match;
  return [...body.matchAll(new RegExp(`^${indent}    (\\w+)\\??:`, "gm"))].flatMap(([, property]) => property ?? []);
}

const published: [name: string, source: string, table: FieldTable | undefined][] = [
  ["ChatCompletionCreateParamsBase", chatTypes, bodyFields],
  ["ChatCompletionStreamOptions", chatTypes, streamOptionFields],
  ["WebSearchOptions", chatTypes, webSearchFields],
  ["JSONSchema", sharedTypes, jsonSchemaFields],
  ["FunctionDefinition", sharedTypes, functionFields],
  ["Custom", chatTypes.slice(chatTypes.indexOf("namespace ChatCompletionCustomTool ")), customToolFields],
  ["ChatCompletionSystemMessageParam", chatTypes, messageFields["system"]],
  ["ChatCompletionDeveloperMessageParam", chatTypes, messageFields["developer"]],
  ["ChatCompletionUserMessageParam", chatTypes, messageFields["user"]],
  ["ChatCompletionAssistantMessageParam", chatTypes, messageFields["assistant"]],
  ["ChatCompletionToolMessageParam", chatTypes, messageFields["tool"]],
  ["ChatCompletionFunctionMessageParam", chatTypes, messageFields["function"]],
  ["ChatCompletionContentPartText", chatTypes, partFields["text"]],
  ["ChatCompletionContentPartRefusal", chatTypes, partFields["refusal"]],
  ["ChatCompletionContentPartImage", chatTypes, partFields["image_url"]],
  ["ChatCompletionContentPartInputAudio", chatTypes, partFields["input_audio"]],
  ["File", chatTypes, partFields["file"]],
];

describe("the published request", () => {
  test.each(published)("each field of %s has a treatment", (name, source, table) => {
    const properties = propertiesOf(source, name);
    expect(properties.length).toBeGreaterThan(0);
    expect(properties.filter((property) => table?.rows[property] === undefined)).toEqual([]);
  });
});
