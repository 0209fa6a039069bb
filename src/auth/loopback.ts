import type { Clock } from "../lib/clock.ts";
import { errorCode } from "../lib/error-code.ts";
import { EMPTY_PAGE, FOREIGN_PAGE, type Page, pageResponse, plainResponse } from "./pages.ts";
import { type Ending, readRedirect } from "./redirect.ts";

/** Waits on a port of this machine for the browser to come back from Google. */
export interface Loopback {
  redirectUri: string;
  /** Settles with the first redirect that carries the right state; stray calls and wrong states do not count. */
  ending: Promise<Ending>;
  /** Shows the page to the browser that brought the ending, and to it again when it reloads. */
  show(page: Page): void;
  /** Lets go of the port, after the pages on their way have been sent. */
  close(): Promise<void>;
}

type Handler = (request: Request) => Response | Promise<Response>;

/** One bound address. */
export interface Listener {
  port: number;
  /** Resolves when the answers on their way have been sent. */
  stop(closeConnections: boolean): Promise<void>;
}

/** Binds exactly this address; throws an error whose `code` is the system's name for the refusal. */
export type Bind = (hostname: string, port: number, handler: Handler) => Listener;

const CALLBACK_PATH = "/oauth-callback";
const FIRST_PORT = 51_121;
const FIXED_PORTS = [0, 1, 2, 3, 4, 5].map((offset) => FIRST_PORT + offset);
/** How often the system is asked for a port of its choice until both addresses have it free. */
const FREE_PORT_ATTEMPTS = 10;
/** A browser that does not take its page must not hold the terminal up. */
const CLOSE_LIMIT_MS = 2_000;

/** The way back when nobody listens: the browser fails to get there, and shows the address to be copied. */
export const UNHEARD_REDIRECT_URI = redirectUriOf(FIRST_PORT);

/**
 * The redirect says `localhost` whatever was bound: it is the form that the OAuth client is registered with, browsers turn
 * it into both addresses by themselves and go on to the other one when the first is refused. A family that could not be
 * bound is one that this machine lacks; if another program holds the port there, the port is given up instead.
 */
function redirectUriOf(port: number): string {
  return `http://localhost:${port}${CALLBACK_PATH}`;
}

/** Binds 127.0.0.1 and ::1 on one port. `undefined` when no port of this machine can be had. */
export function openLoopback(state: string, clock: Clock, bind: Bind = bindAddress): Loopback | undefined {
  const ending = Promise.withResolvers<Ending>();
  const page = Promise.withResolvers<Page>();
  const handler: Handler = async (request) => {
    const url = new URL(request.url);
    const stray = refuseStray(request, url);
    if (stray) return stray;
    const redirect = readRedirect(url.searchParams, state);
    if (redirect === "foreign") return pageResponse(FOREIGN_PAGE);
    if (redirect === "empty") return pageResponse(EMPTY_PAGE);
    ending.resolve(redirect);
    return pageResponse(await page.promise);
  };
  const listeners = bindPair(handler, bind);
  const [first] = listeners;
  if (first === undefined) return undefined;
  return {
    redirectUri: redirectUriOf(first.port),
    ending: ending.promise,
    show: (shown) => page.resolve(shown),
    async close() {
      const sent = new AbortController();
      await Promise.race([
        Promise.all(listeners.map((listener) => listener.stop(false))),
        clock.sleep(CLOSE_LIMIT_MS, sent.signal).catch(() => {}), // aborted: everything was sent in time
      ]);
      sent.abort();
      await Promise.all(listeners.map((listener) => listener.stop(true)));
    },
  };
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** What has no business here: other sites' names for this address, other paths, other methods. */
function refuseStray(request: Request, url: URL): Response | undefined {
  const host = request.headers.get("host") ?? "";
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (!LOOPBACK_NAMES.has(name)) return plainResponse(403, "This is a sign-in of ag on this machine only.");
  if (url.pathname !== CALLBACK_PATH) return plainResponse(404, "There is nothing here.");
  if (request.method === "GET") return undefined;
  return plainResponse(405, "The browser comes here by GET.", { Allow: "GET" });
}

/** One listener for each address that the machine has; none when no port can be had. */
function bindPair(handler: Handler, bind: Bind): Listener[] {
  const candidates = [...FIXED_PORTS, ...Array<number>(FREE_PORT_ATTEMPTS).fill(0)];
  for (const candidate of candidates) {
    const v4 = tryBind("127.0.0.1", candidate, handler, bind);
    if (v4 === "taken") continue;
    // A port of the system's choice must be the same for both.
    const v6 = tryBind("::1", v4 === "absent" ? candidate : v4.port, handler, bind);
    const listeners = [v4, v6].filter((bound) => typeof bound === "object");
    if (v6 !== "taken") return listeners;
    for (const listener of listeners) void listener.stop(true);
  }
  // Nobody is that unlucky: the system says "taken" of a family that it lacks.
  for (const hostname of ["127.0.0.1", "::1"]) {
    const alone = tryBind(hostname, 0, handler, bind);
    if (typeof alone === "object") return [alone];
  }
  return [];
}

/** EACCES is Windows's word for ports that it keeps to itself. */
const TAKEN: ReadonlySet<string> = new Set(["EADDRINUSE", "EACCES"]);

/** `absent`: the machine has no such address, being one without IPv4 or without IPv6. */
function tryBind(hostname: string, port: number, handler: Handler, bind: Bind): Listener | "taken" | "absent" {
  try {
    return bind(hostname, port, handler);
  } catch (cause) {
    return TAKEN.has(errorCode(cause) ?? "") ? "taken" : "absent";
  }
}

const bindAddress: Bind = (hostname, port, handler) => {
  const server = Bun.serve({
    hostname,
    port,
    reusePort: false,
    development: false,
    // The browser waits while the code is exchanged.
    idleTimeout: 0,
    fetch: handler,
    error: () => plainResponse(500, "ag could not answer. The terminal says more."),
  });
  return { port: server.port ?? port, stop: (closeConnections) => server.stop(closeConnections) };
};
