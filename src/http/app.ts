import { Elysia } from "elysia";
import { type AccountView, isUsable } from "../core/accounts.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Protocol } from "../core/protocol.ts";
import { newTrace } from "../core/trace.ts";
import { percentDecoded } from "../lib/percent.ts";
import { type LimitsDeps, limitsReply, refreshReply } from "./account-limits.ts";
import { errorReply } from "./error-reply.ts";
import { type GuardOptions, guardKey, guardOrigin } from "./guard.ts";
import { accountCounts } from "./health.ts";
import { answer, type InferenceDeps } from "./inference.ts";
import { describeModel, listModels, listShape } from "./models.ts";

export interface AppDeps {
  protocols: { anthropic: Protocol; openaiChat: Protocol };
  inference: Omit<InferenceDeps, "admit">;
  guard: GuardOptions;
  models: {
    list(signal: AbortSignal): Promise<readonly ModelProfile[]>;
    find(name: string, signal: AbortSignal): Promise<ModelProfile>;
  };
  accounts(): Promise<readonly AccountView[]>;
  limits: LimitsDeps;
  /** Rejects when the database does not answer. */
  checkStore(): Promise<void>;
  version: string;
  /** A failure on a route other than inference, for the log. */
  onFailure(error: GatewayError): void;
}

/** A doubled or a missing `/v1` is a common slip in client settings; Elysia itself tolerates a trailing slash. */
const forgiving = (path: string) => [`/v1${path}`, path, `/v1/v1${path}`];

/** All routes. Bodies are read here, never by Elysia, so that each protocol gets its own errors. */
export function createApp(deps: AppDeps) {
  const app = new Elysia();
  const routes = [
    { protocol: deps.protocols.anthropic, paths: forgiving("/messages") },
    { protocol: deps.protocols.openaiChat, paths: forgiving("/chat/completions") },
  ];

  /** By the path where it says which protocol is meant, whatever the method; else by what its clients always send. */
  const protocolOf = ({ url, headers }: Request): Protocol => {
    const { pathname } = new URL(url);
    const route = routes.find(({ paths }) => paths.some((path) => `${pathname}/`.startsWith(`${path}/`)));
    if (route) return route.protocol;
    return listShape(headers) === "anthropic" ? deps.protocols.anthropic : deps.protocols.openaiChat;
  };

  const failureReply = (request: Request, cause: unknown): Response => {
    const error = asGatewayError(cause);
    deps.onFailure(error);
    return errorReply(protocolOf(request), error, newTrace(`req_${deps.inference.newId()}`));
  };

  /** The reply, or whatever went wrong in the shape of the protocol that asked. */
  const guarded = async (request: Request, admit: typeof guardOrigin, reply: () => Promise<Response>) => {
    try {
      admit(request, deps.guard);
      return await reply();
    } catch (cause) {
      return failureReply(request, cause);
    }
  };

  // Before the routes: Elysia applies it to those that are added after it.
  app.onError(({ request, code, error }) => {
    if (code !== "NOT_FOUND") return failureReply(request, error);
    const message = `There is no ${request.method} ${new URL(request.url).pathname} here`;
    return failureReply(request, new GatewayError("unknown-route", message));
  });

  const inference: InferenceDeps = {
    ...deps.inference,
    admit(request) {
      guardOrigin(request, deps.guard);
      guardKey(request, deps.guard);
    },
  };
  for (const { protocol, paths } of routes) {
    for (const path of paths) {
      app.post(
        path,
        ({ request, server }) =>
          // A model may think for minutes; a client that stops sending its request may not.
          answer(request, protocol, inference, () => server?.timeout(request, 0)),
        { parse: "none" },
      );
    }
  }

  for (const path of forgiving("/models")) {
    app.get(path, ({ request, server }) => {
      server?.timeout(request, 0); // the first list may have to wait for an account to be set up
      return guarded(request, inference.admit, async () => {
        const models = await deps.models.list(request.signal);
        return Response.json(listModels(models, listShape(request.headers), new URL(request.url).searchParams));
      });
    });
    app.get(`${path}/*`, ({ request, server, params }) => {
      server?.timeout(request, 0);
      return guarded(request, inference.admit, async () => {
        const model = await deps.models.find(percentDecoded(params["*"]), request.signal);
        return Response.json(describeModel(model, listShape(request.headers)));
      });
    });
  }

  // For whoever may ask the models, as long as there is but one kind of key; keys with a scope will need "admin" here.
  app.get("/account-limits", ({ request }) =>
    guarded(request, inference.admit, () => limitsReply(request, deps.limits)),
  );
  app.post(
    "/refresh-token",
    ({ request, server }) => {
      server?.timeout(request, 0); // many accounts, each with its own patience
      return guarded(request, inference.admit, () => refreshReply(request, deps.limits));
    },
    { parse: "none" },
  );

  // Probes need no key, but are no more for web pages than the rest.
  const addProbe = (path: string, reply: () => Promise<Response>) =>
    app.get(path, ({ request }) => guarded(request, guardOrigin, reply));

  addProbe("/", async () => Response.json({ name: "ag", version: deps.version }));
  addProbe("/healthz", async () => Response.json({ status: "ok", version: deps.version }));
  addProbe("/readyz", async () => {
    try {
      await deps.checkStore();
    } catch {
      return Response.json({ status: "unready", reason: "the database does not answer" }, { status: 503 });
    }
    if ((await deps.accounts()).some(({ account }) => isUsable(account))) return Response.json({ status: "ready" });
    return Response.json({ status: "unready", reason: "no usable account" }, { status: 503 });
  });
  addProbe("/health", async () => {
    const accounts = accountCounts(await deps.accounts());
    return Response.json({ status: accounts.usable > 0 ? "ok" : "degraded", version: deps.version, accounts });
  });

  return app;
}
