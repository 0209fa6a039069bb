import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Blob64, Content, GenerateRequest, Part, RemoteMedia } from "../core/request.ts";
import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";
import { decodeBase64, isTextType } from "../lib/data-url.ts";

/** The file at an address. Throws GatewayError. */
export type FetchMedia = (media: RemoteMedia, signal: AbortSignal) => Promise<Blob64>;

const MOST_FILES = 50;
const FETCHED_AT_ONCE = 4;
/** Of base64, over all files of a request. */
const MOST_CHARACTERS = 140_000_000;

/**
 * The request with every file in it that it names by address; text files as text. The same object when there are none,
 * and what names none is shared with the original. Throws GatewayError for the first that is not to be had.
 */
export async function inlineRemoteMedia(
  request: GenerateRequest,
  fetchMedia: FetchMedia,
  signal: AbortSignal,
): Promise<GenerateRequest> {
  const wanted = new Map<string, RemoteMedia>();
  for (const { parts } of request.contents) {
    for (const part of parts)
      for (const media of remoteIn(part)) if (!wanted.has(keyOf(media))) wanted.set(keyOf(media), media);
  }
  if (wanted.size === 0) return request;
  const files = await fetchAll(wanted, fetchMedia, signal);
  const fileOf = (media: RemoteMedia): Blob64 => {
    const file = files.get(keyOf(media));
    if (!file) throw new Error("a file was not asked for");
    return file;
  };
  return { ...request, contents: request.contents.map((content) => inlined(content, fileOf)) };
}

/** Keeps what was fetched, for clients send their whole history with each turn. */
export function rememberMedia(fetchMedia: FetchMedia, clock: Clock): FetchMedia {
  const files = new BoundedMap<{ file: Blob64; fetchedAt: number }>(KEPT_CHARACTERS);
  return async (media, signal) => {
    const key = keyOf(media);
    const known = files.get(key);
    if (known && clock.now() - known.fetchedAt < FRESH_MS) return known.file;
    try {
      const file = await fetchMedia(media, signal);
      files.set(key, { file, fetchedAt: clock.now() }, key.length + file.data.length);
      return file;
    } catch (cause) {
      // Addresses often expire before the conversation is over: what was said about the file still stands.
      if (!known || signal.aborted) throw cause;
      known.fetchedAt = clock.now();
      return known.file;
    }
  };
}

const FRESH_MS = 600_000;
const KEPT_CHARACTERS = 64 * 1024 ** 2;

/** In the place of fetching where nothing is fetched, for that reason. */
export function refuseMedia(reason: string): FetchMedia {
  return async ({ field }) => {
    const message = `${field}: files are not fetched here (${reason}); send the file itself, as base64`;
    throw new GatewayError("invalid-request", message, { field });
  };
}

/** The type that is asked for decides about what comes. */
function keyOf({ url, mimeType = "" }: RemoteMedia): string {
  return `${mimeType} ${url}`;
}

function remoteIn({ remote, functionResponse }: Part): RemoteMedia[] {
  const returned = functionResponse?.media?.filter(isRemote) ?? [];
  return remote ? [remote, ...returned] : returned;
}

function isRemote(media: Blob64 | RemoteMedia): media is RemoteMedia {
  return "url" in media;
}

/** A few at a time. The first failure ends the others. */
async function fetchAll(
  wanted: ReadonlyMap<string, RemoteMedia>,
  fetchMedia: FetchMedia,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Blob64>> {
  const oneTooMany = [...wanted.values()][MOST_FILES];
  if (oneTooMany) throw refusal(oneTooMany, `more than ${MOST_FILES} files are named by address`);
  const files = new Map<string, Blob64>();
  const failed = new AbortController();
  const limit = AbortSignal.any([signal, failed.signal]);
  const queue = wanted.entries(); // shared: each worker takes the next
  let characters = 0;
  const work = async () => {
    for (const [key, media] of queue) {
      if (limit.aborted) throw abortError(limit);
      const file = await fetchMedia(media, limit);
      characters += file.data.length;
      if (characters > MOST_CHARACTERS) throw refusal(media, "the files named by address are too large together");
      files.set(key, file);
    }
  };
  try {
    await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, work));
  } finally {
    failed.abort();
  }
  return files;
}

function refusal({ field }: RemoteMedia, why: string): GatewayError {
  return new GatewayError("invalid-request", `${field}: ${why}`, { field });
}

function inlined(content: Content, fileOf: (media: RemoteMedia) => Blob64): Content {
  if (content.parts.every((part) => remoteIn(part).length === 0)) return content;
  return { ...content, parts: content.parts.map((part) => withFiles(part, fileOf)) };
}

function withFiles(part: Part, fileOf: (media: RemoteMedia) => Blob64): Part {
  if (remoteIn(part).length === 0) return part;
  const { remote, functionResponse, ...rest } = part;
  const media = functionResponse?.media?.map((item) => (isRemote(item) ? fileOf(item) : item));
  return {
    ...rest,
    ...(functionResponse && { functionResponse: { ...functionResponse, ...(media && { media }) } }),
    ...(remote && textOrData(fileOf(remote))),
  };
}

/** Not every model reads text files as attachments, and every one reads text. */
function textOrData(file: Blob64): Pick<Part, "text" | "inlineData"> {
  const bytes = isTextType(file.mimeType) ? decodeBase64(file.data) : undefined;
  const text = bytes && new TextDecoder().decode(bytes);
  return text ? { text } : { inlineData: file };
}
