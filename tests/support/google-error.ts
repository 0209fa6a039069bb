import type { JsonObject, JsonValue } from "../../src/lib/json.ts";

/** A detail of Google's error model, named by the last word of its type. */
export function detail(type: string, members: JsonObject): JsonObject {
  return { "@type": `type.googleapis.com/google.rpc.${type}`, ...members };
}

export function errorInfo(reason: string, metadata: JsonObject = {}): JsonObject {
  return detail("ErrorInfo", { reason, domain: "cloudcode-pa.googleapis.com", metadata });
}

/** The text of a canonical error body. */
export function errorBody(code: number, status: string, message: string, ...details: JsonObject[]): string {
  const error: JsonObject = { code, status, message };
  if (details.length > 0) error["details"] = details as JsonValue[];
  return JSON.stringify({ error });
}
