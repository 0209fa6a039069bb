import * as v from "valibot";
import { fieldPath, isAbsent } from "../../core/lenient.ts";
import { EFFORTS } from "../../core/request.ts";
import { isJsonObject } from "../../lib/json.ts";
import { jsonObject } from "../../lib/schema.ts";
import { invalid } from "./report.ts";

const TEXT = "Input should be a valid string";
const NUMBER = "Input should be a valid number";
const INTEGER = "Input should be a valid integer";
const LIST = "Input should be a valid list";
const OBJECT = "Input should be an object";

/** A field that may be missing, null or "[undefined]"; anything else must fit `schema`. */
function field<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(
    v.pipe(
      v.unknown(),
      v.transform((value) => (isAbsent(value) ? undefined : value)),
      v.optional(schema),
    ),
  );
}

const text = v.string(TEXT);
/** Kept as it came: JSON Schemas are data, not a frame to be checked here. */
const anyObject = jsonObject(OBJECT);
const wholeNumber = v.pipe(v.number(INTEGER), v.integer(INTEGER));

function atLeast(minimum: number) {
  return v.minValue<number, number, string>(minimum, `Input should be greater than or equal to ${minimum}`);
}

function range(minimum: number, maximum: number) {
  const most = v.maxValue<number, number, string>(maximum, `Input should be less than or equal to ${maximum}`);
  return v.pipe(v.number(NUMBER), atLeast(minimum), most);
}

/** An object with at least these fields. Lists are objects to valibot, and are not to this API. */
function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.unknown(),
    v.check((value) => !Array.isArray(value), OBJECT),
    v.looseObject(entries, OBJECT),
  );
}

const effort = v.picklist(EFFORTS, "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'");

const outputFormat = object({
  type: v.literal("json_schema", "Input should be 'json_schema'"),
  schema: anyObject,
});

const ROLES = ["user", "assistant", "system", "developer"] as const;

const anyMessage = object({
  role: v.picklist(ROLES, "Input should be 'user', 'assistant' or 'system'"),
  content: v.optional(v.unknown()),
  clear_at: v.optional(v.unknown()),
  output_config: field(object({ effort: field(effort) })),
});

/** A message that says who speaks and what, and nothing else. */
const plainMessage = v.custom<{
  role: (typeof ROLES)[number];
  content: unknown;
  clear_at?: never;
  output_config?: never;
}>(isPlainMessage);

/** Histories have hundreds of plain ones: taking them as they are costs a tenth of taking them apart. */
const message = v.lazy((input) => (isPlainMessage(input) ? plainMessage : anyMessage));

const tool = object({
  type: field(text),
  name: field(text),
  description: field(text),
  input_schema: field(anyObject),
  strict: field(v.unknown()),
  input_examples: field(v.array(v.unknown(), LIST)),
  allowed_callers: field(v.array(text, LIST)),
  max_uses: field(wholeNumber),
  allowed_domains: field(v.array(text, LIST)),
});

const body = object({
  model: v.pipe(text, v.minLength(1, "String should have at least 1 character")),
  messages: v.pipe(v.array(message, LIST), v.minLength(1, "at least one message is required")),
  system: field(v.unknown()),
  max_tokens: field(v.pipe(wholeNumber, atLeast(0))),
  temperature: field(range(0, 1)),
  top_p: field(range(0, 1)),
  top_k: field(wholeNumber),
  stop_sequences: field(
    v.pipe(
      v.unknown(),
      v.transform((value) => (typeof value === "string" ? [value] : value)),
      v.array(text, LIST),
    ),
  ),
  stream: field(
    v.pipe(
      v.unknown(),
      v.transform((value) => (value === "true" || value === "false" ? value === "true" : value)),
      v.boolean("Input should be a valid boolean"),
    ),
  ),
  metadata: field(object({ user_id: v.optional(v.unknown()) })),
  thinking: field(
    object({
      type: v.picklist(
        ["enabled", "adaptive", "between_tools", "disabled"],
        "Input should be 'enabled', 'adaptive' or 'disabled'",
      ),
      budget_tokens: field(v.pipe(wholeNumber, v.minValue(0, "Input should be greater than or equal to 1024"))),
      display: field(text),
    }),
  ),
  output_config: field(object({ effort: field(effort), format: field(outputFormat), task_budget: field(v.unknown()) })),
  output_format: field(outputFormat),
  tools: field(v.array(tool, LIST)),
  tool_choice: field(
    v.pipe(
      v.unknown(),
      v.transform((value) => (typeof value === "string" ? { type: value } : value)),
      object({
        type: v.picklist(
          ["auto", "any", "tool", "none", "validated"],
          "Input should be 'auto', 'any', 'tool' or 'none'",
        ),
        name: field(text),
        disable_parallel_tool_use: field(v.unknown()),
      }),
    ),
  ),
});

function isPlainMessage(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  for (const key in value) if (key !== "role" && key !== "content") return false;
  return ROLES.some((role) => role === value["role"]) && Object.hasOwn(value, "content");
}

export type Body = v.InferOutput<typeof body>;
export type Message = Body["messages"][number];
export type ToolDeclaration = NonNullable<Body["tools"]>[number];

/** The request's frame, checked; message contents stay unknown here. Throws `invalid-request` naming the field. */
export function parseBody(input: unknown): Body {
  return checked(body, input, "");
}

/** A tool declared outside `tools`, in a mid-conversation tool change. */
export function parseToolDeclaration(input: unknown, at: string): ToolDeclaration {
  return checked(tool, input, at);
}

function checked<Schema extends v.GenericSchema>(schema: Schema, input: unknown, at: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(fieldPath(issue.path, at), issue.received === "undefined" ? "Field required" : issue.message);
}
