import type { CountCall, CredentialOf } from "../../core/upstream.ts";
import { lowerRequest } from "../../gemini-wire/lower.ts";
import { readObject } from "../shared/http.ts";
import { totalTokens } from "../shared/total-tokens.ts";
import { officialBody } from "./body.ts";
import { type ApiDeps, callApi } from "./call.ts";

/** The very request that would be sent, counted whole. Throws GatewayError. */
export async function countTokens(
  { request, model }: CountCall,
  credential: CredentialOf<"gemini-api-key">,
  signal: AbortSignal,
  deps: ApiDeps,
): Promise<number> {
  const { body } = lowerRequest(request, model, new Set(), "official");
  const text = JSON.stringify({ generateContentRequest: { model: `models/${model.id}`, ...officialBody(body) } });
  const path = `models/${encodeURIComponent(model.id)}:countTokens`;
  const response = await callApi(
    { method: "POST", path, credential, accept: "application/json", body: () => text },
    signal,
    deps,
  );
  return totalTokens(await readObject(response, signal));
}
