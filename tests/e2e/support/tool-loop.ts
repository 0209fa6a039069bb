import { expect } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  type Answer,
  calls,
  type CloudCodeServer,
  SENTINELS,
  type Step,
  text,
  thinking,
  turn,
} from "../../support/cloudcode/index.ts";
import { PNG } from "./media.ts";
import {
  contentsOf,
  declaredNames,
  lastRequest,
  mediaOf,
  partsOf,
  requestOf,
  type ToolTurn,
  toolTurns,
} from "./wire.ts";

/** A tool as clients declare it, under names that upstream does not take as they are. */
export interface LoopTool {
  name: string;
  description: string;
  schema: JsonObject & { type: "object" };
}

const LONG_NAME = `mcp__${"very_long_server_name_".repeat(5)}`.slice(0, 100);

export const READ: LoopTool = {
  name: "files.read",
  description: "Reads a file",
  schema: {
    type: "object",
    properties: { path: { type: "string" }, lines: { type: "integer", minimum: 1 } },
    required: ["path"],
    additionalProperties: false,
  },
};
export const SEARCH: LoopTool = {
  name: LONG_NAME,
  description: "Searches",
  schema: {
    type: "object",
    properties: {
      query: { type: "string" },
      filter: { type: "object", properties: { tags: { type: "array", items: { type: "string" } } } },
    },
    required: ["query"],
  },
};
export const UNPACK: LoopTool = {
  name: "7zip_unpack",
  description: "Unpacks an archive",
  schema: { type: "object", properties: { archive: { type: "string" }, force: { type: "boolean" } } },
};
export const NOW: LoopTool = { name: "now", description: "The time", schema: { type: "object", properties: {} } };
export const SCREENSHOT: LoopTool = {
  name: "screenshot",
  description: "A picture of the screen",
  schema: { type: "object", properties: {} },
};
/** Always fails. */
export const BROKEN: LoopTool = {
  name: "broken/tool",
  description: "Writes to a full disk",
  schema: { type: "object", properties: { bytes: { type: "number" } } },
};

export const TOOLS: readonly LoopTool[] = [READ, SEARCH, UNPACK, NOW, SCREENSHOT, BROKEN];

export const BROKEN_MESSAGE = "the disk is full";

export interface PlannedCall {
  tool: LoopTool;
  /** Absent: upstream leaves the field out. */
  args?: JsonObject;
}

/** Five turns of calls, then words. */
export const PLAN: readonly (readonly PlannedCall[])[] = [
  [
    { tool: READ, args: { path: 'a b/ü"\\\n.txt', lines: 3 } },
    { tool: SEARCH, args: { query: "", filter: { tags: ["x", "{}", "日本"] } } },
  ],
  [{ tool: UNPACK, args: { archive: "b.7z", force: false } }, { tool: NOW }, { tool: READ, args: { path: "b.txt" } }],
  [{ tool: BROKEN, args: { bytes: 1.5 } }],
  [{ tool: SCREENSHOT }, { tool: NOW }],
  [
    { tool: READ, args: { path: "c.txt", lines: 1 } },
    { tool: READ, args: { path: "c.txt", lines: 1 } },
    { tool: UNPACK, args: {} },
  ],
];

export const FINAL_TEXT = "All done: ✓";

/** Every call of the plan as the client must see it: its own names, whole arguments, in order. */
export const PLANNED_CALLS = PLAN.flat().map(({ tool, args }) => ({ name: tool.name, args: args ?? {} }));

/** What a client's tool answers, in words. */
export function resultText({ name }: Pick<LoopTool, "name">, args: unknown): string {
  return `${name} → ${JSON.stringify(args)}`;
}

export function thoughtOf(turnIndex: number): string {
  return `Step ${turnIndex}: which tool next?`;
}

/** Queues the plan. The model thinks before each turn when it was asked to, and says a word in every other one. */
export function scriptLoop(upstream: CloudCodeServer): void {
  PLAN.forEach((planned, index) => upstream.next(callTurn(planned, index)));
  upstream.next(FINAL_TEXT);
}

/** The model calls the tools under the names they were declared with upstream. */
export function callTurn(planned: readonly PlannedCall[], index: number, tools = TOOLS): Answer {
  return (context) => {
    const { request } = context.body;
    const names = declaredNames(request ?? {});
    const steps: Step[] = [];
    if (request?.generationConfig?.thinkingConfig?.includeThoughts)
      steps.push(thinking(thoughtOf(index), { deltas: 2 }));
    if (index % 2 === 1) steps.push(text(`Calling ${planned.length}.`, { deltas: 2 }));
    const scripted = planned.map(({ tool, args }) => {
      const name = names[tools.indexOf(tool)] ?? "";
      return args === undefined ? { name } : { name, args };
    });
    return turn([...steps, calls(scripted)])(context);
  };
}

/** What upstream saw by the end: every call with its own response, in order, under one name. Returns the turns. */
export function expectPairedLoop(upstream: CloudCodeServer): ToolTurn[] {
  expect(upstream.refusals()).toEqual([]);
  expect(upstream.unused()).toBe(0);
  const request = lastRequest(upstream);
  const names = declaredNames(request);
  expect(names).toHaveLength(TOOLS.length);
  const turns = toolTurns(request);
  expect(turns.map(({ calls: called }) => called.map(({ name, args }) => ({ name, args })))).toEqual(
    PLAN.map((planned) =>
      planned.map(({ tool, args }) => ({ name: names[TOOLS.indexOf(tool)] ?? "", args: args ?? {} })),
    ),
  );
  for (const { calls: called, responses } of turns) {
    expect(responses.map(({ id, name }) => ({ id, name }))).toEqual(called.map(({ id, name }) => ({ id, name })));
  }
  return turns;
}

/** The results as the tools gave them; `failure` and `success` are how this client words what has failed and what has not. */
export function expectResults(
  turns: readonly ToolTurn[],
  failure: JsonObject,
  success = (words: string, _tool: string): JsonObject => ({ result: words }),
): void {
  const expected = PLAN.map((planned) =>
    planned.map(({ tool, args }) => (tool === BROKEN ? failure : success(resultText(tool, args ?? {}), tool.name))),
  );
  expect(turns.map(({ responses }) => responses.map(({ response }) => response))).toEqual(expected);
}

/** Where the family wants a picture that a tool returned, or what stands in its place. */
export function expectPicture(upstream: CloudCodeServer, family: "nested" | "beside" | "note"): void {
  const request = lastRequest(upstream);
  const [shot] = toolTurns(request).filter(
    ({ calls: called }) => called.length === 2 && called[0]?.name === "screenshot",
  );
  const answer = contentsOf(request)[contentsOf(request).indexOf(shot?.content ?? {}) + 1];
  const blob = { mimeType: "image/png", data: PNG };
  expect(mediaOf(partsOf(answer))).toEqual(family === "note" ? [] : [blob]);
  expect(shot?.beside).toEqual(
    family === "nested"
      ? []
      : family === "beside"
        ? [{ inlineData: blob }]
        : [{ text: expect.stringContaining("image/png") }],
  );
}

/** Each model turn of the loop begins with its own signed thinking. */
export function expectSignedThinking(upstream: CloudCodeServer, turns: readonly ToolTurn[]): void {
  expect(turns.map(({ content }) => partsOf(content)[0])).toEqual(
    turns.map((_, index) => ({ thought: true, text: thoughtOf(index), thoughtSignature: expect.any(String) })),
  );
  for (const { content } of turns) {
    const issued = upstream.world.signatures.find(partsOf(content)[0]?.thoughtSignature ?? "");
    expect(issued).toMatchObject({ family: "claude", kind: "thinking" });
  }
}

/** The first call of each model turn carries the signature upstream gave it, no stand-in; the others none. */
export function expectSignedCalls(upstream: CloudCodeServer, turns: readonly ToolTurn[]): void {
  for (const { content } of turns) {
    const [first, ...others] = partsOf(content).filter(({ functionCall }) => functionCall);
    const signature = first?.thoughtSignature ?? "";
    expect(SENTINELS.has(signature)).toBe(false);
    expect(upstream.world.signatures.find(signature)).toMatchObject({
      kind: "call",
      callName: first?.functionCall?.name,
    });
    expect(others.filter(({ thoughtSignature }) => thoughtSignature !== undefined)).toEqual([]);
  }
}

/** Each request begins with what the one before it sent: the account's prompt cache stays warm. */
export function expectGrowingPrefix(upstream: CloudCodeServer): void {
  const requests = upstream.calls().map(requestOf);
  requests.forEach((request, index) => {
    const { contents = [], ...rest } = requests[index - 1] ?? { contents: [] };
    if (index === 0) return;
    expect(contentsOf(request).slice(0, contents.length)).toEqual(contents);
    const { contents: _, ...own } = request;
    expect(own).toEqual(rest);
  });
}
