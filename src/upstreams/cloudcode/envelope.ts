import type { RequestType } from "../../gemini-wire/lower.ts";
import type { JsonObject } from "../../lib/json.ts";

export interface EnvelopeFields {
  projectId: string;
  /** Upstream id. */
  model: string;
  requestType: RequestType;
  sessionId: string;
  /** The GenerateContent body. */
  body: JsonObject;
}

/**
 * A function that writes the request body with a given request id. The content, which may be megabytes, is turned into
 * text once; each HTTP request needs an id of its own, because a repeated one may be answered with the earlier answer.
 */
export function envelope({
  projectId,
  model,
  requestType,
  sessionId,
  body,
}: EnvelopeFields): (requestId: string) => string {
  const request = JSON.stringify({ ...body, sessionId });
  return (requestId) => {
    const head = JSON.stringify({ project: projectId, model, userAgent: "antigravity", requestType, requestId });
    return `${head.slice(0, -1)},"request":${request}}`;
  };
}
