import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import { isNestedTooDeep } from "../lib/json.ts";

/**
 * The request's JSON document. Throws GatewayError: `payload-too-large` without reading more than `limitBytes`,
 * `invalid-request` for what is not JSON, `cancelled` when the client left before its body was there. No error repeats
 * any of the body.
 */
export async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > limitBytes) throw tooLarge(limitBytes);
  if (declared === "0") throw noBody();
  if (!/^(identity)?$/i.test(request.headers.get("content-encoding") ?? "")) {
    throw new GatewayError("invalid-request", "Compressed request bodies (Content-Encoding) are not supported");
  }
  const document = await parseBody(request, declared, limitBytes);
  if (isNestedTooDeep(document)) throw new GatewayError("invalid-request", "The request body is nested too deeply");
  return document;
}

async function parseBody(request: Request, declared: string | null, limitBytes: number): Promise<unknown> {
  try {
    // A chunked body announces no length, so it is counted as it comes.
    return declared === null ? JSON.parse(await readChunked(request.body, limitBytes)) : await request.json();
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (request.signal.aborted) throw abortError(request.signal);
    // The parser's message quotes the body, so it goes no further.
    throw new GatewayError("invalid-request", "The request body is not valid JSON");
  }
}

async function readChunked(body: ReadableStream<Uint8Array> | null, limitBytes: number): Promise<string> {
  if (body === null) throw noBody();
  const decoder = new TextDecoder();
  const texts: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > limitBytes) throw tooLarge(limitBytes);
    texts.push(decoder.decode(chunk, { stream: true }));
  }
  texts.push(decoder.decode());
  return texts.join("");
}

function noBody(): GatewayError {
  return new GatewayError("invalid-request", "The request has no body; a JSON object is expected");
}

function tooLarge(limitBytes: number): GatewayError {
  const mebibytes = limitBytes / 1024 ** 2;
  const limit = Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${limitBytes} bytes`;
  return new GatewayError("payload-too-large", `The request body exceeds the limit of ${limit}`);
}
