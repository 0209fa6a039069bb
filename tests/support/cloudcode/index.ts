/** The strict stand-in for Cloud Code and Google's OAuth, and the words to script it with. */
export { startCloudCode, type CloudCodeOptions, type CloudCodeServer, type LogEntry } from "./server.ts";
export {
  createWorld,
  DEFAULT_ACCOUNT,
  DEFAULT_CLIENT,
  type BucketId,
  type ServedAccount,
  type ServedQuota,
  type World,
  type WorldOptions,
} from "./world.ts";
export { turn, type Answer, type AnswerContext, type TurnOptions } from "./turn.ts";
export {
  call,
  calls,
  document,
  image,
  parts,
  pause,
  raw,
  streamError,
  text,
  thinking,
  type ScriptedCall,
  type Step,
} from "./steps.ts";
export {
  dropConnection,
  echo,
  emptyBody,
  emptyCandidates,
  malformedCall,
  malformedJson,
  maxTokens,
  pacedText,
  promptBlocked,
  searched,
  silent,
  stoppedFor,
  usageOnly,
} from "./answers.ts";
export { failure, FAILURE_NAMES, httpAnswer, type FailureName } from "./failures.ts";
export { gate, type Gate, type Reply } from "./reply.ts";
export { type When } from "./script.ts";
export { validateCountTokens, validateGenerate, type ValidationContext } from "./validate.ts";
export { defaultModels, type ServedModel } from "./model-table.ts";
export { issuedSignatures, SENTINELS, type IssuedSignature, type IssuedSignatures } from "./issued-signatures.ts";
export type { Refusal } from "./refusal.ts";
