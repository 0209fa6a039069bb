import { GatewayError } from "../core/errors.ts";
import { openAiErrorBody } from "../core/openai/error.ts";
import type { JsonObject, JsonValue } from "../lib/json.ts";
import { percentDecoded } from "../lib/percent.ts";
import type { Route } from "./route.ts";

/** Answers that their owner has opted to keep; `owner` is the handle of the key that asks. All throw GatewayError: `not-found`, or a refusal that names the setting. */
export interface KeptResponses {
  find(id: string, owner: string | undefined): Promise<JsonObject>;
  inputItems(id: string, owner: string | undefined): Promise<readonly JsonValue[]>;
  remove(id: string, owner: string | undefined): Promise<void>;
}

export function responseRoutes(kept: KeptResponses): Route[] {
  const path = "/v1/responses";
  return [
    {
      method: "GET",
      path,
      access: "inference",
      async answer({ request }) {
        // Codex asks for a WebSocket first; told so, it goes on over HTTP at once.
        const wantsSocket = /websocket/i.test(request.headers.get("upgrade") ?? "");
        if (!wantsSocket) throw new GatewayError("unknown-route", "Responses are made by POST and found by their id");
        const refusal = new GatewayError("invalid-request", "There are no WebSockets here: send the request by POST");
        return Response.json(openAiErrorBody(refusal, "input"), { status: 426, headers: { upgrade: "HTTP/1.1" } });
      },
    },
    {
      method: "GET",
      path: `${path}/*`,
      access: "inference",
      async answer({ request, rest, caller: { key } }) {
        const [id, below] = idAndBelow(rest);
        const { searchParams: query } = new URL(request.url);
        if (below === "input_items") return Response.json(pageOf(await kept.inputItems(id, key), query));
        if (below !== "") throw nothingBelow();
        if (query.get("stream") === "true") {
          throw new GatewayError("invalid-request", "stream: an answer that was kept is given as a whole", {
            field: "stream",
          });
        }
        return Response.json(await kept.find(id, key));
      },
    },
    {
      method: "DELETE",
      path: `${path}/*`,
      access: "inference",
      async answer({ rest, caller: { key } }) {
        const [id, below] = idAndBelow(rest);
        if (below !== "") throw nothingBelow();
        await kept.remove(id, key);
        return Response.json({ id, object: "response", deleted: true });
      },
    },
  ];
}

function nothingBelow(): GatewayError {
  return new GatewayError("unknown-route", "An answer has nothing below it but input_items, which can be read");
}

function idAndBelow(rest: string): [id: string, below: string] {
  const [id = "", ...below] = percentDecoded(rest).replace(/\/+$/, "").split("/");
  return [id, below.join("/")];
}

/** OpenAI's pages: the newest first unless `order` is `asc`, `limit` of them (1 to 100, 20 when absent) behind `after`. */
function pageOf(items: readonly JsonValue[], query: URLSearchParams): JsonObject {
  const limit = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new GatewayError("invalid-request", "limit: expected a whole number from 1 to 100", { field: "limit" });
  }
  const ordered = query.get("order") === "asc" ? items : items.toReversed();
  const start = ordered.findIndex((item) => idOf(item) === query.get("after")) + 1;
  const data = ordered.slice(start, start + limit);
  return {
    object: "list",
    data,
    has_more: start + limit < ordered.length,
    first_id: idOf(data.at(0)),
    last_id: idOf(data.at(-1)),
  };
}

function idOf(item: JsonValue | undefined): string | null {
  const id = typeof item === "object" && item !== null && !Array.isArray(item) ? item["id"] : undefined;
  return typeof id === "string" ? id : null;
}
