import { GatewayError } from "../core/errors.ts";
import { refuseLoss } from "../core/losses.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import type { ParsedCall } from "../core/protocol.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Trace } from "../core/trace.ts";
import { conversationKey } from "./conversation.ts";
import { allowedFallbacks, type Batches, type FallbackModel, serveInOrder } from "./fallback.ts";
import { generate, type GenerateCall, type GenerateDeps } from "./generate.ts";
import { serveSeveral } from "./several.ts";
import { losesThinking, type SignatureMemory } from "./signatures.ts";
import { planSearch } from "./web-search.ts";
import { type Patience, startWatchdog, type Watchdog } from "./watchdog.ts";

export interface RunDeps extends GenerateDeps {
  /** Throws GatewayError("unknown-model"). */
  resolveModel(name: string, signal: AbortSignal): Promise<ResolvedModel>;
  /** The models that search the web, best first. */
  searchModels(signal: AbortSignal): Promise<readonly ModelProfile[]>;
  /** The models that its owner lets serve in place of this one, in order. Empty: none. */
  fallback(model: ModelProfile, signal: AbortSignal): Promise<readonly FallbackModel[]>;
  /** The request with its remote media in it; the same object when it has none. Throws GatewayError. */
  inlineMedia(request: GenerateRequest, signal: AbortSignal): Promise<GenerateRequest>;
  /** As configured now: how long one request may wait for limits in all. */
  maxWaitMs(): number;
  signatures: SignatureMemory;
  patience: Patience;
  /** Short digest of a text. */
  hash(text: string): string;
}

/**
 * One parsed call from model resolution to its last event. Fills the trace as it goes. Aborting ends it, and it aborts
 * itself when upstream falls silent.
 */
export async function* run(
  call: ParsedCall,
  strict: boolean,
  trace: Trace,
  abort: AbortController,
  deps: RunDeps,
): Batches {
  trace.model = call.request.model;
  trace.losses.push(...call.losses);
  const [loss] = trace.losses;
  if (strict && loss) refuseLoss(loss);
  const watchdog = startWatchdog(deps.patience, abort, deps.clock);
  try {
    const serveOne = (request: GenerateRequest, own: Trace) =>
      serve({ call: { ...call, request }, strict, trace: own, signal: abort.signal, watchdog, deps });
    yield* call.several ? serveSeveral(call.several, serveOne, trace, strict) : serveOne(call.request, trace);
  } finally {
    watchdog.stop();
  }
}

/** What stays the same whichever model serves. */
interface Job {
  call: ParsedCall;
  strict: boolean;
  trace: Trace;
  signal: AbortSignal;
  watchdog: Watchdog;
  deps: RunDeps;
}

async function* serve(job: Job): Batches {
  const { call, trace, signal, deps } = job;
  const asked = await deps.resolveModel(call.request.model, signal);
  if (call.needsPictures && !asked.profile.image) {
    const message = `${asked.profile.displayName} makes no pictures; name a model that does, or none`;
    throw new GatewayError("invalid-request", message, { field: call.fieldName("model") });
  }
  const inlined = await deps.inlineMedia(withImageOptions(call.request, asked), signal);
  const searchModels = () => deps.searchModels(signal);
  const { request, model: profile, losses } = await planSearch(inlined, asked.profile, searchModels, call.fieldName);
  const [loss] = losses;
  if (job.strict && loss) refuseLoss(loss);
  trace.losses.push(...losses);
  const resolved = { ...asked, profile };
  const fallbacks = async () => allowedFallbacks(resolved.profile, await deps.fallback(resolved.profile, signal));
  const serveWith = (model: ServingModel, isFallback: boolean) => {
    // Thinking asked for in a model's name wins over the body's, and what the client wrote over what stands in a chain.
    const thinking = resolved.thinking ?? model.thinking;
    // Only the model asked for is worth a wait.
    const maxWaitMs = isFallback ? 0 : deps.maxWaitMs();
    const servedJob = { ...job, call: { ...call, request } };
    return serveModel({ profile: model.profile, ...(thinking && { thinking }) }, maxWaitMs, servedJob);
  };
  yield* serveInOrder(resolved, fallbacks, serveWith, trace, signal);
}

/** What the body says about pictures wins over what the model's name says. */
function withImageOptions(request: GenerateRequest, { image }: ResolvedModel): GenerateRequest {
  return image ? { ...request, image: { ...image, ...request.image } } : request;
}

type ServingModel = Pick<ResolvedModel, "profile" | "thinking">;

async function* serveModel({ profile: model, thinking }: ServingModel, maxWaitMs: number, job: Job): Batches {
  const { call, strict, trace, signal, watchdog, deps } = job;
  const { request: asked, stream } = call;
  const conversation = conversationKey(asked, model.family, deps.hash);
  const restored = await deps.signatures.restore(asked, model.family, conversation);
  if (losesThinking(asked, restored)) {
    const loss = { field: call.fieldName("messages"), why: "earlier thinking is left out: this model did not sign it" };
    if (strict) refuseLoss(loss);
    trace.losses.push(loss);
  }
  const request = thinking === undefined ? restored : { ...restored, thinking };
  const generateCall: GenerateCall = {
    request,
    model,
    conversationKey: conversation,
    fieldName: (name) => (name === "thinking" && thinking ? "model" : call.fieldName(name)),
    strict,
    whole: !stream,
    maxWaitMs,
    deadlineMs: watchdog.leftMs,
    onProgress: watchdog.alive,
    onRepair(repair) {
      if (repair === "drop-thinking") deps.signatures.distrust(request);
    },
  };
  const watch = deps.signatures.watch(request, model.family, conversation);
  for await (const batch of generate(generateCall, trace, signal, deps)) {
    watch(batch);
    yield batch;
  }
}
