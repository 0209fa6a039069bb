import { abortError, untilAborted } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Blob64, RemoteMedia } from "../core/request.ts";
import type { Clock } from "../lib/clock.ts";
import { asUtf8, mediaType } from "./media-type.ts";
import { isPublicAddress } from "./public-address.ts";
import { isInnerName, readTarget, type Target, Unfetchable } from "./target.ts";

/** What the calls here ask of `fetch`. */
export interface MediaFetchOptions {
  headers: Record<string, string>;
  signal: AbortSignal;
  /** Each step is checked anew. */
  redirect: "manual";
  /** A pooled connection was checked for another name. */
  keepalive: false;
  /** `false`: what the environment says about proxies is not asked. */
  proxy: false | { url: string; respectNoProxy: false };
  /** The name that the certificate must be for, when the URL has an IP address in its place. */
  tls?: { serverName: string };
  timeout: false;
}

/** `globalThis.fetch`, or what stands in for it. */
export type MediaFetch = (url: string, options: MediaFetchOptions) => Promise<Response>;

export interface MediaFetcherDeps {
  /** All IP addresses of a name; rejects when it has none. */
  resolve(hostname: string): Promise<readonly string[]>;
  fetch: MediaFetch;
  /** The proxy that a URL is asked through; absent: directly. */
  proxyFor(url: URL): string | undefined;
  clock: Clock;
  /** The largest file, in bytes after decompression. */
  maxBytes: number;
  /** For a file as a whole, redirects included. */
  timeoutMs: number;
  /** "ag/0.1.0" */
  userAgent: string;
  /** Which IP addresses may be connected to. Absent: public ones. For tests, whose servers are on loopback. */
  mayConnectTo?(address: string): boolean;
}

export interface MediaFetcher {
  /**
   * The file at an address that a client has given. Only public addresses are asked, whichever way the client or a redirect
   * spells them: every IP address of a name must be public, and the connection is made to one that was checked. Through
   * a proxy it is the proxy that connects: names are resolved and checked here first, but the proxy resolves them again, so
   * what it may reach is for its own rules to say. Throws GatewayError: `invalid-request` naming the field, or why the
   * signal has aborted. The message never holds the address.
   */
  fetch(media: RemoteMedia, signal: AbortSignal): Promise<Blob64>;
}

const MOST_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Addresses of one name that are tried, one after the other. */
const MOST_ADDRESSES = 4;

export function createMediaFetcher(deps: MediaFetcherDeps): MediaFetcher {
  return {
    async fetch(media, signal) {
      const stop = new AbortController();
      const timer = new AbortController();
      const limit = AbortSignal.any([signal, stop.signal]);
      const timeout = deps.clock.sleep(deps.timeoutMs, timer.signal);
      timeout.then(
        () => stop.abort(refusal(media, `took longer than ${deps.timeoutMs / 1000} s (media.timeoutMs)`)),
        () => {}, // the file was there first
      );
      try {
        return await untilAborted(fetchMedia(media, limit, deps), limit);
      } catch (cause) {
        if (limit.aborted) throw abortError(limit);
        if (cause instanceof Unfetchable) throw refusal(media, cause.message);
        throw cause;
      } finally {
        timer.abort();
        stop.abort(); // whatever is left of the connection
      }
    },
  };
}

function refusal({ field }: RemoteMedia, why: string): GatewayError {
  return new GatewayError("invalid-request", `${field}: the address ${why}`, { field });
}

async function fetchMedia(
  { url, mimeType }: RemoteMedia,
  signal: AbortSignal,
  deps: MediaFetcherDeps,
): Promise<Blob64> {
  const response = await follow(readTarget(url), signal, deps);
  if (!response.ok) {
    await discard(response);
    throw new Unfetchable(`was answered with status ${response.status}`);
  }
  const bytes = await readBytes(response, deps.maxBytes);
  if (bytes.length === 0) throw new Unfetchable("leads to an empty file");
  const contentType = response.headers.get("content-type");
  const data = bytes.toBase64();
  const type = mediaType(mimeType, contentType, data);
  const text = asUtf8(bytes, type, contentType);
  return { mimeType: type, data: text === bytes ? data : text.toBase64() };
}

async function follow(first: Target, signal: AbortSignal, deps: MediaFetcherDeps): Promise<Response> {
  let target = first;
  for (let redirects = 0; ; redirects++) {
    const response = await ask(target, signal, deps);
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return response;
    await discard(response);
    if (redirects === MOST_REDIRECTS) throw new Unfetchable(`redirects more than ${MOST_REDIRECTS} times`);
    target = readTarget(location, target.url);
  }
}

/** One request, to an address that was checked. */
async function ask(target: Target, signal: AbortSignal, deps: MediaFetcherDeps): Promise<Response> {
  const addresses = await checkedAddresses(target, deps);
  const { url, host, isAddress } = target;
  const options: MediaFetchOptions = {
    headers: { "user-agent": deps.userAgent, accept: "*/*" },
    signal,
    redirect: "manual",
    keepalive: false,
    proxy: false,
    timeout: false,
  };
  const proxy = deps.proxyFor(url);
  if (proxy !== undefined) return send(url.href, { ...options, proxy: { url: proxy, respectNoProxy: false } }, deps);
  if (isAddress) return send(url.href, options, deps);

  const pinned = {
    ...options,
    headers: { ...options.headers, host: url.host },
    ...(url.protocol === "https:" && { tls: { serverName: host } }),
  };
  for (const [index, address] of addresses.entries()) {
    try {
      return await send(withHost(url, address), pinned, deps);
    } catch (cause) {
      if (signal.aborted || index === addresses.length - 1) throw cause;
    }
  }
  throw unreachable();
}

/** What is to be connected to. Throws Unfetchable unless all of it is public: before any connection, and whatever listens there. */
async function checkedAddresses({ host, isAddress }: Target, deps: MediaFetcherDeps): Promise<readonly string[]> {
  const mayConnectTo = deps.mayConnectTo ?? isPublicAddress;
  if (!isAddress && isInnerName(host)) throw notPublic();
  const addresses = isAddress ? [host] : await resolved(host, deps);
  if (addresses.length === 0) throw unreachable();
  if (!addresses.every((address) => mayConnectTo(address))) throw notPublic();
  // Many machines have IPv6 addresses and no way out for them.
  return addresses.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":"))).slice(0, MOST_ADDRESSES);
}

async function resolved(host: string, { resolve }: MediaFetcherDeps): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch {
    throw unreachable();
  }
}

function withHost(url: URL, address: string): string {
  const pinned = new URL(url);
  pinned.hostname = address.includes(":") ? `[${address}]` : address;
  return pinned.href;
}

async function send(url: string, options: MediaFetchOptions, { fetch }: MediaFetcherDeps): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch {
    throw unreachable(); // which of its ways to fail it was is no stranger's business
  }
}

async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = new Unfetchable(`leads to a file larger than ${sizeText(maxBytes)} (media.maxBytes)`);
  if (Number(response.headers.get("content-length") ?? 0) > maxBytes) {
    await discard(response);
    throw tooLarge;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > maxBytes) break; // which cancels the rest
      chunks.push(chunk);
    }
  } catch {
    throw unreachable();
  }
  if (length > maxBytes) throw tooLarge;
  return Buffer.concat(chunks);
}

async function discard({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => {}); // it may be broken already
}

function notPublic(): Unfetchable {
  return new Unfetchable("is not public; send the file itself, as base64");
}

function unreachable(): Unfetchable {
  return new Unfetchable("cannot be reached");
}

function sizeText(bytes: number): string {
  return bytes >= 1024 ** 2 ? `${Math.floor(bytes / 1024 ** 2)} MiB` : `${bytes} bytes`;
}
