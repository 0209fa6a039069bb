import { GatewayError } from "../core/errors.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import { percentDecoded } from "../lib/percent.ts";
import { describeModel, listModels, listShape } from "./models.ts";
import { readMethodAddress } from "./method-address.ts";
import type { Route, RouteCall } from "./route.ts";

export interface ModelDeps {
  list(signal: AbortSignal): Promise<readonly ModelProfile[]>;
  /** Throws GatewayError("unknown-model"). */
  find(name: string, signal: AbortSignal): Promise<Pick<ResolvedModel, "profile" | "rule">>;
}

/** The models on offer, in the shape of whoever asks. */
export function modelRoutes(models: ModelDeps): Route[] {
  const all = async ({ request, caller, untimed }: RouteCall) => {
    untimed(); // the first list may have to wait for an account to be set up
    const { pathname, searchParams } = new URL(request.url);
    const shape = listShape(request.headers, pathname);
    const listed = await models.list(request.signal);
    const seen = listed.filter(({ id }) => caller.maySee(id, id));
    return Response.json(listModels(seen, shape, searchParams));
  };
  const one = async ({ request, rest, caller, untimed }: RouteCall) => {
    untimed();
    // Names are matched generously: the address of a method must not pass for one.
    if (readMethodAddress(rest)) throw new GatewayError("unknown-route", "The methods of a model are asked by POST");
    const shape = listShape(request.headers, new URL(request.url).pathname);
    const name = percentDecoded(rest);
    const { profile, rule } = await models.find(name, request.signal);
    if (!caller.maySee(name, profile.id, rule.from))
      throw new GatewayError("forbidden", "This key may not use that model");
    return Response.json(describeModel(profile, shape));
  };
  return ["/v1/models", "/v1beta/models"].flatMap((path): Route[] => [
    { method: "GET", path, access: "inference", answer: all },
    { method: "GET", path: `${path}/*`, access: "inference", answer: one },
  ]);
}
