import { compact } from "../lib/compact.ts";
import { wellFormed } from "../lib/well-formed.ts";
import { isAbsent } from "./lenient.ts";
import type { Sampling } from "./request.ts";

/** What a request says about sampling, under the canonical names. */
export type AskedSampling = { [Option in keyof Omit<Sampling, "stopSequences">]: Sampling[Option] | undefined } & {
  stopSequences?: readonly string[] | undefined;
};

/** The options that ask for something; of an object that has other members too, these only. */
export function readSampling(asked: AskedSampling): Sampling {
  const { maxOutputTokens, temperature, topP, topK, presencePenalty, frequencyPenalty, seed } = asked;
  const stops = asked.stopSequences?.filter((sequence) => sequence !== "" && !isAbsent(sequence)).map(wellFormed);
  return compact({
    maxOutputTokens,
    temperature,
    topP,
    // 0 and less mean "no such limit" in one ecosystem or another.
    topK: topK !== undefined && topK >= 1 ? Math.floor(topK) : undefined,
    stopSequences: stops?.length ? stops : undefined,
    presencePenalty,
    frequencyPenalty,
    seed,
  });
}
