import { isAbsent, textOf } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { Content } from "../../core/request.ts";
import { isJsonObject } from "../../lib/json.ts";
import { checkMessage, checkSystemBlock } from "./check.ts";
import { readContent, type ContentReader, type MessageEffort, type ToolChange } from "./content.ts";
import { invalid } from "./report.ts";
import type { Body, Message } from "./schema.ts";

interface Conversation {
  system: string[];
  contents: Content[];
  /** In the order in which the conversation made them. */
  toolChanges: ToolChange[];
  /** The last effort a message asked for. */
  effort?: MessageEffort;
}

/**
 * Reads `system` and `messages`.
 *
 * System messages that stand before the first answer join the system texts. Later ones stay where they are, as user
 * text: moved to the front they would change the prefix that the upstream has cached, and every turn would be paid in
 * full. A message that will be cleared later is left in its place for the same reason.
 */
export function readConversation(body: Body, losses: LossList): Conversation {
  const reader: ContentReader = { losses, toolChanges: [] };
  const system = readSystem(body.system, losses);
  const early: string[] = [];
  const contents: Content[] = [];
  let effort: MessageEffort | undefined;
  let answered = false;

  for (const [index, message] of body.messages.entries()) {
    const field = `messages[${index}]`;
    checkMessage(message, field, losses);
    const asked = message.output_config?.effort;
    if (asked !== undefined) effort = { effort: asked, field: `${field}.output_config.effort` };

    if (message.role === "user" || message.role === "assistant") {
      answered ||= message.role === "assistant";
      const parts = readContent(message.content, message.role, `${field}.content`, reader);
      if (parts.length > 0) contents.push({ role: message.role === "user" ? "user" : "model", parts });
      continue;
    }
    const parts = readContent(message.content, "system", `${field}.content`, reader)
      .map((part) => (part.text === undefined ? part : { ...part, text: withoutBillingHeader(part.text) }))
      .filter((part) => part.text !== "");
    if (isCleared(message, index, body.messages)) continue;
    if (parts.length === 0) continue;
    const texts = parts.flatMap(({ text }) => text ?? []);
    const staysInPlace = answered || message.clear_at === "next_user_message" || texts.length < parts.length;
    if (staysInPlace) contents.push({ role: "user", parts });
    else early.push(...texts);
  }

  if (contents.length > 0) {
    system.push(...early);
  } else {
    // Instructions alone are a request too, but the upstream wants a user's turn.
    if (early.length === 0) throw invalid("messages", "at least one message must have non-empty content");
    contents.push({ role: "user", parts: early.map((text) => ({ text })) });
  }
  return { system, contents, toolChanges: reader.toolChanges, ...(effort ? { effort } : {}) };
}

/** A message for one user turn disappears once the next user message exists. */
function isCleared(message: Message, index: number, messages: readonly Message[]): boolean {
  if (message.clear_at !== "next_user_message") return false;
  return messages.slice(index + 1).some(({ role }) => role === "user");
}

function readSystem(system: unknown, losses: LossList): string[] {
  if (isAbsent(system)) return [];
  if (typeof system === "string") return [textOf(system)].map(withoutBillingHeader).filter(Boolean);
  if (!Array.isArray(system)) throw invalid("system", "Input should be a valid list");
  return system
    .map((block, index) => {
      if (typeof block === "string") return textOf(block);
      if (isJsonObject(block) && "text" in block) {
        checkSystemBlock(block, `system[${index}]`, losses);
        return textOf(block);
      }
      throw invalid(`system[${index}].text`, "Field required");
    })
    .map(withoutBillingHeader)
    .filter(Boolean);
}

// Claude Code's first system text differs in every request; sent on, it would make the upstream's cache useless.
const BILLING_HEADER = /^x-anthropic-billing-header:[^\n]*\n*/;

function withoutBillingHeader(text: string): string {
  return text.replace(BILLING_HEADER, "");
}
