import { isAbsent, textOf, toolArguments } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { splitMediaText } from "../../core/media-text.ts";
import type { Effort, FunctionResponse, Part } from "../../core/request.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { readSource } from "./media.ts";
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
      noteTransformations(block, field, reader.losses);
      return readAttachment(block, "image/png", role, field, reader, parts);
    case "document":
      return readDocument(block, role, field, reader, parts);
    case "search_result":
      noteCitations(block, field, reader.losses);
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
    case "mcp_tool_result":
    case "web_search_tool_result":
    case "web_fetch_tool_result":
    case "code_execution_tool_result":
    case "bash_code_execution_tool_result":
    case "text_editor_code_execution_tool_result":
    case "advisor_tool_result":
      reader.losses.add(field, "results of server tools are kept as plain text");
      return pushText(textOf(readable(block["content"])), role, parts);
    case "server_tool_use":
    case "mcp_tool_use":
      return reader.losses.add(field, "calls of server tools are left out of the history");
    case "redacted_thinking": // readable by the service that wrote it, by no other
    case "tool_search_tool_result": // all tools are declared anyway
    case "mcp_tool_listing":
    case "fallback":
      return;
    case "container_upload":
      return reader.losses.add(field, "there is no container to upload files to");
    default:
      return readUnknown(block, role, field, reader, parts);
  }
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
  const result = parts.flatMap(({ text }) => (text === undefined ? [] : [text])).join("\n");
  const media = parts.flatMap(({ inlineData }) => inlineData ?? []);
  return {
    id: requiredText(block, "tool_use_id", field),
    name: "",
    response: block["is_error"] === true ? { error: result } : { result },
    ...(media.length > 0 ? { media } : {}),
  };
}

function readDocument(block: JsonObject, role: Role, field: string, reader: ContentReader, parts: Part[]): void {
  noteCitations(block, field, reader.losses);
  const about: string[] = [];
  if (!isAbsent(block["title"])) about.push(`Document title: ${textOf(block["title"])}`);
  if (!isAbsent(block["context"])) about.push(`Document context: ${textOf(block["context"])}`);
  pushText(about.join("\n"), role, parts);
  readAttachment(block, "application/pdf", role, field, reader, parts);
}

function readAttachment(
  block: JsonObject,
  otherwise: string,
  role: Role,
  field: string,
  reader: ContentReader,
  parts: Part[],
): void {
  const source = readSource(block["source"], `${field}.source`, otherwise);
  switch (source.type) {
    case "blob":
      parts.push({ inlineData: source.blob });
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

function noteCitations(block: JsonObject, field: string, losses: LossList): void {
  const citations = block["citations"];
  if (isJsonObject(citations) && citations["enabled"] === true) {
    losses.add(`${field}.citations`, "answers carry no citations");
  }
}

function noteTransformations(block: JsonObject, field: string, losses: LossList): void {
  const transformations = block["transformations"];
  if (isJsonObject(transformations) && transformations["oversized_image"] === "error") {
    losses.add(`${field}.transformations`, "the size of images is not checked");
  }
}

function addTool(block: JsonObject, field: string, reader: ContentReader): void {
  const tool = block["tool"];
  if (!isJsonObject(tool)) throw invalid(`${field}.tool`, "Input should be an object");
  if (tool["type"] === "tool_definition") {
    reader.toolChanges.push({ type: "add", definition: tool["definition"], field: `${field}.tool.definition` });
  } else if (tool["type"] === "tool_reference") {
    reader.toolChanges.push({ type: "restore", name: requiredText(tool, "name", `${field}.tool`) });
  }
  // References to MCP tools need no word: the servers themselves are reported as lost.
}

function removeTool(block: JsonObject, field: string, reader: ContentReader): void {
  const tool = block["tool"];
  if (!isJsonObject(tool)) throw invalid(`${field}.tool`, "Input should be an object");
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
