import type { CountCall, CredentialOf } from "../../core/upstream.ts";
import { countContents } from "../../gemini-wire/count-contents.ts";
import { lowerRequest } from "../../gemini-wire/lower.ts";
import { totalTokens } from "../shared/total-tokens.ts";
import { callForObject, type CallDeps } from "./call.ts";
import type { Hosts } from "./hosts.ts";

/** The service counts contents and nothing else, and asks for no model. Throws GatewayError. */
export async function countTokens(
  { request, model }: CountCall,
  { accountId, accessToken }: CredentialOf<"antigravity">,
  hosts: Hosts,
  signal: AbortSignal,
  deps: CallDeps,
): Promise<number> {
  const { body } = lowerRequest(request, model, new Set());
  const text = JSON.stringify({ request: { contents: countContents(body) } });
  const call = { hosts: hosts.generate, method: "countTokens", accessToken, pool: accountId, body: () => text };
  return totalTokens(await callForObject(call, signal, deps));
}
