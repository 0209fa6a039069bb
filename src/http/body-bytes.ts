import { GatewayError } from "../core/errors.ts";

/**
 * What the head already says about a body that is not taken. Throws GatewayError: `payload-too-large`, or `invalid-request`
 * when there is none or it is compressed.
 */
export function checkBodyHead({ headers }: Request, limitBytes: number): void {
  const declared = headers.get("content-length");
  if (declared !== null && Number(declared) > limitBytes) throw tooLarge(limitBytes);
  if (declared === "0") throw noBody();
  if (!/^(identity)?$/i.test(headers.get("content-encoding") ?? "")) {
    throw new GatewayError("invalid-request", "Compressed request bodies (Content-Encoding) are not supported");
  }
}

/**
 * A body that announces no length, counted as it comes. Throws GatewayError: `payload-too-large` as soon as it exceeds the
 * limit, `invalid-request` when there is none.
 */
export async function* countedChunks(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) throw noBody();
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > limitBytes) throw tooLarge(limitBytes);
    yield chunk;
  }
}

/**
 * A body that came to no end. Whether its client has gone, or the runtime has closed a connection on which nothing came for
 * half a minute, looks the same from here.
 */
export function brokenOff(): GatewayError {
  return new GatewayError("cancelled", "The client left, or stopped sending, before its request was all there");
}

function noBody(): GatewayError {
  return new GatewayError("invalid-request", "The request has no body; a JSON object is expected");
}

function tooLarge(limitBytes: number): GatewayError {
  const mebibytes = limitBytes / 1024 ** 2;
  const limit = Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${limitBytes} bytes`;
  return new GatewayError("payload-too-large", `The request body exceeds the limit of ${limit}`);
}
