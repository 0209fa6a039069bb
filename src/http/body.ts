import { GatewayError } from "../core/errors.ts";
import { isNestedTooDeep } from "../lib/json.ts";
import { brokenOff, checkBodyHead, countedChunks } from "./body-bytes.ts";
import { readMultipart } from "./multipart.ts";

/** The request's body as one document: JSON or, where forms are taken, the fields of one. Throws like `readJson`. */
export function readBody(request: Request, limitBytes: number, forms: boolean): Promise<unknown> {
  const isForm = forms && /^multipart\/form-data\b/i.test(request.headers.get("content-type") ?? "");
  return isForm ? readMultipart(request, limitBytes) : readJson(request, limitBytes);
}

/**
 * The request's JSON document. Throws GatewayError: `payload-too-large` without reading more than `limitBytes`,
 * `invalid-request` for what is not JSON, `cancelled` when the client left before its body was there. No error repeats
 * any of the body.
 */
export async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  checkBodyHead(request, limitBytes);
  const document = await parseBody(request, limitBytes);
  if (isNestedTooDeep(document)) throw new GatewayError("invalid-request", "The request body is nested too deeply");
  return document;
}

async function parseBody(request: Request, limitBytes: number): Promise<unknown> {
  const isChunked = !request.headers.has("content-length");
  try {
    return isChunked ? JSON.parse(await readChunked(request.body, limitBytes)) : await request.json();
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (request.signal.aborted) throw brokenOff();
    // The parser's message quotes the body, so it goes no further.
    throw new GatewayError("invalid-request", "The request body is not valid JSON");
  }
}

async function readChunked(body: ReadableStream<Uint8Array> | null, limitBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  const texts: string[] = [];
  for await (const chunk of countedChunks(body, limitBytes)) texts.push(decoder.decode(chunk, { stream: true }));
  texts.push(decoder.decode());
  return texts.join("");
}
