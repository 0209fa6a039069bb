import { timingSafeEqual } from "node:crypto";
import { GatewayError } from "../core/errors.ts";

export interface GuardOptions {
  /** The inference key clients must present; absent: none is needed. */
  apiKey?: string;
  /** Host names, besides loopback ones, under which the gateway may be addressed. */
  hosts: readonly string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** An address is no name: nobody's DNS answer can point it here. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/** Throws GatewayError("forbidden") for what only a web page could send: a foreign Origin, a rebound Host name. */
export function guardOrigin(request: Request, options: GuardOptions): void {
  const host = hostName(request.headers.get("host") ?? "localhost");
  if (!isOurs(host, options.hosts) && !ADDRESS.test(host)) {
    throw new GatewayError(
      "forbidden",
      "This Host name is not one of the gateway's: add it to server.allowedHosts or AG_ALLOWED_HOSTS",
    );
  }
  const origin = request.headers.get("origin");
  // A page of the gateway's own address is its own page; a page of any other address is foreign.
  if (origin !== null && originHost(origin) !== host && !isOurs(originHost(origin), options.hosts)) {
    throw new GatewayError("forbidden", "Requests from web pages of other origins are refused");
  }
}

/** Throws GatewayError("unauthorized") when a key is asked for and none of those presented is it. */
export function guardKey(request: Request, { apiKey }: GuardOptions): void {
  if (apiKey === undefined) return;
  const presented = presentedKeys(request);
  if (presented.length === 0) throw new GatewayError("unauthorized", "An API key is required");
  if (!presented.some((key) => sameText(key, apiKey)))
    throw new GatewayError("unauthorized", "The API key is not valid");
}

/** Clients of all protocols: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`; some send two, of which one is meant. */
function presentedKeys({ headers, url }: Request): string[] {
  const bearer = /^bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const asked = new URL(url).searchParams.get("key");
  return [bearer, headers.get("x-api-key"), headers.get("x-goog-api-key"), asked].filter((key) => key != null);
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isOurs(name: string, hosts: readonly string[]): boolean {
  return LOOPBACK.test(name) || hosts.includes(name.toLowerCase());
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, "");
}

/** "" (never known) for "null" and for what is not a web origin. */
function originHost(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : "";
}
