import type { JsonObject } from "../../lib/json.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";
import type { OutputFormat } from "../request.ts";

/** The form of the answer as OpenAI's APIs ask for it, wherever they have the schema. */
export function openAiOutputFormat(
  type: "text" | "json_object" | "json_schema",
  { schema, description }: { schema?: JsonObject | undefined; description?: string | undefined },
): OutputFormat | undefined {
  if (type === "text") return undefined;
  if (type === "json_object" || schema === undefined) return { type: "json" };
  return {
    type: "json-schema",
    schema: wellFormedObject(description === undefined ? schema : { description, ...schema }),
  };
}
