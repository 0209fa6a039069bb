import { Elysia } from "elysia";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Caller, Scope } from "../core/keys.ts";
import type { LazyProtocol } from "../core/protocol.ts";
import { type LimitsDeps, limitsReply, refreshReply } from "./account-limits.ts";
import { hasAddress, withAddress } from "./address.ts";
import { corsHeaders, preflightReply } from "./cors.ts";
import type { CountDeps } from "./count-tokens.ts";
import { createExchanges, type Exchange, type ExchangeDeps } from "./exchange.ts";
import { type GuardOptions, guardOrigin, presentedKeys } from "./guard.ts";
import { failed, type History, type InferenceDeps } from "./inference.ts";
import { inferenceRoutes, protocolOfPath, type Protocols } from "./inference-routes.ts";
import { type ModelDeps, modelRoutes } from "./model-routes.ts";
import { listShape } from "./models.ts";
import { forgivenPaths } from "./paths.ts";
import { type ProbeDeps, probeRoutes } from "./probes.ts";
import { type KeptResponses, responseRoutes } from "./response-routes.ts";
import type { Route } from "./route.ts";
import { sideCallRoutes } from "./side-calls.ts";

export interface AppDeps extends ProbeDeps {
  protocols: Protocols;
  inference: Omit<InferenceDeps, "onFailure">;
  exchanges: Omit<ExchangeDeps, "clock">;
  countTokens: CountDeps["count"];
  guard: GuardOptions;
  /** Who asks, by the keys that were presented. Throws GatewayError: `unauthorized`, `forbidden`. */
  admit(presented: readonly string[], scope: Scope): Caller | Promise<Caller>;
  models: ModelDeps;
  responses: History & KeptResponses;
  limits: LimitsDeps;
  metrics(): Promise<{ contentType: string; text: string }>;
  /** What went wrong beside a reply that was given all the same, for the log. */
  onFailure(error: GatewayError): void;
}

/** Of routes that are open to everybody. */
const ANYBODY: Caller = { begin: () => ({ [Symbol.dispose]() {} }), maySee: () => true };

/**
 * All routes. Bodies are read here, never by Elysia, so that each protocol gets its own errors. `exchanges` are the requests
 * that are being answered.
 */
export function createApp(deps: AppDeps) {
  const { protocols, guard } = deps;
  const exchanges = createExchanges({ clock: deps.inference.clock, ...deps.exchanges });
  const routes = routesOf(deps);

  /** By the path where it says which protocol is meant, whatever the method; else by what its clients always send. */
  const protocolOf = ({ url, headers }: Request): LazyProtocol => {
    const { pathname } = new URL(url);
    const byPath = protocolOfPath(pathname, protocols);
    if (byPath) return byPath;
    const shape = listShape(headers, pathname);
    return shape === "openai" ? protocols.openaiChat : protocols[shape];
  };

  const refused = async (cause: unknown, request: Request, exchange: Exchange): Promise<Response> =>
    failed(cause, await protocolOf(request).load(), exchange);

  const call = async (route: Route, rest: string, request: Request, untimed: () => void, exchange: Exchange) => {
    const { access, asks } = route;
    if (asks !== undefined) exchange.protocol = asks;
    guardOrigin(request, guard);
    const caller = access === "public" ? ANYBODY : await deps.admit(presentedKeys(request), access);
    if (caller.key !== undefined) exchange.trace.key = caller.key;
    if (asks !== undefined) exchange.occupy(caller);
    return route.answer({ request, exchange, caller, rest, untimed });
  };

  const answer = async (route: Route, rest: string, request: Request, untimed: () => void): Promise<Response> => {
    const exchange = exchanges.open(request, `${request.method} ${route.path}`);
    let response: Response;
    try {
      response = await call(route, rest, request, untimed, exchange);
      // What anybody may ask, any time, is no news; nor is it worth a record.
      if (route.access !== "public" && !exchange.isOpen) exchange.finish(response.status);
    } catch (cause) {
      response = await refused(cause, request, exchange);
    }
    return forBrowsers(request, response);
  };

  /** Web pages of configured origins may read replies. */
  const forBrowsers = (request: Request, response: Response): Response => {
    for (const [name, value] of Object.entries(corsHeaders(request, guard))) response.headers.set(name, value);
    return response;
  };

  /** What is no route as it stands: a preflight, an address with a slip in it, or nothing. */
  const answerOther = async (asked: Request): Promise<Response> => {
    const request = withAddress(asked);
    const preflight = request.method === "OPTIONS" ? preflightReply(request, guard) : undefined;
    if (preflight) return preflight;
    const { pathname } = new URL(request.url);
    for (const path of forgivenPaths(pathname)) {
      const found = findRoute(routes, request.method, path);
      if (found) return answer(found.route, found.rest, request, () => app.server?.timeout(asked, 0));
    }
    const exchange = exchanges.open(request, `${request.method} ${pathname}`);
    const unknown = new GatewayError("unknown-route", `There is no ${request.method} ${pathname} here`);
    const error = foreignness(request, guard) ?? unknown;
    return forBrowsers(request, await refused(error, request, exchange));
  };

  // Its own router starts and answers sooner than Bun's does with this many routes.
  const app = new Elysia({ systemRouter: false, strictPath: true });
  // Before the routes: Elysia applies it to those that are added after it.
  app.onError(async ({ request: asked, code, error }) => {
    if (code === "NOT_FOUND") return answerOther(asked);
    const request = withAddress(asked);
    const exchange = exchanges.open(request, `${request.method} ${new URL(request.url).pathname}`);
    return forBrowsers(request, await refused(error, request, exchange));
  });
  for (const route of routes) {
    app.route(
      route.method,
      route.path,
      ({ request, server, params }) => {
        // Elysia's idea of the path would be wrong as well.
        if (!hasAddress(request)) return answerOther(request);
        // A path without "*" has no parameters at all, whatever the types say.
        const { "*": rest = "" } = (params ?? {}) as Record<string, string>;
        return answer(route, rest, request, () => server?.timeout(request, 0));
      },
      { parse: "none" },
    );
  }
  return { app, exchanges };
}

function foreignness(request: Request, guard: GuardOptions): GatewayError | undefined {
  try {
    guardOrigin(request, guard);
    return undefined;
  } catch (cause) {
    return asGatewayError(cause);
  }
}

/** The route of a path, and what stands for its `*`. HEAD is answered as GET is. */
function findRoute(
  routes: readonly Route[],
  asked: string,
  pathname: string,
): { route: Route; rest: string } | undefined {
  const method = asked === "HEAD" ? "GET" : asked;
  for (const route of routes) {
    if (route.method !== method) continue;
    if (route.path === pathname) return { route, rest: "" };
    const start = route.path.endsWith("/*") ? route.path.slice(0, -1) : undefined;
    if (start !== undefined && pathname.startsWith(start)) return { route, rest: pathname.slice(start.length) };
  }
  return undefined;
}

/** Every route with who may call it. */
export function routesOf(deps: AppDeps): Route[] {
  const inference: InferenceDeps = { ...deps.inference, onFailure: deps.onFailure };
  return [
    ...inferenceRoutes(deps.protocols, deps.responses, inference, { ...inference, count: deps.countTokens }),
    ...responseRoutes(deps.responses),
    ...modelRoutes(deps.models),
    {
      method: "GET",
      path: "/account-limits",
      access: "admin",
      answer: ({ request }) => limitsReply(request, deps.limits),
    },
    {
      method: "POST",
      path: "/refresh-token",
      access: "admin",
      answer({ request, exchange, untimed }) {
        untimed(); // many accounts, each with its own patience
        return refreshReply({ request, exchange }, deps.limits);
      },
    },
    {
      method: "GET",
      path: "/metrics",
      access: "metrics",
      async answer() {
        const { contentType, text } = await deps.metrics();
        return new Response(text, { headers: { "content-type": contentType, "cache-control": "no-store" } });
      },
    },
    ...probeRoutes(deps),
    ...sideCallRoutes,
  ];
}
