import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import type { CloudCodeServer, LogEntry } from "../../support/cloudcode/index.ts";
import type { WireContent, WireEnvelope, WirePart, WireRequest } from "../../support/cloudcode/wire-types.ts";

/** What the gateway sent upstream in one generation call. */
export function requestOf({ body }: Pick<LogEntry, "body">): WireRequest {
  const envelope: WireEnvelope = isJsonObject(body) ? body : {};
  if (!envelope.request) throw new Error("the upstream call has no request");
  return envelope.request;
}

export function lastRequest(upstream: CloudCodeServer): WireRequest {
  const last = upstream.calls().at(-1);
  if (!last) throw new Error("upstream was not called");
  return requestOf(last);
}

export function contentsOf(request: WireRequest): WireContent[] {
  return request.contents ?? [];
}

export function partsOf(content: WireContent | undefined): WirePart[] {
  return content?.parts ?? [];
}

/** Role and joined text of each content: enough to compare a conversation of words. */
export function spoken(request: WireRequest): [role: string, text: string][] {
  return contentsOf(request).map((content) => [
    content.role ?? "",
    partsOf(content)
      .map((part) => part.text ?? "")
      .join("|"),
  ]);
}

export function systemText(request: WireRequest): string {
  return partsOf(request.systemInstruction)
    .map((part) => part.text ?? "")
    .join("\n");
}

/** One model turn that called tools, and the responses at the head of the turn after it. */
export interface ToolTurn {
  content: WireContent;
  calls: { id: string; name: string; args: JsonObject }[];
  responses: { id: string; name: string; response: JsonObject }[];
  /** What else stands in the turn of the responses. */
  beside: WirePart[];
}

export function toolTurns(request: WireRequest): ToolTurn[] {
  const contents = contentsOf(request);
  return contents.flatMap((content, index) => {
    const calls = partsOf(content).flatMap(({ functionCall }) => functionCall ?? []);
    if (calls.length === 0) return [];
    const answer = partsOf(contents[index + 1]);
    const responses = answer.flatMap(({ functionResponse }) => functionResponse ?? []);
    return [
      {
        content,
        calls: calls.map(({ id = "", name = "", args = {} }) => ({ id, name, args })),
        responses: responses.map(({ id = "", name = "", response = {} }) => ({ id, name, response })),
        beside: answer.filter(({ functionResponse }) => !functionResponse),
      },
    ];
  });
}

/** The wire names of the declared tools, in order. */
export function declaredNames({ tools }: WireRequest): string[] {
  return (tools ?? []).flatMap((tool) => (tool.functionDeclarations ?? []).map(({ name = "" }) => name));
}

/** The media among parts, those inside tool responses included. */
export function mediaOf(parts: readonly WirePart[]): { mimeType?: string; data?: string }[] {
  return parts.flatMap((part) => [
    ...(part.inlineData ? [part.inlineData] : []),
    ...(part.functionResponse?.parts ?? []).flatMap(({ inlineData }) => inlineData ?? []),
  ]);
}
