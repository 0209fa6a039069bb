import { type FailureKind, GatewayError } from "../../src/core/errors.ts";
import type { Protocol } from "../../src/core/protocol.ts";
import { plainRequest } from "./requests.ts";

const STATUSES: Partial<Record<FailureKind, number>> = {
  "invalid-request": 400,
  unauthorized: 401,
  forbidden: 403,
  "unknown-route": 404,
  "not-found": 404,
  "payload-too-large": 413,
  "rate-limited": 429,
  "key-limited": 429,
  busy: 503,
};

/**
 * A protocol whose frames are readable: one line per event kind. `{"model":"m","stream":true}` asks for a stream;
 * `{"bad":true}` cannot be parsed; `{"lossy":true}` loses a field.
 */
export const stubProtocol: Protocol = {
  id: "openai-chat",
  fields: [],
  counting: {
    parse: ({ body }) => ({ request: plainRequest({ model: (body as { model?: string }).model ?? "m" }), losses: [] }),
    reply: (tokens) => ({ tokens }),
  },
  parse({ body }) {
    const asked = body as { model?: string; stream?: boolean; bad?: boolean; lossy?: boolean };
    if (asked.bad) throw new GatewayError("invalid-request", "bad: is true", { field: "bad" });
    return {
      request: plainRequest({ model: asked.model ?? "m" }),
      stream: asked.stream === true,
      losses: asked.lossy ? [{ field: "lossy", why: "dropped — nobody knows it" }] : [],
      fieldName: (canonical) => canonical,
      reply: {
        stream: () => ({
          push: (events) => events.map((event) => `${event.type}\n`).join(""),
          fail: (error) => `failed ${error.kind}\n`,
          keepAlive: () => "alive\n",
        }),
        whole: (turn, { model }) => ({ model, reason: turn.reason, blocks: turn.blocks.length }),
      },
    };
  },
  encodeError: (error, requestId) => ({
    status: STATUSES[error.kind] ?? 500,
    body: { kind: error.kind, message: error.message, requestId },
  }),
};
