import { join } from "node:path";
import { contentsOf, declaredNames, mediaOf, partsOf, toolTurns } from "../../../tests/e2e/support/wire.ts";
import {
  type Answer,
  calls,
  type CloudCodeServer,
  pause,
  SENTINELS,
  type Step,
  streamError,
  text,
  thinking,
  turn,
} from "../../../tests/support/cloudcode/index.ts";
import type { WirePart, WireRequest } from "../../../tests/support/cloudcode/wire-types.ts";
import type { OwnCall, RealClient, Saying } from "./clients.ts";

/** One thing that a user does with a client, and what must come of it. */
export interface Scenario {
  name: string;
  /** The runs of the program in its working directory, in order; each must end well and show its word. */
  runs(client: RealClient, directory: string): readonly Run[];
  /** What is wrong with the last request of the conversation, as upstream saw it, or `undefined`. */
  judge(last: WireRequest, upstream: CloudCodeServer): string | undefined;
}

export interface Run {
  saying: Saying;
  /** What upstream answers the conversation's requests of this run. */
  answers: readonly Answer[];
  /** Stands in what the program prints. */
  word: string;
}

/** A file in the working directory. */
export const PICTURE = "picture.png";

/** Its result is not in the command: only who has run it knows it. */
const COMMAND = "printf result-%s 42";
const RESULT = "result-42";
const THOUGHT = "The user wants a word. The shell can print it.";

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "prompt",
    runs: () => [{ saying: { prompt: "Say a word." }, answers: [saysText("PONG-1")], word: "PONG-1" }],
    judge: (last) => (heard(last).includes("Say a word.") ? undefined : "the prompt did not arrive"),
  },
  {
    name: "tool",
    runs: (client) => [
      {
        saying: { prompt: "Run the command." },
        answers: [callsTool(client.shell(COMMAND)), saysText("PONG-2")],
        word: "PONG-2",
      },
    ],
    judge: judgeResult,
  },
  {
    name: "image",
    runs: () => [
      {
        saying: { prompt: "What is in the picture?", image: PICTURE },
        answers: [saysText("PONG-3")],
        word: "PONG-3",
      },
    ],
    judge: judgePicture,
  },
  {
    name: "image from a tool",
    runs: ({ look }, directory) => [
      {
        saying: { prompt: "Look at the picture." },
        answers: [callsTool(look(join(directory, PICTURE))), saysText("PONG-4")],
        word: "PONG-4",
      },
    ],
    judge: judgePicture,
  },
  {
    name: "thinking",
    runs: (client) => [
      {
        saying: { prompt: "Think, then run the command.", thinks: true },
        answers: [
          callsTool(client.shell(COMMAND), [thinking(THOUGHT, { deltas: 3 }), text("Let me see.")]),
          saysText("PONG-5", [thinking("It was printed.")]),
        ],
        word: "PONG-5",
      },
    ],
    judge(last, upstream) {
      if (!last.generationConfig?.thinkingConfig?.includeThoughts) return "the wish to think did not arrive";
      return judgeResult(last) ?? judgeSignature(last, upstream);
    },
  },
  {
    name: "broken answer",
    runs: () => [
      {
        saying: { prompt: "Say a word again." },
        answers: [breaksOff("The word is"), saysText("PONG-9")],
        word: "PONG-9",
      },
    ],
    judge: (last) => (heard(last).includes("Say a word again.") ? undefined : "the prompt did not come again"),
  },
  {
    name: "three turns",
    runs: (client) => [
      { saying: { prompt: "My first words." }, answers: [saysText("PONG-6")], word: "PONG-6" },
      {
        saying: { prompt: "My second words.", continues: true },
        answers: [callsTool(client.shell(COMMAND)), saysText("PONG-7")],
        word: "PONG-7",
      },
      { saying: { prompt: "My third words.", continues: true }, answers: [saysText("PONG-8")], word: "PONG-8" },
    ],
    judge(last) {
      const all = heard(last);
      const wanted = ["My first words.", "PONG-6", "My second words.", RESULT, "PONG-7", "My third words."];
      let from = 0;
      for (const words of wanted) {
        const at = all.indexOf(words, from);
        if (at < 0) return `the history lacks ${JSON.stringify(words)} in its place`;
        from = at + words.length;
      }
      return undefined;
    },
  },
];

/** A request of the conversation itself; those for titles and the like bring no tools. */
export function isConversation({ tools }: WireRequest): boolean {
  return (tools ?? []).some(({ functionDeclarations }) => (functionDeclarations ?? []).length > 0);
}

function saysText(word: string, before: readonly Step[] = []): Answer {
  return turn([...before, text(`The word is ${word}, I think.`, { deltas: 3 })]);
}

/** Fails when its first words are with the client: it has to ask anew. */
function breaksOff(words: string): Answer {
  return (context) => {
    const arrived = Bun.sleep(200);
    return turn([text(words, { deltas: 2 }), pause(arrived), streamError(500, "boom", "INTERNAL")])(context);
  };
}

/** The model calls a tool by the name it has upstream: its own, or one that ends in it. */
function callsTool({ tool, args }: OwnCall, before: readonly Step[] = []): Answer {
  return (context) => {
    const names = declaredNames(context.body.request ?? {});
    const name = names.find((declared) => declared === tool) ?? names.find((declared) => declared.endsWith(tool));
    if (name === undefined) return turn(text(`There is no tool ${tool} among ${names.join(", ")}.`))(context);
    return turn([...before, calls([{ name, args }])])(context);
  };
}

function judgeResult(request: WireRequest): string | undefined {
  const results = partsIn(request).flatMap(({ functionResponse }) => functionResponse?.response ?? []);
  if (results.length === 0) return "no tool result arrived";
  const written = results.map((result) => JSON.stringify(result));
  return written.some((result) => result.includes(RESULT)) ? undefined : `the tool did not run: ${written.at(-1)}`;
}

/** Claude's thinking, and Gemini 3's call, must come back with the signature that upstream gave them. */
function judgeSignature(request: WireRequest, { world }: CloudCodeServer): string | undefined {
  const [called] = toolTurns(request);
  const signatures = partsOf(called?.content).flatMap(({ thoughtSignature }) => thoughtSignature ?? []);
  if (signatures.length === 0) return "the call came back without a signature";
  const isOurs = signatures.every((signature) => !SENTINELS.has(signature) && world.signatures.find(signature));
  return isOurs ? undefined : "the call came back with a stand-in for its signature";
}

/** Everything said in the conversation, in order. */
function heard(request: WireRequest): string {
  return partsIn(request)
    .map(({ text: said, functionResponse }) => said ?? JSON.stringify(functionResponse?.response ?? ""))
    .join("\n");
}

function judgePicture(request: WireRequest): string | undefined {
  const types = mediaOf(partsIn(request)).map(({ mimeType }) => mimeType ?? "");
  return types.some((type) => type.startsWith("image/")) ? undefined : "the picture did not arrive";
}

function partsIn(request: WireRequest): WirePart[] {
  return contentsOf(request).flatMap(partsOf);
}
