import { GatewayError } from "../core/errors.ts";
import type { TurnEvent } from "../core/turn.ts";

/**
 * An answer that is given out only when it is complete, so that whatever goes wrong on the way may be tried again. A first
 * one that is nothing but thinking fails, to be asked for once more; a stream has shown its thinking by then, and ends as
 * it is.
 */
export async function* completed(
  batches: AsyncIterable<readonly TurnEvent[]>,
  onProgress: () => void,
  isFirst: boolean,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const events: TurnEvent[] = [];
  for await (const batch of batches) {
    onProgress();
    events.push(...batch);
  }
  if (isFirst && isThinkingAlone(events)) {
    throw new GatewayError("unavailable", "The model thought and did not answer");
  }
  yield events;
}

function isThinkingAlone(events: readonly TurnEvent[]): boolean {
  const kinds = events.flatMap((event) => (event.type === "block-start" ? [event.head.kind] : []));
  const end = events.at(-1);
  return (
    kinds.length > 0 && kinds.every((kind) => kind === "thinking") && end?.type === "turn-end" && end.reason === "end"
  );
}
