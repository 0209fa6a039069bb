import { lookup } from "node:dns/promises";
import { buildInfo } from "../config/build-info.ts";
import type { Config } from "../config/load.ts";
import type { GenerateRequest } from "../core/request.ts";
import { type FetchMedia, inlineRemoteMedia, refuseMedia, rememberMedia } from "../gateway/inline-media.ts";
import type { Clock } from "../lib/clock.ts";
import { createMediaFetcher } from "../media/fetcher.ts";
import { proxyFor } from "../media/proxy-for.ts";

export interface MediaOptions {
  /** The demo knows no network. */
  offline: boolean;
  /** Which addresses may be connected to. Absent: public ones. For tests, whose servers are on loopback. */
  mayConnectTo?: ((address: string) => boolean) | undefined;
}

/** Puts the files that a request names by address into it. */
export function composeMedia(
  { media }: Config,
  clock: Clock,
  { offline, mayConnectTo }: MediaOptions,
): (request: GenerateRequest, signal: AbortSignal) => Promise<GenerateRequest> {
  const inlineWith = (fetchMedia: FetchMedia) => (request: GenerateRequest, signal: AbortSignal) =>
    inlineRemoteMedia(request, fetchMedia, signal);
  if (offline) return inlineWith(refuseMedia("the demo knows no network"));
  if (!media.fetch) return inlineWith(refuseMedia('"media": { "fetch": false } in config.jsonc'));
  const fetcher = createMediaFetcher({
    resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
    fetch: (url, options) => fetch(url, options),
    proxyFor: (url) => proxyFor(url, process.env),
    clock,
    maxBytes: media.maxBytes,
    timeoutMs: media.timeoutMs,
    userAgent: `ag/${buildInfo.version}`,
    ...(mayConnectTo && { mayConnectTo }),
  });
  return inlineWith(rememberMedia(fetcher.fetch, clock));
}
