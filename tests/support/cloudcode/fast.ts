import { bytesOf } from "./reply.ts";

export interface FastOptions {
  /** Number of text events before the finishing one. */
  events: number;
  /** The text of each event; default one word of a sentence. */
  text?: string;
  /** One write per event (default), the whole body at once with a length, or one write per event every `everyMs`. */
  delivery?: "event-each" | "at-once" | "paced";
  /** Of a paced answer; default 20. */
  everyMs?: number;
}

/** A responder that has its bytes ready: no reading, no checking, no logging. */
export function fastResponse(options: FastOptions): (request: Request) => Promise<Response> {
  const events = Array.from({ length: options.events }, () => eventOf({ text: options.text ?? "measured " }));
  const usage = { promptTokenCount: 100, candidatesTokenCount: options.events, totalTokenCount: 100 + options.events };
  const all = [...events, eventOf({ text: "" }, usage)];
  const whole = new Uint8Array(Buffer.concat(all));
  const headers = { "content-type": "text/event-stream" };
  return async (request) => {
    await request.arrayBuffer();
    if (options.delivery === "at-once") return new Response(whole, { headers });
    if (options.delivery === "paced") return new Response(paced(all, options.everyMs ?? 20), { headers });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const event of all) controller.enqueue(event);
        controller.close();
      },
    });
    return new Response(body, { headers });
  };
}

function paced(events: readonly Uint8Array[], everyMs: number): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval> | undefined;
  let next = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = () => {
        const event = events[next++];
        if (event) return controller.enqueue(event);
        clearInterval(timer);
        controller.close();
      };
      send();
      timer = setInterval(send, everyMs);
    },
    cancel: () => clearInterval(timer),
  });
}

function eventOf(part: { text: string }, usageMetadata?: Record<string, number>): Uint8Array {
  const candidate = { index: 0, content: { role: "model", parts: [part] } };
  const ids = { modelVersion: "gemini-3-flash", responseId: "pZk8aFast" };
  const response = usageMetadata
    ? { candidates: [{ ...candidate, finishReason: "STOP" }], usageMetadata, ...ids }
    : { candidates: [candidate], ...ids };
  return bytesOf(`data: ${JSON.stringify({ response, traceId: "trace-fast" })}\r\n\r\n`);
}
