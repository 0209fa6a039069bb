import { thinkingIsOn } from "./rules-config.ts";
import { responsesOf } from "./rules-calls.ts";
import { refuse, refuseAsAnthropic } from "./refusal.ts";
import { SENTINELS, type IssuedSignatures, type SignedKind } from "./issued-signatures.ts";
import type { ServedModel } from "./model-table.ts";
import type { WireContent, WirePart, WireRequest } from "./wire-types.ts";

/** Thinking parts and signatures in the history, by the rules of the target's family. */
export function checkThinking(request: WireRequest, model: ServedModel, signatures: IssuedSignatures): void {
  const contents = request.contents ?? [];
  switch (model.family) {
    case "claude":
      return checkClaude(request, contents, signatures);
    case "gemini":
      return checkGemini(contents, model, signatures);
    case "gpt-oss":
      return checkGptOss(contents);
    default:
      model.family satisfies never;
  }
}

/** The loop begins after the last user turn that says or shows something and answers no call; -1 when there is none. */
export function loopBoundary(contents: readonly WireContent[]): number {
  return contents.findLastIndex(
    (content) =>
      content.role === "user" &&
      responsesOf(content).length === 0 &&
      content.parts?.some((part) => part.text || part.inlineData || part.fileData),
  );
}

function checkClaude(request: WireRequest, contents: readonly WireContent[], signatures: IssuedSignatures): void {
  const on = thinkingIsOn(request);
  contents.forEach((content, index) => {
    if (content.role !== "model") return;
    content.parts?.forEach((part, position) => {
      const where = `messages.${index}.content.${position}`;
      if (part.thought === true) return checkClaudeThought(part, where, on, signatures);
      if (part.thoughtSignature !== undefined) {
        refuseAsAnthropic(
          "claude-signature-place",
          `${where}: Invalid \`signature\`: only \`thinking\` blocks carry one`,
        );
      }
    });
    checkClaudeOrder(content, index);
    if (content.parts?.at(-1)?.thought === true) {
      refuseAsAnthropic(
        "claude-thinking-last",
        `messages.${index}: The final block in an assistant message cannot be \`thinking\`.`,
      );
    }
    if (holdsThoughtTwice(content)) {
      refuseAsAnthropic("thought-twice", `messages.${index}: \`thinking\` blocks cannot be modified.`);
    }
  });
  if (on) checkClaudeEnd(contents);
}

function checkClaudeThought(part: WirePart, where: string, on: boolean, signatures: IssuedSignatures): void {
  if (!on) {
    refuseAsAnthropic(
      "thought-while-off",
      `${where}: When thinking is disabled, an \`assistant\` message cannot contain \`thinking\``,
    );
  }
  if (!part.text) refuseAsAnthropic("thought-empty", `${where}.thinking.thinking: Field required`);
  if (part.thoughtSignature === undefined) {
    refuseAsAnthropic("thought-unsigned", `${where}.thinking.signature: Field required`);
  }
  const issued = signatures.find(part.thoughtSignature);
  if (issued?.family !== "claude" || issued.kind !== "thinking" || issued.text !== part.text) {
    refuseAsAnthropic("claude-signature", `${where}: Invalid \`signature\` in \`thinking\` block`);
  }
}

/** One signature stands for one thought; a second copy of it was never part of the turn. */
function holdsThoughtTwice(content: WireContent): boolean {
  const signatures =
    content.parts?.flatMap((part) => (part.thought === true ? (part.thoughtSignature ?? []) : [])) ?? [];
  const genuine = signatures.filter((signature) => !SENTINELS.has(signature));
  return new Set(genuine).size !== genuine.length;
}

/** Thinking, then text (or media), then calls. */
function checkClaudeOrder(content: WireContent, index: number): void {
  let rank = 0;
  content.parts?.forEach((part, position) => {
    const next = part.thought === true ? 0 : part.functionCall ? 2 : 1;
    if (next < rank) {
      const found = rank === 2 ? "tool_use" : "text";
      const expected = next === 0 ? "`thinking` or `redacted_thinking`" : "`text` before `tool_use`";
      refuseAsAnthropic(
        "claude-part-order",
        `messages.${index}.content.${position}.type: Expected ${expected}, but found \`${found}\` before it. When \`thinking\` is enabled, an \`assistant\` message must start with a thinking block.`,
      );
    }
    rank = next;
  });
}

function checkClaudeEnd(contents: readonly WireContent[]): void {
  const last = contents.at(-1);
  if (last?.role === "model") {
    refuseAsAnthropic(
      "claude-prefill-thinking",
      "Your API request included an `assistant` message in the final position, which would pre-fill the response. Pre-filling is not supported when thinking is enabled.",
    );
  }
  if (responsesOf(last).length === 0) return;
  const first = contents.findIndex((content, index) => index > loopBoundary(contents) && content.role === "model");
  if (contents[first]?.parts?.[0]?.thought === true) return;
  const found = contents[first]?.parts?.[0]?.functionCall ? "tool_use" : "text";
  refuseAsAnthropic(
    "claude-loop-without-thinking",
    `messages.${first}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${found}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block.`,
  );
}

function checkGemini(contents: readonly WireContent[], model: ServedModel, signatures: IssuedSignatures): void {
  const boundary = loopBoundary(contents);
  contents.forEach((content, index) => {
    if (content.role !== "model") return;
    let firstCall = true;
    content.parts?.forEach((part, position) => {
      const where = `contents[${index}].parts[${position}]`;
      if (part.thoughtSignature !== undefined) checkGeminiSignature(part, part.thoughtSignature, where, signatures);
      if (!part.functionCall) return;
      if (firstCall && part.thoughtSignature === undefined && index > boundary && model.generation === "gemini-3") {
        refuse(
          "call-unsigned",
          `Function call is missing a thought_signature in functionCall parts. Function call \`${part.functionCall.name}\`, position ${position + 1}.`,
        );
      }
      if (!firstCall && part.thoughtSignature !== undefined) {
        refuse("sibling-signed", `${where}: only the first function call of a turn carries a thought_signature.`);
      }
      firstCall = false;
    });
    if (holdsThoughtTwice(content)) refuse("thought-twice", `contents[${index}]: Corrupted thought signature.`);
  });
}

function checkGeminiSignature(part: WirePart, signature: string, where: string, signatures: IssuedSignatures): void {
  const kind = kindOf(part);
  if (SENTINELS.has(signature)) {
    if (kind === "call" || kind === "thinking") return;
    refuse("sentinel-place", `${where}: Corrupted thought signature.`);
  }
  const issued = signatures.find(signature);
  const known = issued?.family === "gemini" && issued.kind === kind;
  const right = kind !== "call" || issued?.callName === part.functionCall?.name;
  if (!known || !right) refuse("gemini-signature", `${where}: Corrupted thought signature.`);
}

function kindOf(part: WirePart): SignedKind {
  if (part.functionCall) return "call";
  if (part.inlineData) return "media";
  return part.thought === true ? "thinking" : "text";
}

function checkGptOss(contents: readonly WireContent[]): void {
  for (const part of contents.flatMap((content) => content.parts ?? [])) {
    if (part.thought === true) refuse("gpt-oss-thought", "Thought parts are not supported by this model.");
    if (part.thoughtSignature !== undefined)
      refuse("gpt-oss-signature", "thought_signature is not supported by this model.");
  }
}
