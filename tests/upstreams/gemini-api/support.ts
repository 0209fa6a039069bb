import { GatewayError } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { Loss } from "../../../src/core/losses.ts";
import type { GenerateRequest } from "../../../src/core/request.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { UpstreamCall } from "../../../src/core/upstream.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { profileOf } from "../../../src/models/profile.ts";
import { createGeminiApi, type GeminiApiDeps } from "../../../src/upstreams/gemini-api/index.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import type { WireRequest } from "../../support/cloudcode/wire-types.ts";
import type { GeminiApiServer } from "../../support/gemini-api/index.ts";

export const CREDENTIAL = { kind: "gemini-api-key", accountId: "account-1", apiKey: "AIza-test-key" } as const;

export const FLASH_3 = profileOf("gemini-3-flash-preview");
export const FLASH_25 = profileOf("gemini-2.5-flash");
export const PRO_25 = profileOf("gemini-2.5-pro");
export const IMAGE = profileOf("gemini-2.5-flash-image");

/** "2026-08-20T13:00:00Z": six in the morning in California. */
export const NOW = Date.UTC(2026, 7, 20, 13);

export function api(
  baseUrl: string,
  change: Partial<GeminiApiDeps> = {},
  clock: Clock = eagerClock(NOW, PAUSE_LIMIT_MS),
) {
  let calls = 0;
  return createGeminiApi({
    fetch: (url, options) => fetch(url, options),
    baseUrl,
    userAgent: "ag/1.0.0",
    clock,
    newCallId: () => `call_${++calls}`,
    ...change,
  });
}

export function asking(request: Partial<GenerateRequest> = {}, model: ModelProfile = FLASH_3): UpstreamCall {
  return {
    request: {
      model: "m",
      system: [],
      contents: [{ role: "user", parts: [{ text: "List three primes — ünïcode €." }] }],
      tools: [],
      sampling: {},
      ...request,
    },
    model,
    conversationKey: "conversation-1",
    repairs: new Set(),
    onLoss: () => {},
  };
}

export interface Outcome {
  events: TurnEvent[];
  losses: Loss[];
  error?: GatewayError;
}

/** One attempt, whatever comes of it. */
export async function run(
  baseUrl: string,
  call: UpstreamCall = asking(),
  signal = new AbortController().signal,
): Promise<Outcome> {
  const outcome: Outcome = { events: [], losses: [] };
  try {
    const upstream = api(baseUrl);
    const told = { ...call, onLoss: (loss: Loss) => void outcome.losses.push(loss) };
    for await (const batch of upstream.stream(told, CREDENTIAL, signal)) outcome.events.push(...batch);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    outcome.error = error;
  }
  return outcome;
}

/** The body of the last generation call. */
export function lastBody(server: GeminiApiServer): WireRequest {
  const body = server.calls().at(-1)?.body;
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Error("there was no call");
  return body;
}
