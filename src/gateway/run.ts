import { refuseLoss } from "../core/losses.ts";
import type { ResolvedModel } from "../core/models.ts";
import type { ParsedCall } from "../core/protocol.ts";
import type { Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import { conversationKey } from "./conversation.ts";
import { generate, type GenerateCall, type GenerateDeps } from "./generate.ts";
import type { SignatureMemory } from "./signatures.ts";
import { type Patience, startWatchdog, type Watchdog } from "./watchdog.ts";

export interface RunDeps extends GenerateDeps {
  /** Throws GatewayError("unknown-model"). */
  resolveModel(name: string, signal: AbortSignal): Promise<ResolvedModel>;
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
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  trace.model = call.request.model;
  trace.losses.push(...call.losses);
  const [loss] = trace.losses;
  if (strict && loss) refuseLoss(loss);
  const watchdog = startWatchdog(deps.patience, abort, deps.clock);
  try {
    yield* serve(call, strict, trace, abort.signal, watchdog, deps);
  } finally {
    watchdog.stop();
  }
}

async function* serve(
  call: ParsedCall,
  strict: boolean,
  trace: Trace,
  signal: AbortSignal,
  watchdog: Watchdog,
  deps: RunDeps,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const { request: asked, stream } = call;
  const resolved = await deps.resolveModel(asked.model, signal);
  const model = resolved.profile;
  trace.servedModel = model.id;
  const conversation = conversationKey(asked, model.family, deps.hash);
  const restored = await deps.signatures.restore(asked, model.family, conversation);
  const request = resolved.thinking === undefined ? restored : { ...restored, thinking: resolved.thinking };
  const generateCall: GenerateCall = {
    request,
    model,
    conversationKey: conversation,
    // Thinking asked for in the model's name wins over the body's.
    fieldName: (name) => (name === "thinking" && resolved.thinking ? "model" : call.fieldName(name)),
    strict,
    whole: !stream,
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
