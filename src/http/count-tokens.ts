import { GatewayError } from "../core/errors.ts";
import { refuseLoss } from "../core/losses.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Trace } from "../core/trace.ts";
import type { TokenCount } from "../gateway/count.ts";
import { readJson } from "./body.ts";
import { replyHeaders } from "./headers.ts";
import { failed, type InferenceDeps, type InferenceRoute, isStrict, type MaySee } from "./inference.ts";
import type { RouteCall } from "./route.ts";

export interface CountDeps extends InferenceDeps {
  /** Names the model that it counts for in the trace. Throws GatewayError for what is wrong with the request. */
  count(request: GenerateRequest, maySee: MaySee, trace: Trace, signal: AbortSignal): Promise<TokenCount>;
}

/** Counts a prompt in the protocol's own form. An estimate says so: `x-ag-estimated: true`. Never throws. */
export async function countReply(
  { request, exchange, caller, untimed }: RouteCall,
  { protocol, address, history }: InferenceRoute,
  deps: CountDeps,
): Promise<Response> {
  const { trace, abort } = exchange;
  try {
    const sent = await readJson(request, deps.maxBodyBytes);
    untimed();
    const { body } = history ? await history.expand(sent, caller.key) : { body: sent };
    const { counting } = protocol;
    if (!counting) throw new GatewayError("unknown-route", "This protocol has no token counter");
    const call = counting.parse({ body, headers: request.headers, ...(address && { address }) });
    trace.model = call.request.model;
    trace.losses.push(...call.losses);
    const [loss] = trace.losses;
    if (loss && isStrict(request, deps)) refuseLoss(loss);
    const { tokens, estimated } = await deps.count(call.request, caller.maySee, trace, abort.signal);
    exchange.finish(200);
    const headers = { ...replyHeaders(trace), ...(estimated && { "x-ag-estimated": "true" }) };
    return Response.json(counting.reply(tokens), { headers });
  } catch (cause) {
    return failed(cause, protocol, exchange);
  }
}
