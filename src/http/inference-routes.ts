import { GatewayError } from "../core/errors.ts";
import type { ClientRequest, Protocol } from "../core/protocol.ts";
import { countReply, type CountDeps } from "./count-tokens.ts";
import { answer, type History, type InferenceDeps, type InferenceRoute } from "./inference.ts";
import { METHODS, readMethodAddress } from "./method-address.ts";
import { forgiving, forgivingGemini, type Route, type RouteCall } from "./route.ts";

export interface Protocols {
  anthropic: Protocol;
  openaiChat: Protocol;
  openaiResponses: Protocol;
  openaiCompletions: Protocol;
  openaiImageGenerations: Protocol;
  openaiImageEdits: Protocol;
  gemini: Protocol;
}

/** One protocol's inference paths and counting paths. */
interface Endpoint {
  protocol: keyof Protocols;
  paths: readonly string[];
  countPaths?: readonly string[];
  /** Its clients refer to earlier answers by id. */
  refers?: true;
  forms?: true;
}

const ENDPOINTS: readonly Endpoint[] = [
  { protocol: "anthropic", paths: forgiving("/messages"), countPaths: forgiving("/messages/count_tokens") },
  { protocol: "openaiChat", paths: forgiving("/chat/completions") },
  {
    protocol: "openaiResponses",
    paths: forgiving("/responses"),
    countPaths: forgiving("/responses/input_tokens"),
    refers: true,
  },
  { protocol: "openaiCompletions", paths: forgiving("/completions") },
  { protocol: "openaiImageGenerations", paths: forgiving("/images/generations") },
  { protocol: "openaiImageEdits", paths: forgiving("/images/edits"), forms: true },
];

/** Every path at which a model is asked or a prompt counted. */
export function inferenceRoutes(
  protocols: Protocols,
  history: History,
  deps: InferenceDeps,
  counting: CountDeps,
): Route[] {
  const routes: Route[] = [];
  const add = (path: string, reply: Route["answer"]) =>
    routes.push({ method: "POST", path, access: "inference", answer: reply });
  for (const { protocol, paths, countPaths = [], refers, forms } of ENDPOINTS) {
    const route: InferenceRoute = {
      protocol: protocols[protocol],
      ...(refers && { history }),
      ...(forms && { forms }),
    };
    for (const path of paths) add(path, (call) => ask(route, call, deps));
    for (const path of countPaths) add(path, (call) => count(route, call, counting));
  }
  const { gemini } = protocols;
  for (const path of [...forgivingGemini("/models/*"), ...forgiving("/models/*")]) {
    add(path, async (call) => {
      const address = geminiAddress(call);
      const route = { protocol: gemini, address };
      return address.method === "countTokens" ? count(route, call, counting) : ask(route, call, deps);
    });
  }
  return routes;
}

function ask(route: InferenceRoute, { request, untimed }: RouteCall, deps: InferenceDeps): Promise<Response> {
  // A model may think for minutes; a client that stops sending its request may not.
  return answer(request, route, deps, untimed);
}

function count(route: InferenceRoute, { request, untimed }: RouteCall, deps: CountDeps): Promise<Response> {
  return countReply(request, route, deps, untimed);
}

/** Throws GatewayError("unknown-route"). */
function geminiAddress({ request, rest }: RouteCall): NonNullable<ClientRequest["address"]> {
  const address = readMethodAddress(rest);
  if (address) return { ...address, query: new URL(request.url).searchParams };
  throw new GatewayError("unknown-route", `There is no such method of a model here; there are ${METHODS.join(", ")}`);
}

/** Whose errors a path's are, by the path alone; `undefined` for those that several protocols share. */
export function protocolOfPath(pathname: string, protocols: Protocols): Protocol | undefined {
  const starts = (path: string) => `${pathname}/`.startsWith(`${path}/`);
  const endpoint = ENDPOINTS.find(({ paths }) => paths.some(starts));
  if (endpoint) return protocols[endpoint.protocol];
  return forgivingGemini("").some(starts) || /\/models\/.+:[A-Za-z]+\/?$/.test(pathname) ? protocols.gemini : undefined;
}
