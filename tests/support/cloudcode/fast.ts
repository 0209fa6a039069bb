import { bytesOf } from "./reply.ts";

export interface FastOptions {
  /** Number of text events before the finishing one. */
  events: number;
  /** The text of each event; default one word of a sentence. */
  text?: string;
  /** One write per event (default), or the whole body at once with a length. */
  delivery?: "event-each" | "at-once";
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
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const event of all) controller.enqueue(event);
        controller.close();
      },
    });
    return new Response(body, { headers });
  };
}

function eventOf(part: { text: string }, usageMetadata?: Record<string, number>): Uint8Array {
  const candidate = { index: 0, content: { role: "model", parts: [part] } };
  const ids = { modelVersion: "gemini-3-flash", responseId: "pZk8aFast" };
  const response = usageMetadata
    ? { candidates: [{ ...candidate, finishReason: "STOP" }], usageMetadata, ...ids }
    : { candidates: [candidate], ...ids };
  return bytesOf(`data: ${JSON.stringify({ response, traceId: "trace-fast" })}\r\n\r\n`);
}
