import { isAbsent, textOf, toolArguments } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { splitMediaText } from "../../core/media-text.ts";
import type { Effort, FunctionResponse, Part } from "../../core/request.ts";
import { toolResult } from "../../core/tool-result.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { checkBlock, checkSource, checkToolChange } from "./check.ts";
import { type AttachmentKind, readSource } from "./media.ts";
import { invalid } from "./report.ts";

type Role = "user" | "assistant" | "system";

/** A change to the declared tools, made in the middle of a conversation. */
export type ToolChange =
  | { type: "add"; definition: unknown; field: string }
  | { type: "restore"; name: string }
  | { type: "remove"; name: string };

export interface ContentReader {
  losses: LossList;
  /** Receives the tool changes met on the way, in order. */
  toolChanges: ToolChange[];
}

/** Effort set by a message for the turns after it. */
export interface MessageEffort {
  effort: Effort;
  field: string;
}

/** Reads `content`: a text, a list of blocks, or nothing. Empty texts are left out. */
export function readContent(content: unknown, role: Role, field: string, reader: ContentReader): Part[] {
  const parts: Part[] = [];
  if (content === undefined || content === null) return parts;
  if (typeof content === "string") {
    pushText(textOf(content), role, parts);
    return parts;
  }
  if (!Array.isArray(content)) throw invalid(field, "Input should be a valid list");
  for (const [index, block] of content.entries()) readBlock(block, role, `${field}[${index}]`, reader, parts);
  return parts;
}

function readBlock(block: unknown, role: Role, field: string, reader: ContentReader, parts: Part[]): void {
  if (typeof block === "string") return pushText(textOf(block), role, parts);
  if (!isJsonObject(block)) throw invalid(field, "Input should be an object");
  checkBlock(block, field, reader.losses);
  switch (block["type"]) {
    case "text":
      return pushText(textOf(block["text"]), role, parts);
    case "thinking":
      mustBe("assistant", role, "thinking", field);
      return pushThinking(block, parts);
    case "tool_use":
      mustBe("assistant", role, "tool_use", field);
      parts.push({
        functionCall: {
          id: requiredText(block, "id", field),
          name: requiredText(block, "name", field),
          args: toolArguments(block["input"]),
        },
      });
      return;
    case "tool_result":
      mustBe("user", role, "tool_result", field);
      parts.push({ functionResponse: readToolResult(block, field, reader) });
      return;
    case "image":
      return readAttachment(block, IMAGE, role, field, reader, parts);
    case "document":
      return readDocument(block, role, field, reader, parts);
    case "search_result":
      return pushText(textOf(readable([block["title"], block["source"], block["content"]])), role, parts);
    case "tool_reference":
      // Tool search found this tool. All tools are declared from the start, so the model only needs to hear the name.
      return pushText(`Tool loaded: ${textOf(block["tool_name"])}`, role, parts);
    case "tool_addition":
      return addTool(block, field, reader);
    case "tool_removal":
      return removeTool(block, field, reader);
    case "compaction":
      return readCompaction(block, role, field, reader, parts);
    case "web_search_tool_result":
      return readSearchResult(block, role, parts);
    case "mcp_tool_result":
    case "web_fetch_tool_result":
    case "code_execution_tool_result":
    case "bash_code_execution_tool_result":
    case "text_editor_code_execution_tool_result":
    case "advisor_tool_result":
      return pushText(textOf(readable(block["content"])), role, parts);
    case "server_tool_use":
    case "mcp_tool_use":
    case "redacted_thinking":
    case "tool_search_tool_result":
    case "mcp_tool_listing":
    case "fallback":
    case "container_upload":
    case "browser_state":
      return;
    default:
      return readUnknown(block, role, field, reader, parts);
  }
}

/** A search that failed left nothing. */
function readSearchResult({ content }: JsonObject, role: Role, parts: Part[]): void {
  if (!Array.isArray(content)) return;
  // A page without a title has its address in both places.
  const pages = content.map((page) => (isJsonObject(page) && page["title"] === page["url"] ? page["url"] : page));
  pushText(textOf(readable(pages)), role, parts);
}

function mustBe(wanted: Role, role: Role, type: string, field: string): void {
  if (role !== wanted) throw invalid(field, `${type} blocks can only be in ${wanted} messages`);
}

function requiredText(block: JsonObject, name: string, field: string): string {
  const value = block[name];
  if (isAbsent(value) || value === "") throw invalid(`${field}.${name}`, "Field required");
  if (typeof value !== "string") throw invalid(`${field}.${name}`, "Input should be a valid string");
  return value;
}

function pushText(text: string, role: Role, parts: Part[]): void {
  if (role === "assistant") parts.push(...splitMediaText(text));
  else if (text !== "") parts.push({ text });
}

/** With `display: "omitted"` the text comes back empty and the signature alone stands for the block. */
function pushThinking(block: JsonObject, parts: Part[]): void {
  const text = textOf(block["thinking"]);
  const signature = block["signature"];
  if (typeof signature === "string" && signature !== "" && !isAbsent(signature)) {
    parts.push({ text, thought: true, thoughtSignature: signature });
  } else if (text !== "") {
    parts.push({ text, thought: true });
  }
}

function readToolResult(block: JsonObject, field: string, reader: ContentReader): FunctionResponse {
  const content = block["content"];
  const parts =
    typeof content === "object"
      ? readContent(isJsonObject(content) ? [content] : content, "user", `${field}.content`, reader)
      : [{ text: textOf(content) }];
  const id = requiredText(block, "tool_use_id", field);
  return { id, name: "", ...toolResult(parts, block["is_error"] === true ? "error" : "result") };
}

const IMAGE: AttachmentKind = { otherwise: "image/png", expected: "image/*" };
const DOCUMENT: AttachmentKind = { otherwise: "application/pdf" };

function readDocument(block: JsonObject, role: Role, field: string, reader: ContentReader, parts: Part[]): void {
  const about: string[] = [];
  if (!isAbsent(block["title"])) about.push(`Document title: ${textOf(block["title"])}`);
  if (!isAbsent(block["context"])) about.push(`Document context: ${textOf(block["context"])}`);
  pushText(about.join("\n"), role, parts);
  readAttachment(block, DOCUMENT, role, field, reader, parts);
}

function readAttachment(
  block: JsonObject,
  kind: AttachmentKind,
  role: Role,
  field: string,
  reader: ContentReader,
  parts: Part[],
): void {
  if (isJsonObject(block["source"])) checkSource(block["source"], `${field}.source`, reader.losses);
  const source = readSource(block["source"], `${field}.source`, kind);
  switch (source.type) {
    case "blob":
      parts.push({ inlineData: source.blob });
      return;
    case "remote":
      parts.push({ remote: source.media });
      return;
    case "text":
      return pushText(source.text, role, parts);
    case "blocks":
      parts.push(...readContent(source.content, role, `${field}.source.content`, reader));
      return;
    default:
      source satisfies never;
  }
}

function changedTool({ tool }: JsonObject, field: string, { losses }: ContentReader): JsonObject {
  if (!isJsonObject(tool)) throw invalid(`${field}.tool`, "Input should be an object");
  checkToolChange(tool, `${field}.tool`, losses);
  return tool;
}

function addTool(block: JsonObject, field: string, reader: ContentReader): void {
  const tool = changedTool(block, field, reader);
  if (tool["type"] === "tool_definition") {
    reader.toolChanges.push({ type: "add", definition: tool["definition"], field: `${field}.tool.definition` });
  } else if (tool["type"] === "tool_reference") {
    reader.toolChanges.push({ type: "restore", name: requiredText(tool, "name", `${field}.tool`) });
  }
  // References to MCP tools need no word: the servers themselves are reported as lost.
}

function removeTool(block: JsonObject, field: string, reader: ContentReader): void {
  const tool = changedTool(block, field, reader);
  if (tool["type"] === "tool_reference") {
    reader.toolChanges.push({ type: "remove", name: requiredText(tool, "name", `${field}.tool`) });
  }
}

function readCompaction(block: JsonObject, role: Role, field: string, reader: ContentReader, parts: Part[]): void {
  const summary = textOf(block["content"]);
  if (summary === "") reader.losses.add(field, "encrypted summaries can be read by their own service only");
  pushText(summary, role, parts);
  const changes = block["tool_changes"];
  if (!isAbsent(changes)) readContent(changes, "system", `${field}.tool_changes`, reader);
}

/** Clients gain new block types before this gateway does: their text is better than a refused conversation. */
function readUnknown(block: JsonObject, role: Role, field: string, reader: ContentReader, parts: Part[]): void {
  const text = textOf(block["text"]);
  pushText(text, role, parts);
  if (isAbsent(block["type"]) && text !== "") return;
  reader.losses.add(field, text === "" ? "unknown content is left out" : "unknown content is kept as its text");
}

const READABLE_FIELDS = ["title", "url", "text", "stdout", "stderr", "content", "lines", "error_code"];

/** What a person could read in a server tool's result, one piece a line. */
function readable(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(readable).filter(Boolean).join("\n");
  if (!isJsonObject(value)) return "";
  const pieces = READABLE_FIELDS.map((name) => readable(value[name]));
  const source = value["source"];
  if (isJsonObject(source) && source["type"] === "text") pieces.push(textOf(source["data"]));
  return pieces.filter(Boolean).join("\n");
}
