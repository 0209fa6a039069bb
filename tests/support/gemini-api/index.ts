/** The strict stand-in for Google's official Gemini API; turns are scripted with the words of `../cloudcode`. */
export { startGeminiApi, type GeminiApiServer } from "./server.ts";
export { keyFailure, KEY_FAILURE_NAMES, type KeyFailureName } from "./failures.ts";
export { officialModels } from "./models.ts";
