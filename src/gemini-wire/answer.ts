import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { JsonValue } from "../lib/json.ts";
import type { Machine } from "../lib/machine.ts";
import { turnDecoder, type DecoderDeps } from "./decode.ts";
import { documentReader } from "./documents.ts";

/** Body text in, one turn out: the reader and the decoder as one machine. Throws what they throw, in stream order. */
export function answerReader(deps: DecoderDeps): Machine<string, TurnEvent> {
  const reader = documentReader();
  const decoder = turnDecoder(deps);

  function readWith(read: (documents: JsonValue[]) => void, out: TurnEvent[]): void {
    const documents: JsonValue[] = [];
    try {
      read(documents);
    } finally {
      // Documents that came before a malformed one are part of the turn; a failure among them came first and wins.
      for (const document of documents) decoder.push(document, out);
    }
  }

  return {
    push: (text, out) => readWith((documents) => reader.push(text, documents), out),
    end(out) {
      readWith((documents) => reader.end(documents), out);
      decoder.end(out);
    },
  };
}

/**
 * The turn in a response body, as non-empty batches: one for each network chunk that completes something. A failure is
 * thrown after the events that came before it were given out. Ending the iteration closes the connection.
 */
export async function* readAnswer(
  body: ReadableStream<Uint8Array>,
  deps: DecoderDeps,
  signal: AbortSignal,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const chunks = body.getReader();
  const utf8 = new TextDecoder();
  const answer = answerReader(deps);
  try {
    for (let done = false; !done;) {
      const chunk = await readChunk(chunks, signal);
      done = chunk.done;
      const batch: TurnEvent[] = [];
      let failure: unknown;
      try {
        answer.push(chunk.done ? utf8.decode() : utf8.decode(chunk.value, { stream: true }), batch);
        if (done) answer.end(batch);
      } catch (cause) {
        failure = cause;
      }
      if (batch.length > 0) yield mergeDeltas(batch);
      if (failure !== undefined) throw failure;
    }
  } finally {
    // After an error or an abort there is nothing left to close, and cancelling rejects with that same error.
    await chunks.cancel().catch(() => {});
  }
}

/** Deltas of one block that arrived together travel on as one: they leave in one write anyway. */
function mergeDeltas(batch: readonly TurnEvent[]): TurnEvent[] {
  const merged: TurnEvent[] = [];
  for (const event of batch) {
    const last = merged.at(-1);
    if (event.type === "block-delta" && last?.type === "block-delta" && last.index === event.index) {
      merged[merged.length - 1] = { type: "block-delta", index: last.index, text: last.text + event.text };
    } else merged.push(event);
  }
  return merged;
}

async function readChunk(
  chunks: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> },
  signal: AbortSignal,
): Promise<{ done: false; value: Uint8Array } | { done: true }> {
  try {
    const { done, value } = await chunks.read();
    return done || !value ? { done: true } : { done: false, value };
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new GatewayError("unavailable", "Upstream closed the stream before the answer was complete", {}, { cause });
  }
}
