import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../../../src/lib/json.ts";
import { echo } from "../cloudcode/answers.ts";
import { issuedSignatures, type IssuedSignatures } from "../cloudcode/issued-signatures.ts";
import type { ServedModel } from "../cloudcode/model-table.ts";
import { errorInfo, firstRefusal, googleError, refuse, type Refusal } from "../cloudcode/refusal.ts";
import { plainReply, respond, type Reply } from "../cloudcode/reply.ts";
import { script, type When } from "../cloudcode/script.ts";
import { text } from "../cloudcode/steps.ts";
import { promptTokens } from "../cloudcode/tokens.ts";
import { traffic } from "../cloudcode/traffic.ts";
import { turn, type Answer, type AnswerContext } from "../cloudcode/turn.ts";
import { listEntry, officialModels, OTHER_ENTRIES } from "./models.ts";
import { checkCaller, type ServedKey, validateOfficial, validateOfficialCount } from "./rules.ts";

export interface GeminiApiOptions {
  /** Default: one key, "AIza-test-key", that may use everything. */
  keys?: readonly ServedKey[];
  /** Models that generate. Default: `officialModels()`. */
  models?: readonly ServedModel[];
  /** The most entries on one page of the list, whatever is asked for. Default 1000. */
  pageSize?: number;
  /** Shares what was signed with another server. */
  signatures?: IssuedSignatures;
  now?: () => number;
}

export interface KeyLogEntry {
  method: "streamGenerateContent" | "countTokens" | "models.list" | "";
  httpMethod: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  /** Parsed JSON; `undefined` when there is none. */
  body: JsonValue | undefined;
  /** The key that came with the call, known or not. */
  key?: string;
  /** The model in the path. */
  model?: string;
  status: number;
  refusal?: Refusal;
  /** Not set while the answer is under way. */
  outcome?: "sent" | "cut" | "closed-by-client";
  /** Unix ms by the server's clock. */
  at: number;
  /** Resolves when the answer has been sent, cut or given up by the client. */
  ended: Promise<void>;
}

export interface GeminiApiServer {
  /** Base URL without version and trailing slash: AG_GEMINI_URL. */
  readonly url: string;
  /** May be changed while the server runs. */
  readonly keys: ServedKey[];
  readonly signatures: IssuedSignatures;
  readonly log: readonly KeyLogEntry[];
  /** The generation calls of the log, or those of one key. */
  calls(key?: string): KeyLogEntry[];
  /** The n-th generation call (from 1), as soon as it has arrived. */
  call(number: number): Promise<KeyLogEntry>;
  /** The most generation calls of one key that were open at once, refused ones included. */
  maxInFlight(key: string): number;
  /** Every call that broke the contract; `toEqual([])` is the assertion. */
  refusals(): { rule: string; method: string; message: string }[];
  /** Queues one answer; a string is a text turn. In `when`, `account` is the key and `method` "models.list" the list, "countTokens" the count. */
  next(answer: Answer | string, when?: When): void;
  /** Queues several, in order. */
  script(answers: readonly (Answer | string)[], when?: When): void;
  /** Answers every fitting call that no queued answer takes. */
  always(answer: Answer | string, when?: When): void;
  /** Scripted answers that were not asked for. */
  unused(): number;
  /** Forgets the script and the log. */
  reset(): void;
  stop(): Promise<void>;
}

/** Stands for the official Gemini API on a free port, and refuses what it refuses. */
export async function startGeminiApi(options: GeminiApiOptions = {}): Promise<GeminiApiServer> {
  const state = createState(options);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => serve(request, state),
  });
  const { log, keys, signatures, open } = state;
  return {
    url: `http://127.0.0.1:${server.port}`,
    keys,
    signatures,
    log,
    calls: (key) => log.filter((entry) => isGeneration(entry) && (key === undefined || entry.key === key)),
    call(number) {
      const arrived = log.filter(isGeneration)[number - 1];
      if (arrived) return Promise.resolve(arrived);
      return new Promise((resolve) => state.waiting.push({ number, resolve }));
    },
    maxInFlight: (key) => open.most(key),
    refusals: () =>
      log.flatMap(({ method, refusal }) =>
        refusal ? [{ rule: refusal.rule, method, message: messageOf(refusal) }] : [],
      ),
    next: (answer, when) => state.script.next(asAnswer(answer), when),
    script(answers, when) {
      for (const answer of answers) state.script.next(asAnswer(answer), when);
    },
    always: (answer, when) => state.script.always(asAnswer(answer), when),
    unused: () => state.script.left(),
    reset() {
      state.script.clear();
      log.length = 0;
    },
    async stop() {
      state.stopped.resolve();
      await server.stop(true);
    },
  };
}

type State = ReturnType<typeof createState>;

function createState(options: GeminiApiOptions) {
  let number = 0;
  return {
    keys: (options.keys ?? [{ key: "AIza-test-key" }]).map((key) => ({ ...key })),
    models: new Map((options.models ?? officialModels()).map((model) => [model.id, model])),
    pageSize: options.pageSize ?? 1000,
    signatures: options.signatures ?? issuedSignatures(),
    now: options.now ?? Date.now,
    nextNumber: () => ++number,
    open: traffic(),
    log: [] as KeyLogEntry[],
    script: script<Answer>(),
    waiting: [] as { number: number; resolve(entry: KeyLogEntry): void }[],
    stopped: Promise.withResolvers<void>(),
  };
}

const MODEL_PATH = /^\/v1beta\/models\/([^/:]+):(streamGenerateContent|countTokens)$/;

async function serve(request: Request, state: State): Promise<Response> {
  const url = new URL(request.url);
  const written = request.method === "GET" ? "" : await request.text();
  const ended = Promise.withResolvers<void>();
  const entry: KeyLogEntry = {
    method: "",
    httpMethod: request.method,
    path: url.pathname + url.search,
    headers: Object.fromEntries(request.headers),
    body: tryParseJson(written),
    status: 0,
    at: state.now(),
    ended: ended.promise,
  };
  const [, modelId, method] = MODEL_PATH.exec(url.pathname) ?? [];
  if (modelId !== undefined && request.method === "POST") {
    entry.method = method === "countTokens" ? "countTokens" : "streamGenerateContent";
    entry.model = decodeURIComponent(modelId);
  } else if (url.pathname === "/v1beta/models" && request.method === "GET") entry.method = "models.list";
  const key = entry.headers["x-goog-api-key"];
  if (key !== undefined) entry.key = key;
  state.log.push(entry);

  const reply = answer(url, request.headers, entry, ended.promise, state);
  entry.status = reply.status;
  if (isGeneration(entry)) announce(entry, state);
  return respond(reply, {
    stopped: state.stopped.promise,
    signal: request.signal,
    onEnd(how) {
      entry.outcome ??= how;
      ended.resolve();
    },
  });
}

function answer(url: URL, headers: Headers, entry: KeyLogEntry, ended: Promise<void>, state: State): Reply {
  const context = { ...state, headers, url };
  if (entry.method === "models.list") {
    let page: JsonObject = {};
    const refused = firstRefusal(() => {
      const key = checkCaller(headers, url, state.keys);
      page = listPage(url, key, state);
    });
    if (refused) return refusalReply(refused, entry);
    return takeScripted(entry, state) ?? jsonReply(200, page);
  }
  if (entry.method === "countTokens") {
    let totalTokens = 0;
    const refused =
      firstRefusal(() => {
        if (url.search !== "") refuse("query", `Unknown query '${url.search}'.`);
      }) ??
      validateOfficialCount(entry.model ?? "", entry.body, context, (counted) => {
        totalTokens = promptTokens(counted);
      });
    if (refused) return refusalReply(refused, entry);
    return takeScripted(entry, state) ?? jsonReply(200, { totalTokens });
  }
  const misplaced = firstRefusal(() => {
    checkCaller(headers, url, state.keys);
    if (!isGeneration(entry)) refuse("unknown-path", "Requested entity was not found.", 404);
    if (url.search !== "?alt=sse") refuse("query", `Unknown query '${url.search}', expected '?alt=sse'.`);
    if (entry.body === undefined) refuse("not-json", "Invalid JSON payload received. Unexpected token.");
  });
  const refused = misplaced ?? validateOfficial(entry.model ?? "", entry.body, context);
  if (refused) return refusalReply(refused, entry);

  const key = entry.key ?? "";
  const openBefore = state.open.begin(key);
  void ended.then(() => state.open.end(key));
  const limit = state.keys.find((served) => served.key === key)?.concurrency;
  if (limit !== undefined && openBefore >= limit) {
    return jsonReply(429, googleError(429, "Too many requests at a time.", [errorInfo("RATE_LIMIT_EXCEEDED")]));
  }
  return takeScripted(entry, state) ?? echo(answerContext(entry, state));
}

const LIST_QUERY: ReadonlySet<string> = new Set(["pageSize", "pageToken"]);

/** Page tokens are the number of entries before the page, so that one of another list is refused. */
function listPage(url: URL, key: ServedKey, state: State): JsonObject {
  for (const name of url.searchParams.keys()) {
    if (!LIST_QUERY.has(name)) refuse("list-query", `Invalid JSON payload received. Unknown name "${name}".`);
  }
  const entries: JsonObject[] = [
    ...[...state.models.values()].filter(({ id }) => key.models?.includes(id) ?? true).map(listEntry),
    ...OTHER_ENTRIES,
  ];
  const wanted = Number(url.searchParams.get("pageSize") ?? "50");
  if (!Number.isInteger(wanted) || wanted < 1) refuse("page-size", "Invalid page size.");
  const size = Math.min(wanted, state.pageSize, 1000);
  const token = url.searchParams.get("pageToken") ?? "page-0";
  const start = Number(/^page-(\d+)$/.exec(token)?.[1]);
  if (Number.isNaN(start) || start >= entries.length) refuse("page-token", "Invalid page token.");
  const next = start + size;
  const page: JsonObject = { models: entries.slice(start, next) };
  return next < entries.length ? { ...page, nextPageToken: `page-${next}` } : page;
}

function announce(entry: KeyLogEntry, state: State): void {
  const arrived = state.log.filter(isGeneration).length;
  for (const waiting of state.waiting.filter(({ number }) => number <= arrived)) {
    state.waiting.splice(state.waiting.indexOf(waiting), 1);
    waiting.resolve(entry);
  }
}

function isGeneration(entry: KeyLogEntry): boolean {
  return entry.method === "streamGenerateContent";
}

function takeScripted(entry: KeyLogEntry, state: State): Reply | undefined {
  const context = answerContext(entry, state);
  return state.script.take({
    method: entry.method,
    body: context.body,
    ...(entry.model !== undefined && { model: entry.model }),
    ...(entry.key !== undefined && { account: entry.key }),
  })?.(context);
}

/** The words for turns know a body as the request of an envelope. */
function answerContext(entry: KeyLogEntry, { models, signatures, nextNumber }: State): AnswerContext {
  const [fallback] = models.values();
  const model = models.get(entry.model ?? "") ?? fallback;
  if (!model) throw new Error("the model table is empty");
  const body = { model: model.id, request: isJsonObject(entry.body) ? entry.body : {} };
  return { stream: true, model, body, signatures, nextNumber, cachedTokens: 0, wrapped: false };
}

function asAnswer(answer: Answer | string): Answer {
  return typeof answer === "string" ? turn(text(answer)) : answer;
}

function refusalReply(refusal: Refusal, entry: KeyLogEntry): Reply {
  entry.refusal = refusal;
  return jsonReply(refusal.status, refusal.body);
}

function jsonReply(status: number, body: JsonObject): Reply {
  return plainReply(status, JSON.stringify(body), { "content-type": "application/json; charset=UTF-8" });
}

function messageOf({ body }: Refusal): string {
  return isJsonObject(body["error"]) ? String(body["error"]["message"]) : "";
}
