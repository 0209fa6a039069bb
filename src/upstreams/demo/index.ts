import { createHash } from "node:crypto";
import type { NewAccount } from "../../core/store.ts";
import type { Clock } from "../../lib/clock.ts";
import { isJsonObject, type JsonObject, tryParseJson } from "../../lib/json.ts";
import { type DemoAccount, demoAccounts, demoIdentity } from "./accounts.ts";
import { availableModels, findModel } from "./catalogue.ts";
import { earlierContents } from "./conversation.ts";
import { answerDocuments, emptyDocuments } from "./documents.ts";
import { answer } from "./model.ts";
import { invalidArgument, notFound, Refusal } from "./refusal.ts";
import { parseCount, parseGenerate } from "./request.ts";
import { type DemoScenario, startScenario } from "./scenarios.ts";
import { playSteps, type Step } from "./sse.ts";
import { contentTokens, preludeTokens } from "./tokens.ts";

export { type DemoScenario, demoScenarios } from "./scenarios.ts";

/** The Cloud Code service and Google's sign-in, played from memory. */
export interface DemoUpstream {
  /**
   * Answers the URLs below, and every method under `urls.cloudcode`, without a network. Anything else: throws a
   * TypeError like a failed connection. Honours the signal before and during the answer.
   */
  fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Values for the configuration that make the gateway talk to it. */
  urls: { cloudcode: string; token: string; userinfo: string };
  /** Made-up accounts whose refresh tokens it honours. */
  accounts: readonly NewAccount[];
}

export interface DemoOptions {
  scenario: DemoScenario;
  clock: Clock;
  /** Url-safe random text, new at each call. */
  newId(): string;
  /** In [0, 1); varies poems and jokes. Absent: always the first. */
  random?: () => number;
  /** The time before each streamed event, so that a person sees streaming. */
  eventDelayMs?: number;
}

const ORIGIN = "http://demo.invalid";
const URLS = { cloudcode: ORIGIN, token: `${ORIGIN}/token`, userinfo: `${ORIGIN}/userinfo` };
const METHOD = /^\/v1internal:(\w+)$/;
const DEFAULT_EVENT_DELAY = 15;

/** An upstream for `ag serve --demo`: give its `fetch` to the Cloud Code client and its `urls` to the configuration. */
export function createDemo(options: DemoOptions): DemoUpstream {
  const { clock, newId, random = () => 0 } = options;
  const identity = demoIdentity(() => clock.now(), newId);
  const run = startScenario(options.scenario, identity.accounts, clock);
  const eventDelayMs = run.eventDelayMs(options.eventDelayMs ?? DEFAULT_EVENT_DELAY);

  function generate(account: DemoAccount, body: JsonObject, signal: AbortSignal): Response {
    const request = parseGenerate(body);
    checkProject(account, request.project);
    const model = findModel(request.model);
    if (!model) throw notFound("Requested entity was not found.");
    run.admit(account, model);

    const prefix = preludeTokens(request) + contentTokens(earlierContents(request.contents));
    const prompt = preludeTokens(request) + contentTokens(request.contents);
    const usage = { prompt, cached: account.cachedTokens(model, request.sessionId, prefix, prompt) };
    const now = clock.now();
    const documents = run.isLost(attemptKey(request.contents))
      ? emptyDocuments(model, usage, newId)
      : answerDocuments(answer(request, model, { now, random }), model, request, usage, { newId, now });
    account.quota.spend(model);
    const steps = documents.map((document): Step => ({ type: "document", document, delayMs: eventDelayMs }));
    return new Response(playSteps(run.disturb(steps), clock, signal), {
      headers: { "content-type": "text/event-stream", "x-cloudaicompanion-trace-id": newId() },
    });
  }

  async function call(method: string, request: Request): Promise<Response> {
    const account = identity.authenticate(request.headers.get("authorization"));
    const body = tryParseJson(await request.text());
    if (!isJsonObject(body)) throw invalidArgument("Invalid JSON payload received.");
    switch (method) {
      case "streamGenerateContent":
        return generate(account, body, request.signal);
      case "countTokens":
        return Response.json({ totalTokens: contentTokens(parseCount(body)) });
      case "fetchAvailableModels":
        if (body["project"] !== undefined) checkProject(account, body["project"]);
        return Response.json(availableModels((model) => account.quota.info(model)));
      case "retrieveUserQuotaSummary":
        if (body["project"] !== undefined) checkProject(account, body["project"]);
        return Response.json(account.quota.summary());
      case "loadCodeAssist":
        return Response.json(account.loadCodeAssist());
      case "onboardUser":
        return Response.json(account.onboard(body));
      default:
        throw notFound("Method not found.");
    }
  }

  async function serve(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(request.url);
    const method = METHOD.exec(pathname)?.[1];
    if (origin !== ORIGIN) throw new TypeError(`Unable to connect: the demo is offline and does not know ${origin}`);
    if (pathname === "/token" && request.method === "POST") {
      return identity.token(new URLSearchParams(await request.text()));
    }
    if (pathname === "/userinfo" && request.method === "GET") {
      return Response.json(identity.authenticate(request.headers.get("authorization")).userinfo());
    }
    if (method !== undefined && request.method === "POST") return call(method, request);
    throw new TypeError(`Unable to connect: the demo has nothing at ${request.method} ${pathname}`);
  }

  return {
    urls: { ...URLS },
    accounts: demoAccounts,
    async fetch(url, init) {
      const request = url instanceof Request ? new Request(url, init) : new Request(String(url), init);
      request.signal.throwIfAborted();
      try {
        return await serve(request);
      } catch (error) {
        if (error instanceof Refusal) return error.response();
        throw error;
      }
    },
  };
}

function checkProject(account: DemoAccount, project: unknown): void {
  if (project === "") throw invalidArgument("Invalid project resource name projects/");
  if (project !== account.project) throw notFound(`Resource projects/${String(project)} not found`);
}

/** Attempts differ in project, session and request id, but not in what is asked. */
function attemptKey(contents: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(contents)).digest("base64");
}
