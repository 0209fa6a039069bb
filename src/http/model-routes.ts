import { GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import { percentDecoded } from "../lib/percent.ts";
import { describeModel, listModels, listShape } from "./models.ts";
import { readMethodAddress } from "./method-address.ts";
import { forgiving, forgivingGemini, type Route, type RouteCall } from "./route.ts";

export interface ModelDeps {
  list(signal: AbortSignal): Promise<readonly ModelProfile[]>;
  /** Throws GatewayError("unknown-model"). */
  find(name: string, signal: AbortSignal): Promise<ModelProfile>;
}

/** The models on offer, in the shape of whoever asks. */
export function modelRoutes(models: ModelDeps): Route[] {
  const all = async ({ request, untimed }: RouteCall) => {
    untimed(); // the first list may have to wait for an account to be set up
    const { pathname, searchParams } = new URL(request.url);
    const shape = listShape(request.headers, pathname);
    return Response.json(listModels(await models.list(request.signal), shape, searchParams));
  };
  const one = async ({ request, rest, untimed }: RouteCall) => {
    untimed();
    // Names are matched generously: the address of a method must not pass for one.
    if (readMethodAddress(rest)) throw new GatewayError("unknown-route", "The methods of a model are asked by POST");
    const shape = listShape(request.headers, new URL(request.url).pathname);
    return Response.json(describeModel(await models.find(percentDecoded(rest), request.signal), shape));
  };
  return [...forgiving("/models"), ...forgivingGemini("/models")].flatMap((path): Route[] => [
    { method: "GET", path, access: "inference", answer: all },
    { method: "GET", path: `${path}/*`, access: "inference", answer: one },
  ]);
}
