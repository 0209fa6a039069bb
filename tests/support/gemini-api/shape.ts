import { GENERATION_CONFIG, REQUEST, SCHEMA, TOOL } from "../cloudcode/wire-messages.ts";
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

/** The body of streamGenerateContent: Cloud Code's inner request without what is its own. */
export const GENERATE: MessageShape = {
  type: `${PACKAGE}.GenerateContentRequest`,
  fields: {
    ...without(REQUEST.fields, "sessionId", "labels"),
    generationConfig: one(generationConfig),
    tools: { list: one(tool) },
  },
};
