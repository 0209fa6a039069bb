import { isJsonObject, tryParseJson, type JsonObject, type JsonValue } from "../../../src/lib/json.ts";
import { ACCOUNT_METHODS, answerAccountMethod, onboardingState, type AccountMethodContext } from "./account-methods.ts";
import { echo } from "./answers.ts";
import { fastResponse, type FastOptions } from "./fast.ts";
import { answerAuthorize, answerToken, answerUserinfo, issueCode, type OAuthAnswer } from "./oauth.ts";
import { respond, type Reply } from "./reply.ts";
import { checkTransport } from "./rules-transport.ts";
import { errorInfo, firstRefusal, googleError, refuse, type Refusal } from "./refusal.ts";
import { script, type CallInfo, type When } from "./script.ts";
import { text } from "./steps.ts";
import { contentTokens } from "./tokens.ts";
import { turn, type Answer, type AnswerContext } from "./turn.ts";
import { validateCountTokens, validateGenerate, type ValidationContext } from "./validate.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";
import type { WireContent, WireEnvelope } from "./wire-types.ts";

export interface CloudCodeOptions extends WorldOptions {
  /** Shares accounts, tokens, signatures and request ids with another server: a second host of the same service. */
  world?: World;
  /** User-Agents below it are refused. Default "2.9.0". */
  minimumClientVersion?: string;
  /** "missing": this host answers 404 to retrieveUserQuotaSummary. Default "served". */
  quotaSummary?: "served" | "missing";
  /** For benchmarks: generation calls are neither checked nor logged and get one ready-made stream. */
  fast?: FastOptions;
}

export interface LogEntry {
  /** `streamGenerateContent`, `countTokens`, …, `token`, `userinfo`, `authorize`; "" for an unknown path. */
  method: string;
  httpMethod: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  /** Parsed JSON, or the fields of a form; `undefined` when there is none. */
  body: JsonValue | undefined;
  /** E-mail of the account whose token came with the call. */
  account?: string;
  status: number;
  refusal?: Refusal;
  /** Not set while the answer is under way. */
  outcome?: "sent" | "cut" | "closed-by-client";
  closedByClient: boolean;
  /** Unix ms by the world's clock. */
  at: number;
  /** Resolves when the answer has been sent, cut or given up by the client. */
  ended: Promise<void>;
}

export interface CloudCodeServer {
  /** Base URL without a trailing slash: `${url}/v1internal:…`. */
  readonly url: string;
  readonly tokenUrl: string;
  readonly userinfoUrl: string;
  readonly authorizeUrl: string;
  readonly world: World;
  readonly log: readonly LogEntry[];
  /** The generation calls of the log, or those of one account (e-mail). */
  calls(account?: string): LogEntry[];
  /** The most generation calls of one account (e-mail) that were open at once, refused ones included. */
  maxInFlight(account: string): number;
  /** The n-th generation call (from 1), as soon as it has arrived. */
  call(number: number): Promise<LogEntry>;
  /** Every call that broke the contract; `toEqual([])` is the assertion. */
  refusals(): { rule: string; method: string; message: string }[];
  /** Queues one answer; a string is a text turn. */
  next(answer: Answer | string, when?: When): void;
  /** Queues several, in order. */
  script(answers: readonly (Answer | string)[], when?: When): void;
  /** Answers every fitting call that no queued answer takes. */
  always(answer: Answer | string, when?: When): void;
  /** Scripted answers that were not asked for. */
  unused(): number;
  /** Forgets the script and the log; keeps the world. */
  reset(): void;
  /** A code that the token endpoint will take, as if the owner had signed in. */
  issueCode(email: string, redirectUri: string, codeChallenge?: string): string;
  stop(): Promise<void>;
}

/** Stands for Cloud Code and Google's OAuth on one free port, and refuses what they refuse. */
export async function startCloudCode(options: CloudCodeOptions = {}): Promise<CloudCodeServer> {
  const world = options.world ?? createWorld(options);
  const state = createState(world, options);
  const fast = options.fast && fastResponse(options.fast);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => {
      if (fast && request.url.includes("GenerateContent")) return fast(request);
      return serve(request, state);
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    tokenUrl: `${url}/token`,
    userinfoUrl: `${url}/userinfo`,
    authorizeUrl: `${url}/authorize`,
    world,
    log: state.log,
    calls: (account) =>
      state.log.filter((entry) => isGeneration(entry) && (account === undefined || entry.account === account)),
    maxInFlight: (account) => world.traffic.most(account),
    call(number) {
      const arrived = state.log.filter(isGeneration)[number - 1];
      if (arrived) return Promise.resolve(arrived);
      return new Promise((resolve) => state.waiting.push({ number, resolve }));
    },
    refusals: () =>
      state.log.flatMap(({ method, refusal }) => {
        return refusal ? [{ rule: refusal.rule, method, message: messageOf(refusal) }] : [];
      }),
    next: (answer, when) => state.script.next(asAnswer(answer), when),
    script(answers, when) {
      for (const answer of answers) state.script.next(asAnswer(answer), when);
    },
    always: (answer, when) => state.script.always(asAnswer(answer), when),
    unused: () => state.script.left(),
    reset() {
      state.script.clear();
      state.log.length = 0;
    },
    issueCode: (email, redirectUri, codeChallenge) => issueCode(world, email, redirectUri, codeChallenge),
    async stop() {
      state.stopped.resolve();
      await server.stop(true);
    },
  };
}

type State = ReturnType<typeof createState>;

function createState(world: World, options: CloudCodeOptions) {
  return {
    world,
    minimumClientVersion: options.minimumClientVersion ?? "2.9.0",
    hasQuotaSummary: options.quotaSummary !== "missing",
    log: [] as LogEntry[],
    script: script<Answer>(),
    onboardings: new Map<string, number>(),
    waiting: [] as { number: number; resolve(entry: LogEntry): void }[],
    stopped: Promise.withResolvers<void>(),
  };
}

async function serve(request: Request, state: State): Promise<Response> {
  const url = new URL(request.url);
  const written = request.method === "GET" || request.method === "HEAD" ? "" : await request.text();
  const method = methodOf(url.pathname);
  const isForm = method === "token";
  const body = isForm ? Object.fromEntries(new URLSearchParams(written)) : tryParseJson(written);
  const ended = Promise.withResolvers<void>();
  const entry: LogEntry = {
    method,
    httpMethod: request.method,
    path: url.pathname + url.search,
    headers: Object.fromEntries(request.headers),
    body,
    status: 0,
    closedByClient: false,
    at: state.world.now(),
    ended: ended.promise,
  };
  const bearer = /^Bearer (\S+)$/.exec(entry.headers["authorization"] ?? "")?.[1];
  const known = bearer === undefined ? undefined : state.world.authenticate(bearer);
  if (known?.type === "account") entry.account = known.account.email;
  state.log.push(entry);

  const counted = isGeneration(entry) ? entry.account : undefined;
  const openBefore = counted === undefined ? 0 : state.world.traffic.begin(counted);
  if (counted !== undefined) void ended.promise.then(() => state.world.traffic.end(counted));
  const reply = answer(request, url, written, entry, state, openBefore);
  entry.status = reply.status;
  if (isGeneration(entry)) announce(entry, state);
  return respond(reply, {
    stopped: state.stopped.promise,
    signal: request.signal,
    onEnd(how) {
      entry.outcome ??= how;
      entry.closedByClient = entry.outcome === "closed-by-client";
      ended.resolve();
    },
  });
}

function announce(entry: LogEntry, state: State): void {
  const arrived = state.log.filter(isGeneration).length;
  for (const waiting of state.waiting.filter(({ number }) => number <= arrived)) {
    state.waiting.splice(state.waiting.indexOf(waiting), 1);
    waiting.resolve(entry);
  }
}

function methodOf(pathname: string): string {
  const rpc = /^\/v1internal:([A-Za-z]+)$/.exec(pathname)?.[1];
  if (rpc !== undefined) return rpc;
  if (pathname.startsWith("/v1internal/operations/")) return "operation";
  return ["/token", "/userinfo", "/authorize"].includes(pathname) ? pathname.slice(1) : "";
}

function isGeneration(entry: LogEntry): boolean {
  return entry.method === "streamGenerateContent" || entry.method === "generateContent";
}

function answer(request: Request, url: URL, written: string, entry: LogEntry, state: State, openBefore: number): Reply {
  const { method } = entry;
  const scripted = method === "token" ? takeScripted(entry, state) : undefined;
  if (scripted) return scripted;
  switch (method) {
    case "token":
      return oauthReply(answerToken(state.world, request.headers.get("content-type") ?? "", written), entry);
    case "userinfo":
      return oauthReply(answerUserinfo(state.world, request.headers), entry);
    case "authorize":
      return oauthReply(answerAuthorize(state.world, url.searchParams), entry);
    default:
      return answerInternal(request, url, entry, state, openBefore);
  }
}

function answerInternal(request: Request, url: URL, entry: LogEntry, state: State, openBefore: number): Reply {
  const { method, body } = entry;
  const context: ValidationContext = validationContext(request.headers, state);
  const polls = method === "operation" && request.method === "GET";
  const misplaced = firstRefusal(() => checkRoute(request, url, entry, polls));
  if (misplaced) return refusalReply(misplaced, entry);
  if (polls) return pollOperation(context, entry, state);

  if (method === "retrieveUserQuotaSummary" && !state.hasQuotaSummary) {
    // No rule was broken: that a host lacks the method is for the caller to find out.
    return jsonReply(404, googleError(404, "Requested entity was not found."));
  }
  if (ACCOUNT_METHODS.has(method)) {
    const result = answerAccountMethod(method, body, accountContext(context, state));
    if ("refusal" in result) return refusalReply(result.refusal, entry);
    return takeScripted(entry, state) ?? jsonReply(200, result.body);
  }
  if (method === "countTokens") {
    const refused = validateCountTokens(body, context);
    if (refused) return refusalReply(refused, entry);
    return takeScripted(entry, state) ?? jsonReply(200, { totalTokens: contentTokens(countedContents(body)) });
  }
  const refused = validateGenerate(body, context);
  const requestId = isJsonObject(body) ? body["requestId"] : undefined;
  if (typeof requestId === "string") state.world.seenRequestIds.add(requestId);
  if (refused) return refusalReply(refused, entry);
  return answerGeneration(entry, state, openBefore);
}

function countedContents(body: JsonValue | undefined): WireContent[] {
  const { request }: WireEnvelope = isJsonObject(body) ? body : {};
  return request?.contents ?? [];
}

function answerGeneration(entry: LogEntry, state: State, openBefore: number): Reply {
  const { accounts, cache } = state.world;
  const account = accounts.find(({ email }) => email === entry.account);
  const { model, body } = answerContext(entry, state);
  if (account?.concurrency !== undefined && openBefore >= account.concurrency) {
    const details = [errorInfo("RATE_LIMIT_EXCEEDED", { model: model.id })];
    return jsonReply(429, googleError(429, "You have too many requests of this model under way.", details));
  }
  const prompt = { account: entry.account ?? "", model: model.id, request: body.request ?? {} };
  const cachedTokens = cache.tokens(prompt);
  const reply = takeScripted(entry, state, cachedTokens) ?? echo(answerContext(entry, state, cachedTokens));
  if (reply.status === 200) cache.remember(prompt);
  return reply;
}

function checkRoute(request: Request, url: URL, entry: LogEntry, polls: boolean): void {
  const { method } = entry;
  const known = ACCOUNT_METHODS.has(method) || method === "countTokens" || isGeneration(entry);
  if (!known && !polls) refuse("unknown-method", "Requested entity was not found.", 404);
  if (!polls && request.method !== "POST") refuse("http-method", "Request method is not supported.", 405);
  const wanted = method === "streamGenerateContent" ? "?alt=sse" : "";
  if (url.search !== wanted) refuse("query", `Unknown query '${url.search}', expected '${wanted}'.`);
  if (!polls && entry.body === undefined) refuse("not-json", "Invalid JSON payload received. Unexpected token.");
}

function pollOperation(context: ValidationContext, entry: LogEntry, state: State): Reply {
  // A GET has no body, so only the token of the transport rules applies.
  const found = state.world.accounts.find((account) => account.email === entry.account);
  if (!found) {
    const refused = firstRefusal(() => void checkTransport(context));
    if (refused) return refusalReply(refused, entry);
    throw new Error("a call with a known account has an account");
  }
  return jsonReply(200, onboardingState(found, accountContext(context, state)));
}

function validationContext(headers: Headers, { world, minimumClientVersion }: State): ValidationContext {
  return {
    headers,
    authenticate: world.authenticate,
    minimumClientVersion,
    models: world.models,
    signatures: world.signatures,
    seenRequestIds: world.seenRequestIds,
    projectExists: (project) => world.accounts.some((account) => account.project === project),
  };
}

function accountContext(context: ValidationContext, state: State): AccountMethodContext {
  return { ...context, world: state.world, onboardings: state.onboardings };
}

function answerContext(entry: LogEntry, { world }: State, cachedTokens = 0): AnswerContext {
  const body: WireEnvelope = isJsonObject(entry.body) ? entry.body : {};
  const [fallback] = world.models.values();
  const model = world.models.get(body.model ?? "") ?? fallback;
  if (!model) throw new Error("the model table is empty");
  const stream = entry.method === "streamGenerateContent";
  const { signatures, nextNumber } = world;
  return { stream, model, body, signatures, nextNumber, cachedTokens, wrapped: true };
}

function takeScripted(entry: LogEntry, state: State, cachedTokens = 0): Reply | undefined {
  const context = answerContext(entry, state, cachedTokens);
  const info: CallInfo = { method: entry.method, body: context.body };
  if (context.body.model !== undefined) info.model = context.body.model;
  if (entry.account !== undefined) info.account = entry.account;
  return state.script.take(info)?.(context);
}

function asAnswer(answer: Answer | string): Answer {
  return typeof answer === "string" ? turn(text(answer)) : answer;
}

function oauthReply(answered: OAuthAnswer, entry: LogEntry): Reply {
  if (answered.refusal) entry.refusal = answered.refusal;
  if (answered.account) entry.account = answered.account.email;
  if (answered.location !== undefined) {
    return { status: answered.status, headers: { location: answered.location }, pieces: [] };
  }
  return jsonReply(answered.status, answered.body);
}

function refusalReply(refusal: Refusal, entry: LogEntry): Reply {
  entry.refusal = refusal;
  return jsonReply(refusal.status, refusal.body);
}

function jsonReply(status: number, body: JsonObject): Reply {
  const pieces = [new TextEncoder().encode(JSON.stringify(body))];
  return { status, headers: { "content-type": "application/json; charset=UTF-8" }, pieces };
}

function messageOf({ body }: Refusal): string {
  const error = body["error"] ?? googleError(0, "")["error"];
  if (typeof error === "string") return `${error}: ${String(body["error_description"] ?? "")}`;
  return isJsonObject(error) ? String(error["message"]) : "";
}
