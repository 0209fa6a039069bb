/**
 * The floor under a gateway: what takes a request, asks upstream with its bytes and passes the answer's bytes on, in the
 * same runtime and with nothing looked at. `POST /<port>` asks the fast server at that port of this machine; `POST /ready`
 * answers from ready bytes.
 */
import { CALL_PATH } from "./bench-upstream.ts";

/** What is printed once it listens, before the address. */
export const LISTENS = "the floor listens on";

if (import.meta.main) {
  const ready = new TextEncoder().encode(JSON.stringify({ text: "ready ".repeat(40) }));
  const headers = { "content-type": "text/event-stream" };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      const place = new URL(request.url).pathname.slice(1);
      const body = await request.arrayBuffer();
      if (place === "ready") return new Response(ready, { headers });
      const answer = await fetch(`http://127.0.0.1:${place}${CALL_PATH}`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
        signal: request.signal,
        proxy: false,
        timeout: false,
      });
      return new Response(answer.body, { status: answer.status, headers });
    },
  });
  console.log(`${LISTENS} ${server.url}`);
}
