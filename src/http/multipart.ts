import { GatewayError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../lib/json.ts";
import { percentDecoded } from "../lib/percent.ts";
import { brokenOff, checkBodyHead, countedChunks } from "./body-bytes.ts";

/** More than any form has, and few enough that a body of nothing but tiny parts costs little. */
const MOST_PARTS = 1000;
const MOST_HEADER_BYTES = 16 * 1024;

/**
 * The fields of a `multipart/form-data` body as one plain object: texts as they are (numbers too), files as
 * `{ filename, mimeType, data }` with `data` in base64. A name that comes more than once is a list, and so is `image[]` or
 * `image[0]`, under the name `image`. A file field that was left empty is absent.
 *
 * Throws GatewayError: `payload-too-large` without reading more than `limitBytes`, `invalid-request` for what is no such
 * form, `cancelled` when the client left before its body was there. No error repeats any of the body.
 */
export async function readMultipart(request: Request, limitBytes: number): Promise<JsonObject> {
  checkBodyHead(request, limitBytes);
  const boundary = boundaryOf(request.headers.get("content-type") ?? "");
  if (boundary === undefined) throw malformed("its Content-Type names no boundary");
  return readForm(await readBytes(request, limitBytes), boundary);
}

function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

async function readBytes(request: Request, limitBytes: number): Promise<Buffer> {
  const isChunked = !request.headers.has("content-length");
  try {
    if (!isChunked) return Buffer.from(await request.arrayBuffer());
    return Buffer.concat(await Array.fromAsync(countedChunks(request.body, limitBytes)));
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (request.signal.aborted) throw brokenOff();
    throw malformed("it could not be read");
  }
}

function readForm(body: Buffer, boundary: string): JsonObject {
  const fields = new Map<string, JsonValue>();
  let count = 0;
  for (const part of parts(body, boundary)) {
    if (++count > MOST_PARTS) throw malformed(`it has more than ${MOST_PARTS} parts`);
    const { name, isList } = fieldOf(part);
    const value = valueOf(part);
    if (value === undefined) continue;
    const earlier = fields.get(name);
    if (Array.isArray(earlier)) earlier.push(value);
    else if (earlier !== undefined) fields.set(name, [earlier, value]);
    else fields.set(name, isList ? [value] : value);
  }
  return Object.fromEntries(fields); // not by assignment, to which `__proto__` would not be a name like any other
}

interface FormPart {
  /** By name in lower case. */
  headers: ReadonlyMap<string, string>;
  content: Buffer;
}

function* parts(body: Buffer, boundary: string): Generator<FormPart, void, undefined> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter may stand at the very beginning, where no line ends before it.
  const first = delimiter.subarray(2);
  const atStart = body.subarray(0, first.length).equals(first);
  let next = atStart ? first.length : endOf(body, delimiter, 0);
  while (!isAt(body, "--", next)) {
    const headersAt = lineAfter(body, next);
    const contentAt = endOf(body, BLANK_LINE, headersAt - 2); // the line before may be all there is of it: no headers
    if (contentAt - headersAt > MOST_HEADER_BYTES) throw malformed("a part has too long a head");
    next = endOf(body, delimiter, contentAt - 2); // and the content may be empty
    const headers = readHeaders(body.toString("utf8", headersAt, Math.max(headersAt, contentAt - BLANK_LINE.length)));
    yield { headers, content: body.subarray(contentAt, next - delimiter.length) };
  }
}

const BLANK_LINE = Buffer.from("\r\n\r\n");

/** The offset after the first `sought` that begins at `from` or later. */
function endOf(body: Buffer, sought: Buffer, from: number): number {
  const at = body.indexOf(sought, from);
  if (at === -1) throw malformed("it breaks off");
  return at + sought.length;
}

/** The beginning of the next line; between a delimiter and its line's end only blanks may stand. */
function lineAfter(body: Buffer, from: number): number {
  let at = from;
  while (isAt(body, " ", at) || isAt(body, "\t", at)) at++;
  if (!isAt(body, "\r\n", at)) throw malformed("a delimiter is followed by other text");
  return at + 2;
}

function isAt(body: Buffer, text: string, at: number): boolean {
  return body.toString("latin1", at, at + text.length) === text;
}

function readHeaders(head: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon !== -1) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function fieldOf({ headers }: FormPart): { name: string; isList: boolean } {
  const written = parameter(headers.get("content-disposition") ?? "", "name");
  if (written === undefined) throw malformed("a part has no name");
  const name = written.replace(/\[\d*\]$/, "");
  return { name, isList: name !== written };
}

/** `undefined` for a file field that nothing was chosen for. */
function valueOf({ headers, content }: FormPart): JsonValue | undefined {
  const type = headers.get("content-type") ?? "";
  const filename = filenameOf(headers.get("content-disposition") ?? "");
  // Some clients leave the name of a file out; what says that it is not text is one all the same.
  if (filename === undefined && /^(?:$|text\/|application\/json\b)/i.test(type)) return content.toString("utf8");
  if (content.length === 0 && !filename) return undefined;
  return { filename: filename ?? "", mimeType: type, data: content.toString("base64") };
}

function filenameOf(disposition: string): string | undefined {
  // The extended form is how older clients write a name outside ASCII, and then all they write.
  const extended = parameter(disposition, "filename*");
  return parameter(disposition, "filename") ?? (extended && percentDecoded(extended.replace(/^[^']*'[^']*'/, "")));
}

/** The value of one parameter of a Content-Disposition, without its quotes. */
function parameter(disposition: string, name: string): string | undefined {
  for (const [, key, quoted, plain] of disposition.matchAll(
    /;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g,
  )) {
    if (key?.toLowerCase() !== name) continue;
    // Browsers write these three as percent escapes, others escape quotes with a backslash.
    return (
      quoted
        ?.replaceAll('\\"', '"')
        .replaceAll("%22", '"')
        .replace(/%0D|%0A/g, " ") ?? plain
    );
  }
  return undefined;
}

function malformed(why: string): GatewayError {
  return new GatewayError("invalid-request", `The request body is not valid multipart/form-data: ${why}`);
}
