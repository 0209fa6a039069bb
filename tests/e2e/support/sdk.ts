import { z } from "zod";
import type { JsonObject } from "../../../src/lib/json.ts";
import type { Mode } from "./bench.ts";
import type { LoopTool } from "./tool-loop.ts";

/** What a program asks its SDK for. */
export interface Question {
  model: string;
  prompt: string;
  system?: string;
  /** What was said before it, user and assistant by turns. */
  before?: readonly [user: string, assistant: string][];
  /** A PNG beside the prompt, base64. */
  image?: string;
  /** The program wants the model to think. */
  thinks?: boolean;
  signal?: AbortSignal;
  /** Told each piece of visible text of a stream as it comes. */
  onText?(piece: string): void;
}

export interface Reply {
  text: string;
  /** As far as the SDK shows it. */
  thinking: string;
  /** The SDK's own word. */
  finish: string | undefined;
  /** Tokens of the prompt, cached ones included, and of the answer. */
  usage: { input: number | undefined; output: number | undefined };
}

/** A tool that the program runs: its words, or its failure. */
export interface RunningTool extends LoopTool {
  run(args: unknown): string;
}

/** One SDK in a program's hands, pointed at one gateway. */
export interface Sdk {
  ask(question: Question, mode: Mode): Promise<Reply>;
  /** Goes on until the model calls no tool any more, all calls of a turn answered. Returns its last words. */
  loop(question: Question, tools: readonly RunningTool[], mode: Mode): Promise<string>;
  /** Insists on the form of `WEATHER`. */
  structured(question: Question): Promise<unknown>;
}

export interface SdkDriver {
  name: string;
  /** With its own retries as its makers chose them, or with none. */
  open(url: string, retries: "usual" | "none"): Sdk;
  showsThinking: boolean;
  /** Its words for an answer that is complete, and for one cut off at the limit; none when it does not tell. */
  finishes: { end: string | undefined; length: string | undefined };
  /** It takes an answer cut off at the limit for a failure. */
  throwsAtLimit?: boolean;
  /** How a failed tool's words reach upstream. */
  failedTool(message: string): JsonObject;
  /** How those of any other do. Absent: as `{ result }`. */
  doneTool?(words: string, tool: string): JsonObject;
  /** Status and message of what it threw. */
  told(error: unknown): { status: number | undefined; message: string };
}

export const WEATHER = z.object({ city: z.string(), degrees: z.number() });
