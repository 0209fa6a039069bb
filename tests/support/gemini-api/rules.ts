import type { ServedModel } from "../cloudcode/model-table.ts";
import type { IssuedSignatures } from "../cloudcode/issued-signatures.ts";
import { errorInfo, firstRefusal, refuse, type Refusal } from "../cloudcode/refusal.ts";
import { checkBodyHeaders, checkHeaderNames } from "../cloudcode/rules-transport.ts";
import { asJson, checkRequest } from "../cloudcode/validate.ts";
import { readMessage } from "../cloudcode/wire-shape.ts";
import type { WireContent, WireRequest } from "../cloudcode/wire-types.ts";
import { COUNT_TOKENS, GENERATE } from "./shape.ts";

/** One API key as the server knows it; `server.keys` holds copies that a test may change while the server runs. */
export interface ServedKey {
  key: string;
  /** Model ids it may use; default: all of the table. */
  models?: readonly string[];
  /** Generation calls beyond so many at a time are refused with a rate limit. */
  concurrency?: number;
}

const ALLOWED_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-length",
  "content-type",
  "host",
  "user-agent",
  "x-goog-api-key",
]);

/** The key of a call that says who it is and nothing else about itself. Throws Refused. */
export function checkCaller(headers: Headers, url: URL, keys: readonly ServedKey[]): ServedKey {
  // The service takes a key in the URL as well; there it would end up in logs on the way.
  if (url.searchParams.has("key")) refuse("key-in-url", "API keys in URLs are refused by this server.");
  const sent = headers.get("x-goog-api-key");
  if (!sent) {
    refuse(
      "key-missing",
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
      403,
    );
  }
  const known = keys.find(({ key }) => key === sent);
  if (!known) {
    refuse("key-unknown", "API key not valid. Please pass a valid API key.", 400, [
      errorInfo("API_KEY_INVALID", { service: "generativelanguage.googleapis.com" }, "googleapis.com"),
    ]);
  }
  checkHeaderNames(headers, ALLOWED_HEADERS);
  if (!/^ag\/\S+$/.test(headers.get("user-agent") ?? "")) refuse("user-agent", "The client does not say its own name.");
  return known;
}

export interface GenerateContext {
  headers: Headers;
  url: URL;
  keys: readonly ServedKey[];
  models: ReadonlyMap<string, ServedModel>;
  signatures: IssuedSignatures;
}

/** Judges one streamGenerateContent call as the service would: the first broken rule, or `undefined`. Pure. */
export function validateOfficial(modelId: string, body: unknown, context: GenerateContext): Refusal | undefined {
  return firstRefusal(() => {
    const model = checkModel(modelId, "generateContent", context);
    const request: WireRequest = readMessage(GENERATE, asJson(body), "");
    checkRequest(request, model, context.signatures);
    checkParameters(request);
  });
}

/**
 * Judges one countTokens call, which counts contents alone or a whole request; the request is one that could be sent.
 * `counted` is told what is to be counted. Pure.
 */
export function validateOfficialCount(
  modelId: string,
  body: unknown,
  context: GenerateContext,
  counted: (request: WireRequest) => void,
): Refusal | undefined {
  return firstRefusal(() => {
    const model = checkModel(modelId, "countTokens", context);
    const message: { contents?: WireContent[]; generateContentRequest?: WireRequest & { model?: string } } =
      readMessage(COUNT_TOKENS, asJson(body), "");
    const { contents, generateContentRequest: whole } = message;
    if ((contents === undefined) === (whole === undefined)) {
      refuse("count-both-forms", "Exactly one of contents and generate_content_request must be set.");
    }
    if (!whole) return counted({ contents: contents ?? [] });
    const { model: named, ...request } = whole;
    if (named !== `models/${modelId}`) {
      refuse("count-model", `* CountTokensRequest.generate_content_request.model: must be models/${modelId}`);
    }
    checkRequest(request, model, context.signatures);
    checkParameters(request);
    counted(request);
  });
}

function checkModel(modelId: string, method: string, context: GenerateContext): ServedModel {
  const key = checkCaller(context.headers, context.url, context.keys);
  checkBodyHeaders(context.headers);
  const model = context.models.get(modelId);
  if (model && (key.models?.includes(modelId) ?? true)) return model;
  return refuse(
    model ? "model-not-for-key" : "model-unknown",
    `models/${modelId} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
    404,
  );
}

function checkParameters({ tools }: WireRequest): void {
  tools
    ?.flatMap(({ functionDeclarations }) => functionDeclarations ?? [])
    .forEach(({ parameters }, index) => {
      if (!parameters || Object.keys(parameters.properties ?? {}).length > 0) return;
      refuse(
        "empty-parameters",
        `* GenerateContentRequest.tools[0].function_declarations[${index}].parameters.properties: should be non-empty for OBJECT type`,
      );
    });
}
