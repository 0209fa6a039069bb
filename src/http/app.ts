import { Elysia } from "elysia";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Protocol } from "../core/protocol.ts";
import { newTrace } from "../core/trace.ts";
import { type LimitsDeps, limitsReply, refreshReply } from "./account-limits.ts";
import type { CountDeps } from "./count-tokens.ts";
import { errorReply } from "./error-reply.ts";
import { type GuardOptions, guardKey, guardOrigin } from "./guard.ts";
import type { History, InferenceDeps } from "./inference.ts";
import { inferenceRoutes, protocolOfPath, type Protocols } from "./inference-routes.ts";
import { type ModelDeps, modelRoutes } from "./model-routes.ts";
import { listShape } from "./models.ts";
import { type ProbeDeps, probeRoutes } from "./probes.ts";
import { type KeptResponses, responseRoutes } from "./response-routes.ts";
import type { Access, Route } from "./route.ts";
import { sideCallRoutes } from "./side-calls.ts";

export interface AppDeps extends ProbeDeps {
  protocols: Protocols;
  inference: Omit<InferenceDeps, "onFailure">;
  countTokens: CountDeps["count"];
  guard: GuardOptions;
  models: ModelDeps;
  responses: History & KeptResponses;
  limits: LimitsDeps;
  /** A failure that no inference reply tells of, for the log. */
  onFailure(error: GatewayError): void;
}

/** All routes. Bodies are read here, never by Elysia, so that each protocol gets its own errors. */
export function createApp(deps: AppDeps) {
  const { protocols, guard } = deps;

  /** By the path where it says which protocol is meant, whatever the method; else by what its clients always send. */
  const protocolOf = ({ url, headers }: Request): Protocol => {
    const { pathname } = new URL(url);
    const byPath = protocolOfPath(pathname, protocols);
    if (byPath) return byPath;
    const shape = listShape(headers, pathname);
    return shape === "openai" ? protocols.openaiChat : protocols[shape];
  };

  const failureReply = (request: Request, cause: unknown): Response => {
    const error = asGatewayError(cause);
    deps.onFailure(error);
    return errorReply(protocolOf(request), error, newTrace(`req_${deps.inference.newId()}`));
  };

  const admit = (request: Request, access: Access) => {
    guardOrigin(request, guard);
    // "admin" is whoever may ask the models, as long as there is but one kind of key.
    if (access !== "public") guardKey(request, guard);
  };

  // Its own router starts and answers sooner than Bun's does with this many routes.
  const app = new Elysia({ systemRouter: false });
  // Before the routes: Elysia applies it to those that are added after it.
  app.onError(({ request, code, error }) => {
    if (code !== "NOT_FOUND") return failureReply(request, error);
    const message = `There is no ${request.method} ${new URL(request.url).pathname} here`;
    return failureReply(request, new GatewayError("unknown-route", message));
  });

  for (const { method, path, access, answer } of routesOf(deps)) {
    app.route(
      method,
      path,
      async ({ request, server, params }) => {
        try {
          admit(request, access);
          // A path without "*" has no parameters at all, whatever the types say.
          const { "*": rest = "" } = (params ?? {}) as Record<string, string>;
          return await answer({ request, rest, untimed: () => server?.timeout(request, 0) });
        } catch (cause) {
          return failureReply(request, cause);
        }
      },
      { parse: "none" },
    );
  }
  return app;
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
      answer({ request, untimed }) {
        untimed(); // many accounts, each with its own patience
        return refreshReply(request, deps.limits);
      },
    },
    ...probeRoutes(deps),
    ...sideCallRoutes,
  ];
}
