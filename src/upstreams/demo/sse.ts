import type { Clock } from "../../lib/clock.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";

/** What happens next on a response body. */
export type Step =
  | { type: "document"; document: JsonObject; delayMs: number }
  | { type: "silence"; ms: number }
  | { type: "break"; error: Error };

/** One server-sent event as the service writes it: CRLF line ends. */
function frame(document: JsonObject): string {
  return sseFrame(JSON.stringify(document)).replaceAll("\n", "\r\n");
}

/**
 * A response body that takes one step per pull and nothing ahead of it. Aborting the signal errors the body with its
 * reason, cancelling ends it; both stop a wait that is under way.
 */
export function playSteps(steps: readonly Step[], clock: Clock, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const cancelled = new AbortController();
  const stop = AbortSignal.any([signal, cancelled.signal]);
  let next = 0;
  let release = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const onAbort = () => controller.error(signal.reason);
        if (signal.aborted) return onAbort();
        signal.addEventListener("abort", onAbort, { once: true });
        release = () => signal.removeEventListener("abort", onAbort);
      },
      async pull(controller) {
        for (;;) {
          const step = steps[next];
          next += 1;
          if (!step) {
            release();
            return controller.close();
          }
          const delayMs = step.type === "silence" ? step.ms : step.type === "document" ? step.delayMs : 0;
          try {
            if (delayMs > 0) await clock.sleep(delayMs, stop);
          } catch (error) {
            if (!stop.aborted) throw error;
          }
          if (stop.aborted) return; // the abort listener or the canceller has ended the body already
          if (step.type === "silence") continue;
          if (step.type === "document") return controller.enqueue(encoder.encode(frame(step.document)));
          release();
          return controller.error(step.error);
        }
      },
      cancel(reason) {
        release();
        cancelled.abort(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
