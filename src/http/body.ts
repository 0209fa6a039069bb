import { GatewayError } from "../core/errors.ts";

/**
 * The request's JSON document. Throws GatewayError: `payload-too-large` without reading more than `limitBytes`,
 * `invalid-request` for what is not JSON. No error repeats any of the body.
 */
export async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  const text = await readText(request, limitBytes);
  if (text.trim() === "")
    throw new GatewayError("invalid-request", "The request has no body; a JSON object is expected");
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body, so it goes no further.
    throw new GatewayError("invalid-request", "The request body is not valid JSON");
  }
}

async function readText(request: Request, limitBytes: number): Promise<string> {
  const declared = request.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > limitBytes) throw tooLarge(limitBytes);
    return request.text();
  }
  return readChunked(request.body, limitBytes);
}

/** A chunked body announces no length, so it is counted as it comes. */
async function readChunked(body: ReadableStream<Uint8Array> | null, limitBytes: number): Promise<string> {
  if (body === null) return "";
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

function tooLarge(limitBytes: number): GatewayError {
  const limitMiB = Math.floor(limitBytes / 1024 / 1024);
  return new GatewayError("payload-too-large", `The request body exceeds the limit of ${limitMiB} MiB`);
}
