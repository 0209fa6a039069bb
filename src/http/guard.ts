import { GatewayError } from "../core/errors.ts";

export interface GuardOptions {
  /** Host names, besides loopback ones, under which the gateway may be addressed. In lower case. */
  hosts: readonly string[];
  /** Web pages that may call the gateway and read its replies: "https://chat.example.com". */
  allowedOrigins: readonly string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** An address is no name: nobody's DNS answer can point it here. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/** Throws GatewayError("forbidden") for what only a web page could send: a foreign Origin, a rebound Host name. */
export function guardOrigin(request: Request, options: GuardOptions): void {
  if (!isKnownHost(request, options)) {
    throw new GatewayError(
      "forbidden",
      "This Host name is not one of the gateway's: add it to server.allowedHosts or AG_ALLOWED_HOSTS",
    );
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !isKnownOrigin(origin, request, options)) {
    throw new GatewayError(
      "forbidden",
      "Requests from web pages of other origins are refused, but for those in server.allowedOrigins",
    );
  }
}

/** Whether the request was sent to a name of the gateway, which a foreign page cannot do behind a name of its own. */
export function isKnownHost(request: Request, { hosts }: GuardOptions): boolean {
  const host = hostOf(request);
  return isOurs(host, hosts) || ADDRESS.test(host);
}

/** Clients of all protocols: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`; some send two, of which one is meant. */
export function presentedKeys({ headers, url }: Request): string[] {
  const bearer = /^bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const asked = url.includes("key=") ? new URL(url).searchParams.get("key") : undefined;
  const places = [bearer, headers.get("x-api-key"), headers.get("x-goog-api-key"), asked];
  return places.flatMap((key) => (key ? [key] : []));
}

/**
 * A page of the very address and port that it asks is the gateway's own, whatever the scheme: a proxy may bring https. Any
 * other is foreign, those that other programs of this machine serve included.
 */
function isKnownOrigin(origin: string, { headers }: Request, { allowedOrigins }: GuardOptions): boolean {
  if (allowedOrigins.includes(origin)) return true;
  const page = URL.parse(origin);
  const asked = headers.get("host");
  return page !== null && asked !== null && URL.parse(`${page.protocol}//${asked}`)?.host === page.host;
}

function isOurs(name: string, hosts: readonly string[]): boolean {
  return LOOPBACK.test(name) || hosts.includes(name.toLowerCase());
}

function hostOf({ headers }: Request): string {
  return (headers.get("host") ?? "localhost").replace(/:\d+$/, "");
}
