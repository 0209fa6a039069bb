import { GatewayError } from "../core/errors.ts";
import type { Caller } from "../core/keys.ts";
import { refuseLoss } from "../core/losses.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import type { ParsedCall } from "../core/protocol.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Trace } from "../core/trace.ts";
import { conversationKey } from "./conversation.ts";
import { SHORTEST_ATTEMPT_MS } from "./decide.ts";
import { allowedFallbacks, type Batches, type FallbackModel, serveInOrder } from "./fallback.ts";
import type { GenerateCall, GenerateDeps } from "./course.ts";
import { generate } from "./generate.ts";
import { refuseHidden } from "./hidden-models.ts";
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

export interface RunOptions {
  /** Refuse rather than lose a field. */
  strict: boolean;
  /** Whether whoever asks may be served by a model. See Caller. */
  maySee: Caller["maySee"];
}

/**
 * One parsed call from model resolution to its last event. Fills the trace as it goes. Aborting ends it, and it aborts
 * itself when it takes longer than `deps.patience` allows, whatever it is waiting for.
 */
export async function* run(
  call: ParsedCall,
  { strict, maySee }: RunOptions,
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
      serve({ call: { ...call, request }, strict, maySee, trace: own, signal: abort.signal, watchdog, deps });
    yield* call.several ? serveSeveral(call.several, serveOne, trace, strict) : serveOne(call.request, trace);
  } finally {
    watchdog.stop();
  }
}

/** An answer takes so long to begin; who allows less for everything gets a share of that. */
const ANSWER_MS = 5_000;

/** What stays the same whichever model serves. */
interface Job {
  call: ParsedCall;
  strict: boolean;
  maySee: Caller["maySee"];
  trace: Trace;
  signal: AbortSignal;
  watchdog: Watchdog;
  deps: RunDeps;
}

async function* serve(job: Job): Batches {
  const { call, maySee, trace, signal, watchdog, deps } = job;
  const asked = await deps.resolveModel(call.request.model, signal);
  trace.rule = asked.rule;
  const askedId = asked.profile.id;
  refuseHidden(call.request.model, asked, maySee, call.fieldName("model"));
  // Others were not asked for: they must be allowed by their own names.
  const mayStandIn = ({ id }: ModelProfile) => id === askedId || maySee(id, id);
  if (call.needsPictures && !asked.profile.image) {
    const message = `${asked.profile.displayName} makes no pictures; name a model that does, or none`;
    throw new GatewayError("invalid-request", message, { field: call.fieldName("model") });
  }
  const inlined = await deps.inlineMedia(withImageOptions(call.request, asked), signal);
  const searchModels = async () => (await deps.searchModels(signal)).filter(mayStandIn);
  const { request, model: profile, losses } = await planSearch(inlined, asked.profile, searchModels, call.fieldName);
  const [loss] = losses;
  if (job.strict && loss) refuseLoss(loss);
  trace.losses.push(...losses);
  const resolved = { ...asked, profile };
  const fallbacks = async () => {
    if (watchdog.leftMs() < SHORTEST_ATTEMPT_MS) return [];
    const chain = await deps.fallback(resolved.profile, signal);
    return allowedFallbacks(resolved.profile, chain).filter((model) => mayStandIn(model.profile));
  };
  const serveWith = (model: ServingModel, isFallback: boolean) => {
    if (isFallback) watchdog.anew();
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
    answerMs: Math.min(ANSWER_MS, deps.patience.firstMs / 4),
    onProgress: watchdog.alive,
    onAnew: watchdog.anew,
    onRepair(repair) {
      if (repair === "drop-thinking") deps.signatures.distrust(request);
    },
  };
  const watch = deps.signatures.watch(request, model.family, conversation);
  for await (const batch of generate(generateCall, trace, signal, deps)) {
    watch(batch);
    watchdog.given();
    yield batch;
    watchdog.asked();
  }
}
