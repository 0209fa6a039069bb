import { createParser } from "eventsource-parser";
import type { Clock } from "../../../src/lib/clock.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  createDemo,
  type DemoOptions,
  type DemoScenario,
  type DemoUpstream,
} from "../../../src/upstreams/demo/index.ts";

export const START = Date.UTC(2026, 7, 20, 10, 30);

export interface FakeClock extends Clock {
  slept: number[];
  advance(ms: number): void;
}

/** Sleeps at once, and remembers for how long. */
export function fakeClock(): FakeClock {
  let now = START;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

/** Sleeps until the signal wakes it, and never otherwise. */
export function frozenClock(): FakeClock {
  const slept: number[] = [];
  return {
    slept,
    now: () => START,
    advance: () => {},
    sleep: (ms, signal) => {
      slept.push(ms);
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
  };
}

export interface Part {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  functionCall?: { id?: string; name: string; args?: JsonObject };
  inlineData?: { mimeType: string; data: string };
}

export interface StreamDocument {
  response: {
    candidates: {
      content?: { role: string; parts: Part[] };
      finishReason?: string;
      groundingMetadata?: { groundingSupports: { segment: { startIndex?: number; endIndex: number; text: string } }[] };
    }[];
    usageMetadata?: Record<string, number>;
    modelVersion: string;
    responseId: string;
  };
  traceId: string;
}

export interface Collected {
  documents: StreamDocument[];
  parts: Part[];
  text: string;
  thinking: string;
  calls: NonNullable<Part["functionCall"]>[];
  finishReasons: string[];
  usage: Record<string, number>;
}

export interface TestClient {
  demo: DemoUpstream;
  clock: FakeClock;
  /** A new access token of the account at this position. */
  token(index?: number): Promise<string>;
  /** POST to a method; the parsed reply. */
  call(method: string, body: JsonObject, index?: number): Promise<{ status: number; body: JsonObject }>;
  project(index?: number): Promise<string>;
  /** The raw reply to one generation request. */
  generate(request: JsonObject, options?: GenerateOptions): Promise<Response>;
  /** The same, read to its end. */
  ask(request: JsonObject, options?: GenerateOptions): Promise<Collected>;
  /** `ask` for a plain text, without anything else. */
  say(text: string, options?: GenerateOptions): Promise<Collected>;
}

interface GenerateOptions {
  model?: string;
  account?: number;
  signal?: AbortSignal;
  envelope?: JsonObject;
}

export function testClient(
  options: { scenario?: DemoScenario; clock?: FakeClock; pace?: "none" | "default" } & Pick<DemoOptions, "random"> = {},
): TestClient {
  const { scenario = "normal", clock = fakeClock(), pace = "none", ...rest } = options;
  let ids = 0;
  const demo = createDemo({
    scenario,
    clock,
    newId: () => `id-${(ids += 1)}`,
    ...(pace === "none" && { eventDelayMs: 0 }),
    ...rest,
  });
  const projects = new Map<number, string>();

  const client: TestClient = {
    demo,
    clock,
    async token(index = 0) {
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: demo.accounts[index]?.secret ?? "",
        client_id: "test",
        client_secret: "test",
      });
      const response = await demo.fetch(demo.urls.token, { method: "POST", body: form });
      const body = (await response.json()) as { access_token: string };
      return body.access_token;
    },
    async call(method, body, index = 0) {
      const response = await demo.fetch(`${demo.urls.cloudcode}/v1internal:${method}`, {
        method: "POST",
        headers: { authorization: `Bearer ${await client.token(index)}` },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as JsonObject };
    },
    async project(index = 0) {
      const known = projects.get(index);
      if (known !== undefined) return known;
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const { body } = await client.call("loadCodeAssist", { metadata: { ideType: "ANTIGRAVITY" } }, index);
        const found = body["cloudaicompanionProject"] as string | { id: string } | undefined;
        if (found !== undefined) {
          const project = typeof found === "string" ? found : found.id;
          projects.set(index, project);
          return project;
        }
        await client.call("onboardUser", { tierId: "free-tier" }, index);
      }
      throw new Error("no project");
    },
    async generate(request, { model = "gemini-3-flash", account = 0, signal, envelope } = {}) {
      const body = {
        project: await client.project(account),
        model,
        userAgent: "antigravity",
        requestType: "agent",
        requestId: "agent-test",
        request,
        ...envelope,
      };
      return demo.fetch(`${demo.urls.cloudcode}/v1internal:streamGenerateContent?alt=sse`, {
        method: "POST",
        headers: { authorization: `Bearer ${await client.token(account)}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      });
    },
    async ask(request, generateOptions) {
      const response = await client.generate(request, generateOptions);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      return collect(text);
    },
    say: (text, generateOptions) => client.ask({ contents: [userText(text)] }, generateOptions),
  };
  return client;
}

export function userText(text: string): JsonObject {
  return { role: "user", parts: [{ text }] };
}

/** Reads a body as a standard event-stream parser does. */
export function collect(body: string): Collected {
  const documents: StreamDocument[] = [];
  const parser = createParser({ onEvent: (event) => documents.push(JSON.parse(event.data) as StreamDocument) });
  parser.feed(body);
  const candidates = documents.flatMap(({ response }) => response.candidates);
  const parts = candidates.flatMap(({ content }) => content?.parts ?? []);
  return {
    documents,
    parts,
    text: parts.map((part) => (part.thought ? "" : (part.text ?? ""))).join(""),
    thinking: parts.map((part) => (part.thought ? (part.text ?? "") : "")).join(""),
    calls: parts.flatMap(({ functionCall }) => functionCall ?? []),
    finishReasons: candidates.flatMap(({ finishReason }) => finishReason ?? []),
    usage: documents.flatMap(({ response: { usageMetadata } }) => (usageMetadata ? [usageMetadata] : [])).at(-1) ?? {},
  };
}
