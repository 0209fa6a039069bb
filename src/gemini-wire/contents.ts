import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { Content, FunctionResponse } from "../core/request.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import { callIds } from "./call-ids.ts";
import { type MediaLowering, mediaLowering } from "./media.ts";
import { nativeLowering } from "./native-parts.ts";
import { closeGaps, pairResults } from "./pairing.ts";
import type { ToolNames } from "./tool-names.ts";
import { buildTurns, type Call, resultAsParts, type UserItem } from "./turns.ts";
import type { WireContent } from "./wire-content.ts";

interface ContentRules {
  model: ModelProfile;
  names: ToolNames;
  keepThoughts: boolean;
  keepSignatures: boolean;
}

const NO_RESULT = "The call was interrupted; there is no result.";
const ANSWER_BEGINNING =
  "Your answer begins with the following text. Go on from exactly where it ends, without repeating it:";
const GO_ON = "Go on from exactly where your last message ends.";

/**
 * The conversation as upstream takes it: alternating turns that end with the user's; each turn of N calls followed at
 * once by one user turn that begins with the N results in the order of the calls. Empty when nothing was said.
 */
export function lowerContents(
  contents: readonly Content[],
  rules: ContentRules,
): { contents: WireContent[]; losses: Loss[] } {
  const losses: Loss[] = [];
  const media = mediaLowering(rules.model, losses);
  const native = nativeLowering(rules.model, losses);
  const built = buildTurns(contents, { ...rules, media, native, wireId: callIds() });
  const orphans = pairResults(built);

  const lowered: WireContent[] = [];
  let unanswered: readonly Call[] = [];
  for (const turn of closeGaps(built, orphans)) {
    if (turn.role === "model") {
      lowered.push({ role: "model", parts: distinctThoughts([...turn.thoughts, ...turn.parts, ...turn.callParts]) });
      unanswered = turn.calls;
    } else {
      const parts = resultParts(unanswered, rules.model, media);
      for (const item of turn.items) parts.push(...userParts(item, orphans, media));
      lowered.push({ role: "user", parts });
      unanswered = [];
    }
  }
  if (unanswered.length > 0) lowered.push({ role: "user", parts: resultParts(unanswered, rules.model, media) });

  endWithUser(lowered);
  beginWithUser(lowered, rules.model);
  return { contents: lowered, losses };
}

/**
 * Whether the conversation is inside a tool loop that Claude would refuse to go on thinking in: it ends with results,
 * and the loop's first model turn does not begin with thinking.
 */
export function loopBeganWithoutThinking(contents: readonly WireContent[]): boolean {
  if (!endsWithResults(contents)) return false;
  // A user turn that holds results goes on with the loop even when the user added words to them.
  const start = contents.findLastIndex(({ role, parts }) => role === "user" && !parts.some(isResult));
  const first = contents.slice(start + 1).find(({ role }) => role === "model");
  return first !== undefined && first.parts[0]?.["thought"] !== true;
}

/** Whether the last turn brings results of tools, alone or with the user's words. */
export function endsWithResults(contents: readonly WireContent[]): boolean {
  return contents.at(-1)?.parts.some(isResult) ?? false;
}

/** Turns that were joined may hold one thought twice, from before each of its calls; Claude wants it once. */
function distinctThoughts(parts: readonly JsonObject[]): JsonObject[] {
  const seen = new Set<unknown>();
  return parts.filter(({ thought, thoughtSignature }) => {
    if (thought !== true) return true;
    const isNew = !seen.has(thoughtSignature);
    seen.add(thoughtSignature);
    return isNew;
  });
}

function isResult(part: JsonObject): boolean {
  return "functionResponse" in part;
}

function resultParts(calls: readonly Call[], model: ModelProfile, media: MediaLowering): JsonObject[] {
  const responses: JsonObject[] = [];
  const trailing: JsonObject[] = [];
  for (const { wireId, wireName, result } of calls) {
    const inside: JsonObject[] = [];
    for (const attached of result?.media ?? []) {
      const part = media.part(attached, "user");
      // Only Gemini 3 takes media inside a response, and not all of it. Others want nothing between the responses.
      const nests = model.generation === "gemini-3" && isPageOrPicture(part["inlineData"]);
      (nests ? inside : trailing).push(part);
    }
    const functionResponse: JsonObject = { id: wireId, name: wireName, response: responseOf(result) };
    if (inside.length > 0) functionResponse["parts"] = inside;
    responses.push({ functionResponse });
  }
  return responses.concat(trailing);
}

function isPageOrPicture(inlineData: JsonValue | undefined): boolean {
  return isJsonObject(inlineData) && /^(?:image\/|application\/pdf$)/.test(String(inlineData["mimeType"]));
}

function responseOf(result: FunctionResponse | undefined): JsonObject {
  if (!result) return { error: NO_RESULT };
  return Object.keys(result.response).length === 0 ? { result: "" } : result.response;
}

function userParts(item: UserItem, orphans: ReadonlySet<FunctionResponse>, media: MediaLowering): JsonObject[] {
  if ("part" in item) return [item.part];
  return orphans.has(item.result) ? resultAsParts(item.result, media) : [];
}

// Upstream answers a user turn. Gemini never took a beginning of its own answer, Claude does not since 4.6.
function endWithUser(contents: WireContent[]): void {
  const last = contents.at(-1);
  if (last?.role !== "model") return;
  const texts = last.parts.map((part) => (Object.keys(part).length === 1 ? part["text"] : undefined));
  if (!texts.every((text) => typeof text === "string")) {
    // Signed parts are more than a beginning: they stay what the model said.
    contents.push({ role: "user", parts: [{ text: GO_ON }] });
    return;
  }
  contents.pop();
  const part = { text: `${ANSWER_BEGINNING}\n\n${texts.join("")}` };
  const before = contents.at(-1);
  if (before) before.parts.push(part);
  else contents.push({ role: "user", parts: [part] });
}

// Claude takes a conversation that begins with the assistant and refuses empty text; Gemini is the other way round.
function beginWithUser(contents: WireContent[], { family }: ModelProfile): void {
  if (contents[0]?.role !== "model" || family === "claude") return;
  contents.unshift({ role: "user", parts: [{ text: family === "gemini" ? "" : "(The conversation so far:)" }] });
}
