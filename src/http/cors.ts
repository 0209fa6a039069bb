import { type GuardOptions, isKnownHost } from "./guard.ts";

/** What pages may read of a reply besides its body. */
const EXPOSED = [
  "x-ag-request-id",
  "x-ag-model",
  "x-ag-account",
  "x-ag-attempts",
  "x-ag-waited-ms",
  "x-ag-loss",
  "x-ag-estimated",
  "request-id",
  "x-request-id",
  "retry-after",
  "x-should-retry",
].join(", ");

const METHODS = "GET, HEAD, POST, DELETE";
/** As long as the most patient browser remembers it. */
const REMEMBERED_SECONDS = "86400";
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;
const LONGEST_HEADER_NAMES = 4_000;

/**
 * The headers that let a web page read the reply: for configured origins only, none of which may use cookies. Once any is
 * configured, `Vary` goes with every reply, so that no cache hands one page what was meant for another.
 */
export function corsHeaders(request: Request, { allowedOrigins }: GuardOptions): Record<string, string> {
  if (allowedOrigins.length === 0) return {};
  const origin = request.headers.get("origin");
  if (origin === null || !allowedOrigins.includes(origin)) return { vary: "Origin" };
  return { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "Origin" };
}

/**
 * The answer to a browser that asks, before the request itself, whether a page may send it; `undefined` for whatever is not
 * such a question, and where the answer is no.
 */
export function preflightReply(request: Request, options: GuardOptions): Response | undefined {
  const { method, headers } = request;
  const origin = headers.get("origin");
  const isQuestion = method === "OPTIONS" && headers.has("access-control-request-method");
  if (!isQuestion || origin === null || !options.allowedOrigins.includes(origin)) return undefined;
  if (!isKnownHost(request, options)) return undefined;
  const asked = headers.get("access-control-request-headers")?.trim() ?? "";
  return new Response(undefined, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": METHODS,
      // Each SDK sends headers of its own, and `*` would leave Authorization out.
      ...(asked.length <= LONGEST_HEADER_NAMES &&
        HEADER_NAMES.test(asked) && { "access-control-allow-headers": asked }),
      // Chrome asks so before a public page may reach a private address.
      ...(headers.get("access-control-request-private-network") === "true" && {
        "access-control-allow-private-network": "true",
      }),
      "access-control-max-age": REMEMBERED_SECONDS,
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    },
  });
}
