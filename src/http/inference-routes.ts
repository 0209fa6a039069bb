import { GatewayError } from "../core/errors.ts";
import type { ClientRequest, LazyProtocol } from "../core/protocol.ts";
import { type CountDeps, countReply } from "./count-tokens.ts";
import { answer, type History, type InferenceDeps, type InferenceRoute } from "./inference.ts";
import { METHODS, readMethodAddress } from "./method-address.ts";
import { forgivenPaths } from "./paths.ts";
import type { Route, RouteCall } from "./route.ts";

export interface Protocols {
  anthropic: LazyProtocol;
  openaiChat: LazyProtocol;
  openaiResponses: LazyProtocol;
  openaiCompletions: LazyProtocol;
  openaiImageGenerations: LazyProtocol;
  openaiImageEdits: LazyProtocol;
  gemini: LazyProtocol;
}

/** One protocol's path, and the one at which its prompts are counted. */
interface Endpoint {
  protocol: keyof Protocols;
  path: string;
  countPath?: string;
  /** Its clients refer to earlier answers by id. */
  refers?: true;
  forms?: true;
}

const ENDPOINTS: readonly Endpoint[] = [
  { protocol: "anthropic", path: "/v1/messages", countPath: "/v1/messages/count_tokens" },
  { protocol: "openaiChat", path: "/v1/chat/completions" },
  { protocol: "openaiResponses", path: "/v1/responses", countPath: "/v1/responses/input_tokens", refers: true },
  { protocol: "openaiCompletions", path: "/v1/completions" },
  { protocol: "openaiImageGenerations", path: "/v1/images/generations" },
  { protocol: "openaiImageEdits", path: "/v1/images/edits", forms: true },
];

/** Every path at which a model is asked or a prompt counted. */
export function inferenceRoutes(
  protocols: Protocols,
  history: History,
  deps: InferenceDeps,
  counting: CountDeps,
): Route[] {
  const routes: Route[] = [];
  const add = (path: string, { id }: LazyProtocol, reply: Route["answer"]) =>
    routes.push({ method: "POST", path, access: "inference", asks: id, answer: reply });
  for (const { protocol: name, path, countPath, refers, forms } of ENDPOINTS) {
    const lazy = protocols[name];
    let route: InferenceRoute | undefined;
    const loaded = async () =>
      (route ??= { protocol: await lazy.load(), ...(refers && { history }), ...(forms && { forms }) });
    add(path, lazy, async (call) => answer(call, await loaded(), deps));
    if (countPath !== undefined) add(countPath, lazy, async (call) => countReply(call, await loaded(), counting));
  }
  const { gemini } = protocols;
  for (const path of ["/v1beta/models/*", "/v1/models/*"]) {
    add(path, gemini, async (call) => {
      const address = geminiAddress(call);
      const route = { protocol: await gemini.load(), address };
      return address.method === "countTokens" ? countReply(call, route, counting) : answer(call, route, deps);
    });
  }
  return routes;
}

/** Throws GatewayError("unknown-route"). */
function geminiAddress({ request, rest }: RouteCall): NonNullable<ClientRequest["address"]> {
  const address = readMethodAddress(rest);
  if (address) return { ...address, query: new URL(request.url).searchParams };
  throw new GatewayError("unknown-route", `There is no such method of a model here; there are ${METHODS.join(", ")}`);
}

/** Whose errors a path's are, by the path alone; `undefined` for those that several protocols share. */
export function protocolOfPath(pathname: string, protocols: Protocols): LazyProtocol | undefined {
  const paths = forgivenPaths(pathname);
  const starts = (path: string) => paths.some((one) => `${one}/`.startsWith(`${path}/`));
  const endpoint = ENDPOINTS.find(({ path }) => starts(path));
  if (endpoint) return protocols[endpoint.protocol];
  return starts("/v1beta") || /\/models\/.+:[A-Za-z]+\/?$/.test(pathname) ? protocols.gemini : undefined;
}
