import { isAbsent, textOf, toolArguments } from "../../core/lenient.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";

/**
 * A tool that clients run but do not declare: OpenAI's models know it by its type. Other models are shown a function, and
 * its calls go back as the kind of item that the client expects.
 */
export interface ClientTool {
  /** The function's name, and the tool's `type`. */
  name: "local_shell" | "shell" | "apply_patch" | "tool_search";
  description: string;
  schema: JsonObject;
  callType: string;
  outputType: string;
  idPrefix: string;
  /** What the item of a call says beside its ids. Models do not always keep to the schema. */
  callFields(args: JsonObject): JsonObject;
  /** The reverse. */
  callArguments(item: Fields): JsonObject;
}

type Fields = Readonly<Record<string, unknown>>;

const text = (description: string): JsonObject => ({ type: "string", description });
const whole = (description: string): JsonObject => ({ type: "integer", description });
const texts = (description: string): JsonObject => ({ type: "array", items: { type: "string" }, description });

/** Without `required`, none is. */
function objectOf(properties: JsonObject, ...required: string[]): JsonObject {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

const LOCAL_SHELL: ClientTool = {
  name: "local_shell",
  description: "Runs a command on the user's machine and returns its output.",
  schema: objectOf(
    {
      command: texts("The program and its arguments, one element each."),
      working_directory: text("Where to run it."),
      timeout_ms: whole("After how many milliseconds to give up."),
    },
    "command",
  ),
  callType: "local_shell_call",
  outputType: "local_shell_call_output",
  idPrefix: "lsh_",
  callFields({ command, working_directory: directory, timeout_ms: timeout }) {
    return {
      action: {
        type: "exec",
        // A whole line needs a shell to take it apart.
        command: typeof command === "string" ? ["bash", "-lc", command] : textList(command),
        env: {},
        ...(typeof directory === "string" && { working_directory: directory }),
        ...(typeof timeout === "number" && { timeout_ms: timeout }),
      },
    };
  },
  callArguments: ({ action }) => only(action, ["command", "working_directory", "timeout_ms"]),
};

const SHELL: ClientTool = {
  name: "shell",
  description: "Runs shell commands on the user's machine and returns their output.",
  schema: objectOf(
    {
      commands: texts("Command lines; they are run one after the other or at the same time."),
      timeout_ms: whole("After how many milliseconds to give up."),
      max_output_length: whole("How many characters of output to return at most."),
    },
    "commands",
  ),
  callType: "shell_call",
  outputType: "shell_call_output",
  idPrefix: "sh_",
  callFields({ commands, timeout_ms: timeout, max_output_length: longest }) {
    return {
      action: {
        commands: typeof commands === "string" ? [commands] : textList(commands),
        timeout_ms: typeof timeout === "number" ? timeout : null,
        max_output_length: typeof longest === "number" ? longest : null,
      },
      environment: { type: "local" },
    };
  },
  callArguments: ({ action }) => only(action, ["commands", "timeout_ms", "max_output_length"]),
};

const OPERATIONS = ["create_file", "update_file", "delete_file"];

const APPLY_PATCH: ClientTool = {
  name: "apply_patch",
  description:
    "Creates, changes or deletes one file. A diff is in the V4A format: sections that begin with `@@`, and lines that begin " +
    "with ` ` where they stay, `-` where they go and `+` where they are new. The diff of a new file has `+` lines only.",
  schema: objectOf(
    {
      type: { type: "string", enum: OPERATIONS },
      path: text("The file."),
      diff: text("What changes; left out to delete the file."),
    },
    "type",
    "path",
  ),
  callType: "apply_patch_call",
  outputType: "apply_patch_call_output",
  idPrefix: "apc_",
  callFields({ type, path, diff }) {
    const operation = typeof type === "string" && OPERATIONS.includes(type) ? type : "update_file";
    return {
      operation: {
        type: operation,
        path: textOf(path),
        ...(operation !== "delete_file" && { diff: textOf(diff) }),
      },
    };
  },
  callArguments: ({ operation }) => only(operation, ["type", "path", "diff"]),
};

const TOOL_SEARCH: ClientTool = {
  name: "tool_search",
  description: "Finds further tools, which can be called once they are found.",
  schema: objectOf({ query: text("What the tool shall do.") }, "query"),
  callType: "tool_search_call",
  outputType: "tool_search_output",
  idPrefix: "tsc_",
  callFields: (args) => ({ execution: "client", arguments: args }),
  callArguments: ({ arguments: args }) => toolArguments(args),
};

const ALL: readonly ClientTool[] = [LOCAL_SHELL, SHELL, APPLY_PATCH, TOOL_SEARCH];

export const CLIENT_TOOLS: ReadonlyMap<string, ClientTool> = new Map(ALL.map((tool) => [tool.name, tool]));
export const CLIENT_CALLS: ReadonlyMap<string, ClientTool> = new Map(ALL.map((tool) => [tool.callType, tool]));

function textList(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.map(textOf) : [];
}

function only(value: unknown, names: readonly string[]): JsonObject {
  if (!isJsonObject(value)) return {};
  return wellFormedObject(
    Object.fromEntries(
      names.flatMap((name): [string, JsonValue][] => {
        const entry = value[name];
        return entry === undefined || isAbsent(entry) ? [] : [[name, entry]];
      }),
    ),
  );
}
