import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import type { CloudCodeServer } from "./server.ts";

/** A well-behaved client of the server, for this folder's own tests. */
export interface TestClient {
  token: string;
  post(method: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** Streams a generation call; the requestId is new each time. */
  ask(body: JsonObject, init?: RequestInit): Promise<Response>;
}

export async function signIn(server: CloudCodeServer, refreshToken = "1//test-refresh-token"): Promise<TestClient> {
  const response = await refresh(server, refreshToken);
  const token = String((await jsonOf(response))["access_token"]);
  let requests = 0;
  const post: TestClient["post"] = (method, body, init = {}) =>
    fetch(`${server.url}/v1internal:${method}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "user-agent": "antigravity/2.9.1 linux/amd64",
      },
      body: JSON.stringify(body),
      ...init,
    });
  return {
    token,
    post,
    ask: (body, init) =>
      post("streamGenerateContent?alt=sse", { ...body, requestId: `agent-${token}-${++requests}` }, init),
  };
}

export function refresh(server: CloudCodeServer, refreshToken: string, change: Record<string, string> = {}) {
  const { client } = server.world;
  return fetch(server.tokenUrl, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: client.id,
      client_secret: client.secret,
      ...change,
    }),
  });
}

export async function jsonOf(response: Response): Promise<JsonObject> {
  const answered: unknown = await response.json();
  if (!isJsonObject(answered)) throw new Error("the answer is no JSON object");
  return answered;
}

/** The documents of an SSE body, whatever its line ends. */
export function documentsOf(body: string): JsonObject[] {
  return body
    .split(/\r?\n\r?\n/)
    .filter((event) => event.startsWith("data:"))
    .map((event) => JSON.parse(event.replaceAll(/^data: ?/gm, "")));
}

export function partsOf(document: JsonObject | undefined): JsonObject[] {
  const response = isJsonObject(document?.["response"]) ? document["response"] : document;
  const candidates = response?.["candidates"];
  const first = Array.isArray(candidates) ? candidates[0] : undefined;
  const content = isJsonObject(first) ? first["content"] : undefined;
  const parts = isJsonObject(content) ? content["parts"] : undefined;
  return Array.isArray(parts) ? parts.filter(isJsonObject) : [];
}
