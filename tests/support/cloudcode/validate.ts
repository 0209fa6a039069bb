import { isJsonObject, type JsonValue } from "../../../src/lib/json.ts";
import { checkCalls } from "./rules-calls.ts";
import { checkGenerationConfig } from "./rules-config.ts";
import { checkContents, checkOneof, checkSystemInstruction } from "./rules-contents.ts";
import { checkEnvelope, type EnvelopeContext } from "./rules-envelope.ts";
import { checkThinking } from "./rules-thinking.ts";
import { checkTools } from "./rules-tools.ts";
import { checkTransport, type TransportContext } from "./rules-transport.ts";
import { firstRefusal, refuse, type Refusal } from "./refusal.ts";
import type { IssuedSignatures } from "./issued-signatures.ts";
import type { ServedModel } from "./model-table.ts";
import { COUNT_TOKENS, ENVELOPE } from "./wire-messages.ts";
import { readMessage } from "./wire-shape.ts";
import type { WireEnvelope, WireRequest } from "./wire-types.ts";

export interface ValidationContext extends TransportContext, Omit<EnvelopeContext, "account"> {
  signatures: IssuedSignatures;
}

/**
 * Judges one generation call (whole or streamed) as the service would: the first broken rule, or `undefined`.
 * Pure: records neither the request id nor anything else.
 */
export function validateGenerate(body: unknown, context: ValidationContext): Refusal | undefined {
  return firstRefusal(() => {
    const account = checkTransport(context);
    const envelope: WireEnvelope = readMessage(ENVELOPE, asJson(body), "");
    const model = checkEnvelope(envelope, { ...context, account });
    checkRequest(envelope.request ?? {}, model, context.signatures, envelope.requestType);
  });
}

/** The rules about a GenerateContent body itself, whatever carries it; its shape has been read. Throws Refused. */
export function checkRequest(
  request: WireRequest,
  model: ServedModel,
  signatures: IssuedSignatures,
  requestType?: string,
): void {
  checkContents(request, model);
  checkSystemInstruction(request.systemInstruction, model);
  checkCalls(request, model);
  checkTools(request, model, requestType);
  checkGenerationConfig(request, model);
  checkThinking(request, model, signatures);
}

/** The token count takes `{ request: { contents } }` and no thoughts; the model is unknown, so no family rule applies. */
export function validateCountTokens(body: unknown, context: TransportContext): Refusal | undefined {
  return firstRefusal(() => {
    checkTransport(context);
    const { request }: { request?: WireRequest } = readMessage(COUNT_TOKENS, asJson(body), "");
    const contents = request?.contents ?? [];
    if (contents.length === 0) refuse("contents-empty", "* CountTokensRequest.contents: contents is not specified");
    contents.forEach((content, index) => {
      if (content.role !== "user" && content.role !== "model") {
        refuse("role-unknown", `contents[${index}].role: Please use a valid role: user, model.`);
      }
      checkOneof(content, `contents[${index}]`);
      if (content.parts?.some((part) => part.thought !== undefined || part.thoughtSignature !== undefined)) {
        refuse("count-thought", "required oneof field 'data' must have one initialized field");
      }
    });
  });
}

export function asJson(body: unknown): JsonValue {
  if (!isJsonObject(body)) refuse("not-an-object", "Invalid JSON payload received. Expected an object.");
  return body;
}
