import * as v from "valibot";
import type { JsonObject } from "../../lib/json.ts";
import { jsonObject } from "../../lib/schema.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { invalid } from "./check.ts";
import type { FunctionTool, ToolChoice } from "../request.ts";

// How OpenAI's APIs declare tools and choose among them.

/** The hosted search, whatever its date. */
export const WEB_SEARCH = /^web_search(_preview)?(_\d[\d_]*)?$/;

const name = v.nullish(v.string());
const description = v.nullish(v.string());

export const functionSchema = v.looseObject({
  name,
  description,
  parameters: v.nullish(jsonObject("object")),
  /** Where the Messages API has its parameters; some clients send its tools here. */
  input_schema: v.nullish(jsonObject("object")),
});

export const customToolSchema = v.looseObject({
  name,
  description,
  format: v.nullish(
    v.looseObject({
      type: v.string(),
      grammar: v.nullish(v.looseObject({ definition: v.string(), syntax: v.string() })),
      definition: v.nullish(v.string()),
      syntax: v.nullish(v.string()),
    }),
  ),
});

type Definition = Omit<FunctionTool, "name">;

export function functionDefinition(tool: v.InferOutput<typeof functionSchema>): Definition {
  const schema = tool.parameters ?? tool.input_schema;
  return {
    ...(tool.description && { description: wellFormed(tool.description) }),
    ...(schema && { schema: wellFormedObject(schema) }),
  };
}

/** The one property of the schema that a tool without a schema is given. */
const CUSTOM_INPUT = "input";

/** A tool that takes text becomes a function with one string; the reply unwraps it with `customInput`. */
export function customDefinition(tool: v.InferOutput<typeof customToolSchema>): Definition {
  const { format } = tool;
  const input: JsonObject = { type: "string" };
  const grammar = format?.grammar ?? format;
  if (format?.type === "grammar" && typeof grammar?.definition === "string") {
    input["description"] = `Text of this ${grammar.syntax ?? "formal"} grammar:\n${grammar.definition}`;
  }
  const schema: JsonObject = { type: "object", properties: { [CUSTOM_INPUT]: input }, required: [CUSTOM_INPUT] };
  return {
    ...(tool.description && { description: wellFormed(tool.description) }),
    schema: wellFormedObject(schema),
  };
}

/** The input of a call of such a tool. Models do not always keep to the property's name. */
export function customInput(args: JsonObject): string {
  const [only, ...others] = Object.values(args);
  const input = args[CUSTOM_INPUT] ?? (others.length === 0 ? (only ?? "") : undefined);
  return typeof input === "string" ? input : JSON.stringify(args);
}

/** The reverse. Some clients send an object in the place of the text. */
export function customArguments(input: unknown): JsonObject {
  return { [CUSTOM_INPUT]: wellFormed(typeof input === "string" ? input : JSON.stringify(input ?? "")) };
}

const CHOICES: Readonly<Record<string, ToolChoice["mode"]>> = {
  none: "none",
  auto: "auto",
  required: "any",
  any: "any",
  // Sent by clients that know they talk to a Gemini model: calls must fit their schema.
  validated: "validated",
};

/** A `tool_choice` that is one word. Throws the refusal of any other. */
export function choiceMode(word: string, field: string): ToolChoice["mode"] {
  const mode = Object.hasOwn(CHOICES, word) ? CHOICES[word] : undefined;
  if (mode) return mode;
  throw invalid(
    field,
    `Invalid value for '${field}'. Supported values are: 'none', 'auto', 'required', 'validated' and objects that name a tool.`,
  );
}
