import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { jsonObjectIn, places } from "./prompt.ts";
import type { DemoRequest, DemoTool } from "./request.ts";
import { argumentsFor } from "./values.ts";
import type { ValueSource } from "./words.ts";

export interface PlannedCall {
  name: string;
  args: JsonObject;
}

const MAX_CALLS = 4;
/** Longer prompts are instructions of a client, not somebody asking for a tool in passing. */
const MAX_CASUAL_PROMPT = 600;
/** With so few tools on offer, one common word is reason enough. */
const FEW_TOOLS = 3;

const REFUSES_TOOLS =
  /\b(?:do not|don't|never|without)\s+(?:\w+\s+){0,3}tools?\b|\bno tools?\b|\b(?:text|plain text) only\b/i;
const IN_PARALLEL = /\bin parallel\b|\bparallel(?:ly)? calls?\b|\bat the same time\b|\bsimultaneously\b/i;

/**
 * The calls this prompt is worth: what it names ("use get_weather", "the Bash tool"), else, when `casual`, what its
 * words suggest. Mode ANY always yields at least one.
 */
export function planCalls(request: DemoRequest, source: ValueSource, casual: boolean): PlannedCall[] {
  const { mode, only } = request.calling;
  if (request.tools.length === 0 || mode === "NONE") return [];
  const { prompt } = source;
  const allowed = only ? request.tools.filter((tool) => only.includes(tool.name)) : request.tools;
  const forced = mode === "ANY";
  if (!forced && REFUSES_TOOLS.test(prompt)) return [];

  const named = allowed.filter((tool) => isNamed(tool.name, prompt)).slice(0, MAX_CALLS);
  if (named.length > 1) return named.map((tool) => call(tool, source));
  const suggested = named[0] ?? (casual || forced ? mostLikely(allowed, prompt) : undefined);
  const chosen = suggested ?? (forced ? allowed[0] : undefined);
  return chosen ? callsOf(chosen, source) : [];
}

/** One call, or one for each place the prompt lists, or two when it asks for parallel calls and lists nothing. */
function callsOf(tool: DemoTool, source: ValueSource): PlannedCall[] {
  const one = call(tool, source);
  const properties = tool.schema["properties"];
  const placeName = Object.keys(isJsonObject(properties) ? properties : {}).find((name) =>
    /city|location|place|town|country/i.test(name),
  );
  const listed = places(source.prompt).slice(0, MAX_CALLS);
  if (placeName !== undefined && listed.length > 1 && typeof one.args[placeName] === "string") {
    return listed.map((place) => ({ name: tool.name, args: { ...one.args, [placeName]: place } }));
  }
  return IN_PARALLEL.test(source.prompt) ? [one, { ...one, args: { ...one.args } }] : [one];
}

function call(tool: DemoTool, source: ValueSource): PlannedCall {
  return { name: tool.name, args: argumentsFor(tool.schema, source, spelledArguments(tool, source.prompt)) };
}

/** Arguments written out in the prompt as JSON after the tool's name: `Read {"file_path":"a.txt"}`. */
function spelledArguments(tool: DemoTool, prompt: string): JsonObject {
  const at = prompt.indexOf(tool.name);
  const spelled = at === -1 ? undefined : jsonObjectIn(prompt, at);
  if (!spelled) return {};
  const properties = tool.schema["properties"];
  return !isJsonObject(properties) || Object.keys(spelled).some((name) => name in properties) ? spelled : {};
}

/**
 * Whether the prompt asks for this tool by name. A name that is also a common word needs "use …" or "… tool" beside it.
 * A shell is also named by "run `…`".
 */
function isNamed(name: string, prompt: string): boolean {
  if (SHELL_NAME.test(name) && RUN_THIS.test(prompt)) return true;
  if (!prompt.toLowerCase().includes(name.toLowerCase())) return false;
  const literal = name.replace(/[^\w]/g, "\\$&");
  const bounded = `[\`"']?(?<![\\w-])${literal}(?![\\w-])[\`"']?`;
  const isDistinctive = /[_\d-]|[a-z][A-Z]/.test(name);
  return (
    (isDistinctive && new RegExp(bounded).test(prompt)) ||
    new RegExp(
      `\\b(?:use|call|invoke|run|using|via)\\s+(?:the\\s+)?(?:\\S+\\s*(?:,|and)\\s+){0,3}${bounded}`,
      "i",
    ).test(prompt) ||
    new RegExp(`${bounded}\\s+(?:tool|function)\\b`, "i").test(prompt) ||
    new RegExp(`(?<![a-zA-Z0-9-])${literal}\\s*[:(]?\\s*\\{`).test(prompt)
  );
}

const SHELL_NAME = /^(?:bash|shell|terminal|exec(?:_command)?|run_(?:shell_|terminal_)?(?:command|cmd))$/i;
const RUN_THIS = /\b(?:run|execute)\s+(?:the\s+)?(?:command\s+|script\s+)?`/i;

/** What people say when they mean a tool whose name has this word. */
const SHELL_HINTS = ["shell", "terminal", "command", "execute", "list", "ls", "file", "directory", "folder"];
const HINTS: Record<string, readonly string[]> = {
  bash: SHELL_HINTS,
  shell: SHELL_HINTS,
  exec: SHELL_HINTS,
  command: SHELL_HINTS,
  terminal: SHELL_HINTS,
  read: ["open", "show", "view", "cat", "file"],
  search: ["find", "look", "google"],
  grep: ["search", "find"],
  fetch: ["url", "http", "website", "page", "download"],
  weather: ["forecast", "temperature", "rain", "sunny"],
};

const wordSet = (words: string): ReadonlySet<string> => new Set(words.split(" "));

/** Words without a meaning of their own. */
const FILLERS = wordSet(
  "a an the of for to in on at by with from and or is are be it this that you your can will use used user tool get set " +
    "do new given current return information data what which how when one make any all",
);
/** Words of tools that occur in any prompt: they suggest nothing. */
const VAGUE = wordSet(
  "agent skill workflow task todo plan mode question answer text word message output input call function name",
);
/** Tools that change something are called only when they are named. */
const CHANGES_SOMETHING = wordSet(
  "write edit create delete remove drop kill stop reset send post put push deploy move rename update insert patch apply buy pay",
);

function mostLikely(tools: readonly DemoTool[], prompt: string): DemoTool | undefined {
  if (prompt.length > MAX_CASUAL_PROMPT) return undefined;
  const spoken = new Set(wordsOf(prompt));
  const enough = tools.length <= FEW_TOOLS ? 1 : 2;
  let best: { tool: DemoTool; score: number } | undefined;
  for (const tool of tools) {
    const score = likelihood(tool, spoken);
    if (score >= enough && score > (best?.score ?? 0)) best = { tool, score };
  }
  return best?.tool;
}

function likelihood(tool: DemoTool, spoken: ReadonlySet<string>): number {
  const name = wordsOf(tool.name);
  if (name.length === 0 || name.some((word) => CHANGES_SOMETHING.has(word))) return 0;
  const count = (words: readonly string[]) =>
    new Set(words.filter((word) => spoken.has(word) && !VAGUE.has(word))).size;
  const hints = name.flatMap((word) => HINTS[word] ?? []);
  const description = wordsOf(tool.description.slice(0, 160)).filter(
    (word) => !name.includes(word) && !hints.includes(word),
  );
  return (3 * count(name)) / name.length + 1.5 * count(hints) + Math.min(count(description), 2);
}

/** Lower-case words without plurals and without fillers. */
function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => (word.length > 3 ? word.replace(/s$/, "") : word))
    .filter((word) => word.length > 1 && !FILLERS.has(word));
}
