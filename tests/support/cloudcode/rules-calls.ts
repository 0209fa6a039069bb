import { checkMedia } from "./rules-contents.ts";
import { refuse, refuseAsAnthropic } from "./refusal.ts";
import type { ServedModel } from "./model-table.ts";
import type { WireContent, WireFunctionCall, WireFunctionResponse, WireRequest } from "./wire-types.ts";

/** What both families take as a function's name. */
export const FUNCTION_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const CALL_ID = /^[a-zA-Z0-9_-]+$/;

/** Pairing, order, ids and names of calls and responses. */
export function checkCalls(request: WireRequest, model: ServedModel): void {
  const contents = request.contents ?? [];
  contents.forEach((content, index) => {
    const calls = callsOf(content);
    const responses = responsesOf(content);
    if (content.role === "user" && calls.length > 0)
      refuse("call-in-user-turn", `contents[${index}]: function calls belong to the model.`);
    if (content.role === "model" && responses.length > 0) {
      refuse("response-in-model-turn", `contents[${index}]: function responses belong to the user.`);
    }
    calls.forEach((call, position) => checkCall(call, model, index, position));
    if (calls.length > 0) checkDuplicates(calls, index);
    for (const response of responses) checkResponse(response, model, index);
  });
  contents.forEach((content, index) => {
    const calls = callsOf(content);
    const responses = responsesOf(content);
    if (calls.length > 0) checkAnswered(calls, contents[index + 1], model, index);
    if (responses.length > 0) checkAnswers(content, contents[index - 1], model, index);
  });
  if (model.family === "claude") checkIdsOfConversation(contents);
}

export function callsOf(content: WireContent | undefined): WireFunctionCall[] {
  return content?.parts?.flatMap((part) => part.functionCall ?? []) ?? [];
}

export function responsesOf(content: WireContent | undefined): WireFunctionResponse[] {
  return content?.parts?.flatMap((part) => part.functionResponse ?? []) ?? [];
}

function checkCall(call: WireFunctionCall, model: ServedModel, index: number, position: number): void {
  checkName(call.name, `contents[${index}].function_call`);
  checkId(call.id, model, `messages.${index}.content.${position}.tool_use.id`);
  if (call.args === undefined && model.family === "claude") {
    refuseAsAnthropic("call-args-missing", `messages.${index}.content.${position}.tool_use.input: Field required`);
  }
}

function checkResponse(response: WireFunctionResponse, model: ServedModel, index: number): void {
  const where = `contents[${index}].function_response`;
  checkName(response.name, where);
  checkId(response.id, model, `messages.${index}.content.tool_result.tool_use_id`);
  if (response.response === undefined)
    refuse("response-missing", `* GenerateContentRequest.${where}.response: required`);
  if (Object.keys(response.response).length === 0) {
    refuse("response-empty", `* GenerateContentRequest.${where}.response: must not be empty.`);
  }
  if (!response.parts) return;
  if (model.generation !== "gemini-3") {
    refuse("response-parts", `${where}.parts: multimodal function responses are not supported by ${model.id}.`);
  }
  if (response.parts.length === 0) refuse("response-parts-empty", `${where}.parts must not be empty.`);
  for (const part of response.parts) {
    if (!part.inlineData)
      refuse("part-without-data", `${where}.parts: required oneof field 'data' must have one initialized field`);
    checkMedia(part.inlineData, model, where, false);
    if (!/^(?:image\/|application\/pdf$)/.test(part.inlineData.mimeType ?? "")) {
      refuse("response-parts-media", `${where}.parts: only images and PDF are supported in function responses.`);
    }
  }
}

function checkName(name: string | undefined, where: string): void {
  if (!name) refuse("function-name-missing", `* GenerateContentRequest.${where}.name: Name cannot be empty.`);
  if (!FUNCTION_NAME.test(name))
    refuse("function-name", `* GenerateContentRequest.${where}.name: Invalid function name.`);
}

function checkId(id: string | undefined, model: ServedModel, where: string): void {
  if (id === undefined) {
    if (model.family === "claude") refuseAsAnthropic("id-missing", `${where}: Field required`);
    return;
  }
  if (!CALL_ID.test(id)) refuseAsAnthropic("id-charset", `${where}: String should match pattern '^[a-zA-Z0-9_-]+$'`);
}

function checkDuplicates(calls: readonly WireFunctionCall[], index: number): void {
  const ids = calls.flatMap((call) => call.id ?? []);
  if (new Set(ids).size !== ids.length) {
    refuseAsAnthropic("id-duplicate", `messages.${index}.content: \`tool_use\` ids must be unique`);
  }
}

/** Claude wants an id to name one call in the whole conversation. */
function checkIdsOfConversation(contents: readonly WireContent[]): void {
  const seen = new Set<string>();
  contents.forEach((content, index) => {
    for (const { id } of callsOf(content)) {
      if (id === undefined) continue;
      if (seen.has(id)) refuseAsAnthropic("id-reused", `messages.${index}.content: \`tool_use\` ids must be unique`);
      seen.add(id);
    }
  });
}

/** N calls: the next content begins with exactly their N responses, in the same order. */
function checkAnswered(
  calls: readonly WireFunctionCall[],
  next: WireContent | undefined,
  model: ServedModel,
  index: number,
): void {
  const responses = responsesOf(next);
  if (next?.role !== "user" || responses.length < calls.length) refuseUnanswered(calls, model, index);
  const begins = next.parts?.slice(0, calls.length).every((part) => part.functionResponse) ?? false;
  if (!begins) {
    if (model.family === "claude") refuseUnanswered(calls, model, index, "response-not-first");
    refuse(
      "response-not-first",
      "Please ensure that function response parts come before any other part of their turn.",
    );
  }
  if (responses.length > calls.length) {
    refuse(
      "response-count",
      "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    );
  }
  calls.forEach((call, position) => {
    const response = responses[position];
    if (call.id !== response?.id) {
      if (model.family === "claude") refuseUnanswered(calls, model, index, "response-id");
      refuse("response-id", `contents[${index + 1}].parts[${position}]: function response id does not match its call.`);
    }
    if (call.name !== response?.name) {
      refuse(
        "response-name",
        `contents[${index + 1}].parts[${position}]: function response name does not match its call.`,
      );
    }
  });
}

function refuseUnanswered(
  calls: readonly WireFunctionCall[],
  model: ServedModel,
  index: number,
  rule = "call-unanswered",
): never {
  if (model.family === "claude") {
    const ids = calls.map((call) => call.id ?? "").join(", ");
    refuseAsAnthropic(
      rule,
      `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    );
  }
  refuse(
    rule,
    "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
  );
}

function checkAnswers(
  content: WireContent,
  previous: WireContent | undefined,
  model: ServedModel,
  index: number,
): void {
  if (previous?.role === "model" && callsOf(previous).length > 0) return;
  if (model.family === "claude") {
    const id = responsesOf(content)[0]?.id ?? "";
    refuseAsAnthropic(
      "response-orphan",
      `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
    );
  }
  refuse("response-orphan", "Please ensure that function response turn comes immediately after a function call turn.");
}
