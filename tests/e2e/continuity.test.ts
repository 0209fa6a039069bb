import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Answer, SENTINELS, text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { AGENTS } from "./support/agents.ts";
import { type Bench, startBench } from "./support/bench.ts";
import { callTurn, NOW, type PlannedCall, READ, SEARCH } from "./support/tool-loop.ts";
import { lastRequest, partsOf, toolTurns } from "./support/wire.ts";

const TOOLS = [READ, SEARCH, NOW];

/** How many calls each of the ten turns makes; with none the model answers, and the user speaks again. */
const CALLS = [2, 1, 0, 3, 1, 1, 0, 2, 1, 0];

/** What the session has behind it when it is disturbed: it is in the middle of its second tool loop. */
const MIDDLE = 5;

const SESSIONS: Record<string, readonly string[]> = {
  "Claude only": [CLAUDE],
  "Gemini 3 only": [GEMINI_3],
  "Gemini 2.5 only": [GEMINI_25],
  "another family at each turn": [CLAUDE, GEMINI_3, GPT_OSS, GEMINI_25],
  "Claude and Gemini 3 by turns": [GEMINI_3, CLAUDE],
};

interface Disturbance {
  restarts: boolean;
  stripsThinking: boolean;
  rewinds: boolean;
}

const CALM: Disturbance = { restarts: false, stripsThinking: false, rewinds: false };

const DISTURBANCES: Record<string, Disturbance> = {
  undisturbed: CALM,
  "with a restart in the middle": { ...CALM, restarts: true },
  "by a client that strips thinking": { ...CALM, stripsThinking: true },
  "by a client that strips thinking, with a restart": { ...CALM, stripsThinking: true, restarts: true },
  "with the history rewound": { ...CALM, rewinds: true },
};

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

function plannedCalls(count: number, index: number): PlannedCall[] {
  const all = [
    { tool: READ, args: { path: `${index}.txt`, lines: index + 1 } },
    { tool: NOW },
    { tool: SEARCH, args: { query: "ü" } },
  ];
  return all.slice(0, count);
}

/** An answer in words, thought about when that was asked for, and signed as Gemini 3 signs. */
function answerInWords(words: string): Answer {
  return (context) => {
    const thinks = context.body.request?.generationConfig?.thinkingConfig?.includeThoughts === true;
    const signature = context.model.generation === "gemini-3" ? "carrier" : "none";
    return turn([...(thinks ? [thinking(`About ${words}`)] : []), text(words, { deltas: 2, signature })])(context);
  };
}

/** What one turn of a session asked of upstream. */
interface TurnRecord {
  model: string;
  loss: string;
  thinks: boolean;
  /** The first part of each model turn that called tools. */
  toolTurns: { madeBy: string | undefined; beginsWithThought: boolean; signature: string | undefined }[];
}

async function runSession(client: keyof typeof AGENTS, models: readonly string[], disturbance: Disturbance) {
  const { upstream } = bench;
  const agent = AGENTS[client]({ bench, tools: TOOLS, stripsThinking: disturbance.stripsThinking });
  const name = JSON.stringify([client, models, disturbance]);
  const makers = new Map<string, string>();
  const records: TurnRecord[] = [];
  const checkpoints: { at: number; isUsersTurn: boolean }[] = [];
  let isUsersTurn = true;

  for (const [index, count] of CALLS.entries()) {
    if (index === MIDDLE && disturbance.restarts) await bench.restart();
    const back = checkpoints[1];
    if (index === MIDDLE + 1 && disturbance.rewinds && back) {
      agent.rewind(back.at);
      isUsersTurn = back.isUsersTurn;
    }
    const model = models[index % models.length] ?? "";
    const planned = plannedCalls(count, index);
    const words = `Answer ${index}.`;
    upstream.next(count > 0 ? callTurn(planned, index, TOOLS) : answerInWords(words));

    const { calls, text: said, loss } = await agent.turn(model, isUsersTurn ? `${name}, question ${index}` : undefined);
    expect(calls.map(({ name: called, args }) => ({ name: called, args }))).toEqual(
      planned.map(({ tool, args }) => ({ name: tool.name, args: args ?? {} })),
    );
    if (count === 0) expect(said).toBe(words);
    for (const { id } of calls) makers.set(id, model);
    isUsersTurn = count === 0;
    checkpoints.push({ at: agent.checkpoint(), isUsersTurn });

    const request = lastRequest(upstream);
    records.push({
      model,
      loss,
      thinks: request.generationConfig?.thinkingConfig?.includeThoughts === true,
      toolTurns: toolTurns(request).map(({ content, calls: called }) => ({
        madeBy: makers.get(called[0]?.id ?? ""),
        beginsWithThought: partsOf(content)[0]?.thought === true,
        signature: partsOf(content).find(({ functionCall }) => functionCall)?.thoughtSignature,
      })),
    });
  }
  expect(upstream.refusals()).toEqual([]);
  expect(upstream.unused()).toBe(0);
  // One upstream call for each turn: nothing had to be repaired and asked again.
  expect(upstream.calls()).toHaveLength(CALLS.length);
  return records;
}

function isGemini(model: string): boolean {
  return model === GEMINI_3 || model === GEMINI_25;
}

/** Each call that Gemini 3 made goes back to a Gemini with the signature it came with, each other one with the stand-in. */
function expectCallSignatures(records: readonly TurnRecord[]): void {
  const { signatures } = bench.upstream.world;
  for (const { model, toolTurns: turns } of records) {
    for (const { madeBy, signature } of turns) {
      if (!isGemini(model)) expect(signature).toBeUndefined();
      else if (madeBy === GEMINI_3) expect(signatures.find(signature ?? "")).toMatchObject({ kind: "call" });
      else expect(SENTINELS.has(signature ?? "")).toBe(true);
    }
  }
}

/** Thinking is asked for at every turn; where the model can think and was not told to, the loss report says so. */
function expectNamedLosses(records: readonly TurnRecord[]): void {
  for (const { model, thinks, loss: all } of records) {
    // What another family has signed is never sent, and told wherever a client brings it back.
    const loss = all.replace(/(?:^|; )(?:messages|input|contents) \(earlier thinking is left out[^)]*\)/, "");
    expect({ model, loss }).toEqual({
      model,
      loss:
        thinks || model === GPT_OSS
          ? ""
          : expect.stringMatching(
              /^(thinking|reasoning_effort|reasoning|generationConfig\.thinkingConfig\.includeThoughts) /,
            ),
    });
    if (isGemini(model)) expect(thinks).toBe(true);
  }
}

const CLIENTS = ["@anthropic-ai/sdk", "openai", "openai, responses", "@google/genai"] as const;

for (const client of CLIENTS) {
  describe(`ten turns of tools with ${client}`, () => {
    for (const [session, models] of Object.entries(SESSIONS)) {
      for (const [how, disturbance] of Object.entries(DISTURBANCES)) {
        test(`${session}, ${how}: nothing is refused, and what is left out is named`, async () => {
          const records = await runSession(client, models, disturbance);
          expectCallSignatures(records);
          expectNamedLosses(records);
          if (models.some((model) => model !== CLAUDE)) return;

          const carriesThinking = client !== "openai" && !disturbance.stripsThinking;
          const isForgotten = disturbance.restarts && !carriesThinking;
          const thoughtless = records.flatMap(({ thinks }, index) => (thinks ? [] : [index]));
          // The loop that was under way at the restart ends without thinking; the next one thinks again.
          expect(thoughtless).toEqual(isForgotten ? [MIDDLE, MIDDLE + 1] : []);
          if (isForgotten) return;
          const turns = records.flatMap((record) => record.toolTurns);
          expect(turns.filter(({ beginsWithThought }) => !beginsWithThought)).toEqual([]);
        });
      }
    }
  });
}
