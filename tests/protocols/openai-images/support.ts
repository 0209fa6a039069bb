import type { ParsedCall, Protocol } from "../../../src/core/protocol.ts";
import type { StopReason, TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiImageEdits, openaiImageGenerations } from "../../../src/protocols/openai-images/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { type BlockScript, media, turnEvents } from "../../support/turn-script.ts";

function parse(protocol: Protocol, body: unknown, headers: Record<string, string> = {}): ParsedCall {
  return protocol.parse({ body, headers: new Headers(headers) });
}

export function generationWith(fields: JsonObject, headers: Record<string, string> = {}): ParsedCall {
  return parse(openaiImageGenerations, { prompt: "a paper boat", ...fields }, headers);
}

export function editWith(fields: JsonObject): ParsedCall {
  return parse(openaiImageEdits, { prompt: "a paper boat", image: PNG_URL, ...fields });
}

export const generationRefusal = (body: unknown) => refusalOf(() => parse(openaiImageGenerations, body));
export const editRefusal = (body: unknown) => refusalOf(() => parse(openaiImageEdits, body));

/** The first bytes of pictures that are 3 pixels wide and 2 high: all that is ever looked at. */
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAAElFTkSuQmCC";
export const JPEG = Uint8Array.fromHex(
  [
    "ffd8ffe000040102", // start, and a segment to pass over
    "ffffc4000309", // one with a fill byte, whose marker looks like a frame's
    "ffc2000b080002000301011100",
  ].join(""),
).toBase64();
export const PNG_URL = `data:image/png;base64,${PNG}`;

export const picture = (data = PNG, mimeType = "image/png"): BlockScript => media(mimeType, data);

/** A turn whose end says how many tokens were pictures, as upstream does. */
export function imageTurn(
  blocks: readonly BlockScript[],
  reason: StopReason = "end",
  meta: JsonObject = {},
): TurnEvent[] {
  const usageMetadata: JsonObject = {
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: 4 },
      { modality: "IMAGE", tokenCount: 8 },
    ],
    candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 3 }],
  };
  return turnEvents(blocks, reason, { usageMetadata, ...meta });
}
