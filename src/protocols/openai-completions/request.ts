import { clientSession } from "../../core/client-session.ts";
import { checkFields } from "../../core/field-table.ts";
import { lossList } from "../../core/losses.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import { openAiSampling } from "../../core/openai/sampling.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { GenerateRequest } from "../../core/request.ts";
import { kindOf } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import { bodyFields, streamOptionFields } from "./fields.ts";
import type { ReplyForm } from "./reply.ts";
import { type CompletionRequest, MOST_ANSWERS, requestSchema } from "./schema.ts";

interface ReadRequest extends Omit<ParsedCall, "reply" | "several"> {
  /** One for each answer: `n` for the first prompt, then `n` for the next. */
  requests: readonly GenerateRequest[];
  form: ReplyForm;
}

/** The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault. */
export function readRequest({ body, headers }: ClientRequest): ReadRequest {
  const completion = check(requestSchema, body, "");
  const losses = lossList();
  const { n = 1, stream_options: streamOptions } = completion;
  checkFields(bodyFields, { ...completion, best_of: choosesNothing(completion) }, "", losses, refuseField);
  if (streamOptions) checkFields(streamOptionFields, streamOptions, "stream_options", losses, refuseField);

  const prompts = readPrompts(completion.prompt);
  if (prompts.length * n > MOST_ANSWERS) {
    const field = prompts.length > MOST_ANSWERS ? "prompt" : "n";
    throw invalid(field, `Invalid value for '${field}': one request can have ${MOST_ANSWERS} answers at most.`);
  }
  const sampling = openAiSampling(completion, completion.max_tokens);
  const session = clientSession({ userId: completion.user, headers });
  const requestOf = (prompt: string, copy: number): GenerateRequest => ({
    model: completion.model,
    system: [],
    contents: [{ role: "user", parts: [{ text: prompt }] }],
    tools: [],
    // The same seed would make copies of one answer.
    sampling: sampling.seed === undefined ? sampling : { ...sampling, seed: sampling.seed + copy },
    ...session,
  });
  const answers = prompts.flatMap((prompt) => Array.from({ length: n }, (_, copy) => ({ prompt, copy })));
  const [first, ...others] = answers.map(({ prompt, copy }) => requestOf(prompt, copy));
  if (!first) throw invalid("prompt", "Invalid value for 'prompt': expected at least one prompt.");
  return {
    request: first,
    requests: [first, ...others],
    stream: completion.stream ?? false,
    losses: losses.all(),
    fieldName,
    form: {
      includeUsage: streamOptions?.include_usage ?? false,
      leads: answers.map(({ prompt }) => (completion.echo ? prompt : "")),
    },
  };
}

/** `best_of` as the loss table is to see it: to be given all that were made is no choice. */
function choosesNothing({ best_of: bestOf, n = 1 }: CompletionRequest): number | undefined {
  return bestOf === n ? 1 : bestOf;
}

function fieldName(canonical: string): string {
  switch (canonical) {
    case "messages":
    case "system":
      return "prompt";
    case "stop_sequences":
      return "stop";
    default:
      return canonical;
  }
}

function readPrompts(prompt: unknown): string[] {
  if (prompt === undefined) throw invalid("prompt", "Missing required parameter: 'prompt'.");
  if (!Array.isArray(prompt)) return [readPrompt(prompt, "prompt")];
  if (prompt.some(isTokens)) refuseField("prompt", "token ids mean nothing to the models here; send the text");
  return prompt.map((entry: unknown, index) => readPrompt(entry, `prompt[${index}]`));
}

function readPrompt(prompt: unknown, field: string): string {
  if (typeof prompt !== "string") {
    throw invalid(field, `Invalid type for '${field}': expected a string, but got ${kindOf(prompt)} instead.`);
  }
  if (prompt === "") throw invalid(field, `Invalid value for '${field}': expected a text that is not empty.`);
  return wellFormed(prompt);
}

/** A token id, or a list of them. */
function isTokens(entry: unknown): boolean {
  return typeof entry === "number" || Array.isArray(entry);
}
