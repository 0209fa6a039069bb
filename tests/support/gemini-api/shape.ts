import { GENERATION_CONFIG, REQUEST, SCHEMA, TOOL, TOOL_CONFIG } from "../cloudcode/wire-messages.ts";
import type { FieldShape, MessageShape } from "../cloudcode/wire-shape.ts";

const PACKAGE = "google.ai.generativelanguage.v1beta";
const one = (shape: MessageShape): FieldShape => ({ message: () => shape });

function without(fields: MessageShape["fields"], ...names: string[]): Record<string, FieldShape> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** Cloud Code's lets `additionalProperties` through in `responseSchema`; here no Schema has it. */
const generationConfig: MessageShape = {
  ...GENERATION_CONFIG,
  type: `${PACKAGE}.GenerationConfig`,
  fields: {
    ...without(GENERATION_CONFIG.fields, "audioTimestamp", "routingConfig"),
    responseSchema: one(SCHEMA),
    responseJsonSchema: "value",
  },
};

const tool: MessageShape = {
  ...TOOL,
  type: `${PACKAGE}.Tool`,
  fields: {
    ...TOOL.fields,
    googleSearch: one({ type: `${PACKAGE}.Tool.GoogleSearch`, fields: { timeRangeFilter: "struct" } }),
  },
};

const toolConfig: MessageShape = {
  ...TOOL_CONFIG,
  type: `${PACKAGE}.ToolConfig`,
  fields: { ...TOOL_CONFIG.fields, retrievalConfig: "struct" },
};

/** The body of streamGenerateContent: Cloud Code's inner request without what is its own. */
export const GENERATE: MessageShape = {
  type: `${PACKAGE}.GenerateContentRequest`,
  fields: {
    ...without(REQUEST.fields, "sessionId", "labels"),
    generationConfig: one(generationConfig),
    tools: { list: one(tool) },
    toolConfig: one(toolConfig),
  },
};

/** Either contents alone or a whole request, which names its model once more. */
export const COUNT_TOKENS: MessageShape = {
  type: `${PACKAGE}.CountTokensRequest`,
  fields: {
    ...(GENERATE.fields["contents"] && { contents: GENERATE.fields["contents"] }),
    generateContentRequest: one({ ...GENERATE, fields: { ...GENERATE.fields, model: "string" } }),
  },
};
