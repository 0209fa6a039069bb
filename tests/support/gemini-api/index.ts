/** The strict stand-in for Google's official Gemini API; turns are scripted with the words of `../cloudcode`. */
export { startGeminiApi, type GeminiApiOptions, type GeminiApiServer, type KeyLogEntry } from "./server.ts";
export { keyFailure, KEY_FAILURE_NAMES, type KeyFailureName } from "./failures.ts";
export { officialModels } from "./models.ts";
export type { ServedKey } from "./rules.ts";
