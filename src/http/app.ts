import { Elysia } from "elysia";
import type { AccountView } from "../core/accounts.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Protocol } from "../core/protocol.ts";
import { type GuardOptions, guard } from "./guard.ts";
import { accountCounts, isUsable } from "./health.ts";
import { answer, type InferenceDeps } from "./inference.ts";
import { describeModel, listModels, listShape } from "./models.ts";

export interface AppDeps {
  protocols: { anthropic: Protocol; openaiChat: Protocol };
  inference: InferenceDeps;
  guard: GuardOptions;
  models: {
    list(signal: AbortSignal): Promise<readonly ModelProfile[]>;
    find(name: string, signal: AbortSignal): Promise<ModelProfile>;
  };
  accounts(): Promise<readonly AccountView[]>;
  /** Rejects when the database does not answer. */
  checkStore(): Promise<void>;
  now(): number;
  version: string;
}

/** A doubled or a missing `/v1` is a common slip in client settings; Elysia itself tolerates a trailing slash. */
const forgiving = (path: string) => [`/v1${path}`, path, `/v1/v1${path}`];

/** All routes. Bodies are read here, never by Elysia, so that each protocol gets its own errors. */
export function createApp(deps: AppDeps) {
  const app = new Elysia();
  const inferenceProtocols = new Map<string, Protocol>();

  // Elysia applies this to routes added after it.
  app.onError(({ request, code, error }) => {
    const { pathname } = new URL(request.url);
    const cause =
      code === "NOT_FOUND"
        ? new GatewayError("unknown-route", `There is no ${request.method} ${pathname} here`)
        : error;
    // The path of an inference route says which protocol was meant, whatever the method.
    const protocol = inferenceProtocols.get(pathname.replace(/\/$/, "")) ?? protocolOf(request.headers);
    return errorReply(protocol, cause, `req_${deps.inference.newId()}`);
  });

  const addInference = (path: string, protocol: Protocol) => {
    const handle = ({
      request,
      server,
    }: {
      request: Request;
      server: { timeout(r: Request, s: number): void } | null;
    }) => {
      server?.timeout(request, 0); // a model may think for minutes
      return guarded(request, protocol, () => answer(request, protocol, deps.inference));
    };
    for (const alias of forgiving(path)) {
      app.post(alias, handle, { parse: "none" });
      inferenceProtocols.set(alias, protocol);
    }
  };

  /** `reply` when the caller may come in; otherwise, or when it throws, the protocol's error. */
  const guarded = async (request: Request, protocol: Protocol, reply: () => Response | Promise<Response>) => {
    try {
      guard(request, deps.guard);
      return await reply();
    } catch (cause) {
      return errorReply(protocol, cause, `req_${deps.inference.newId()}`);
    }
  };

  const protocolOf = (headers: Headers) =>
    listShape(headers) === "anthropic" ? deps.protocols.anthropic : deps.protocols.openaiChat;

  addInference("/messages", deps.protocols.anthropic);
  addInference("/chat/completions", deps.protocols.openaiChat);

  for (const path of forgiving("/models")) {
    app.get(path, ({ request }) =>
      guarded(request, protocolOf(request.headers), async () => {
        const models = await deps.models.list(request.signal);
        return Response.json(listModels(models, listShape(request.headers), new URL(request.url).searchParams));
      }),
    );
    app.get(`${path}/*`, ({ request, params }) =>
      guarded(request, protocolOf(request.headers), async () => {
        const model = await deps.models.find(percentDecoded(params["*"]), request.signal);
        return Response.json(describeModel(model, listShape(request.headers)));
      }),
    );
  }

  app.get("/", () => Response.json({ name: "ag", version: deps.version }));
  app.get("/healthz", () => Response.json({ status: "ok", version: deps.version }));
  app.get("/readyz", async () => {
    try {
      await deps.checkStore();
    } catch {
      return Response.json({ status: "unready", reason: "the database does not answer" }, { status: 503 });
    }
    if ((await deps.accounts()).some(isUsable)) return Response.json({ status: "ready" });
    return Response.json({ status: "unready", reason: "no usable account" }, { status: 503 });
  });
  app.get("/health", async () => {
    const accounts = accountCounts(await deps.accounts(), deps.now());
    return Response.json({ status: accounts.usable > 0 ? "ok" : "degraded", version: deps.version, accounts });
  });

  return app;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray "%": the name is taken as it stands
  }
}

function errorReply(protocol: Protocol, cause: unknown, requestId: string): Response {
  const { status, body } = protocol.encodeError(asGatewayError(cause), requestId);
  const ids = { "x-ag-request-id": requestId, "request-id": requestId, "x-request-id": requestId };
  return Response.json(body, { status, headers: ids });
}
