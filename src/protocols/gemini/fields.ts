import { approximated, fieldTable, harmless, is, isEmpty, isFalse, mapped, refused } from "../../core/field-table.ts";

const CLIENT_ONLY = harmless("a matter between the caller and its SDK");
const WHOLE_ARGUMENTS = approximated("arguments are always sent whole", isFalse);
const LABEL = harmless("a label that no model is shown");
const OTHER_SEARCH = refused("there is no such search here; send googleSearch");

export const bodyFields = fieldTable("", {
  contents: mapped,
  generationConfig: mapped,
  model: harmless("the address names the model"),
  safetySettings: mapped,
  systemInstruction: mapped,
  toolConfig: mapped,
  tools: mapped,
  cachedContent: refused("no content is kept here; send it with each request"),
  continuationToken: refused("a cut answer cannot be gone on with"),
  generationOutputConfig: refused("answers are sent to the caller and nowhere else"),
  labels: harmless("labels for the bill, of which there is none"),
  modelArmorConfig: approximated("no Model Armor template is applied"),
  serviceTier: harmless("there is one tier per account"),
  store: harmless("answers are never stored"),

  // Of the SDK's own configuration object; no SDK sends them.
  abortSignal: CLIENT_ONLY,
  automaticContinuation: CLIENT_ONLY,
  automaticFunctionCalling: CLIENT_ONLY,
  httpOptions: CLIENT_ONLY,
});

export const countFields = fieldTable("countTokens", {
  contents: mapped,
  generateContentRequest: mapped,
  generationConfig: mapped,
  model: harmless("the address names the model"),
  systemInstruction: mapped,
  tools: mapped,
});

export const generationConfigFields = fieldTable("generationConfig", {
  candidateCount: refused("only one answer per request is possible", is(1)),
  frequencyPenalty: mapped,
  imageConfig: mapped,
  maxOutputTokens: mapped,
  presencePenalty: mapped,
  responseJsonSchema: mapped,
  responseMimeType: mapped,
  responseSchema: mapped,
  seed: mapped,
  stopSequences: mapped,
  temperature: mapped,
  thinkingConfig: mapped,
  topK: mapped,
  topP: mapped,
  logprobs: approximated("replies carry no log probabilities"),
  responseLogprobs: approximated("replies carry no log probabilities", isFalse),

  // Only Gemini models know them.
  audioTimestamp: mapped,
  audioTranscriptionConfig: mapped,
  enableAffectiveDialog: mapped,
  enableEnhancedCivicAnswers: mapped,
  mediaResolution: mapped,
  modelSelectionConfig: mapped,
  responseFormat: mapped,
  responseModalities: mapped,
  routingConfig: mapped,
  speechConfig: mapped,
  translationConfig: mapped,
});

/** The members of `generationConfig` that Gemini models are given as they were written. */
export const NATIVE_GENERATION_FIELDS = [
  "audioTimestamp",
  "audioTranscriptionConfig",
  "enableAffectiveDialog",
  "enableEnhancedCivicAnswers",
  "mediaResolution",
  "modelSelectionConfig",
  "responseFormat",
  "responseModalities",
  "routingConfig",
  "speechConfig",
  "translationConfig",
] as const;

export const thinkingConfigFields = fieldTable("generationConfig.thinkingConfig", {
  includeThoughts: mapped,
  thinkingBudget: mapped,
  thinkingLevel: mapped,
});

const ONE_OUTPUT = approximated("the model chooses the form of its pictures");

export const imageConfigFields = fieldTable("generationConfig.imageConfig", {
  aspectRatio: mapped,
  imageSize: mapped,
  imageOutputOptions: ONE_OUTPUT,
  outputCompressionQuality: ONE_OUTPUT,
  outputMimeType: ONE_OUTPUT,
  personGeneration: approximated("the upstream's own rule for pictures of people applies"),
  prominentPeople: approximated("the upstream's own rule for pictures of people applies"),
});

export const contentFields = fieldTable("contents[]", { parts: mapped, role: mapped });

const OWN_TOOLS = approximated("what the service's own tools did is not sent back");

export const partFields = fieldTable("contents[].parts[]", {
  codeExecutionResult: mapped,
  executableCode: mapped,
  fileData: mapped,
  functionCall: mapped,
  functionResponse: mapped,
  inlineData: mapped,
  mediaResolution: mapped,
  text: mapped,
  thought: mapped,
  thoughtSignature: mapped,
  videoMetadata: mapped,
  audioTranscription: approximated("transcriptions of what was heard are not sent back"),
  mediaProcessing: approximated("the upstream chooses how it reads media", is("UNSPECIFIED")),
  partMetadata: harmless("the client's own notes"),
  toolCall: OWN_TOOLS,
  toolResponse: OWN_TOOLS,
  speechMetadata: approximated("there is no spoken answer to direct"),
});

export const blobFields = fieldTable("contents[].parts[].inlineData", {
  data: mapped,
  mimeType: mapped,
  displayName: LABEL,
});

export const fileDataFields = fieldTable("contents[].parts[].fileData", {
  fileUri: mapped,
  mimeType: mapped,
  displayName: LABEL,
});

export const functionCallFields = fieldTable("contents[].parts[].functionCall", {
  args: mapped,
  id: mapped,
  name: mapped,
  thoughtSignature: mapped,
  partialArgs: approximated("only whole arguments are sent back", isEmpty),
  willContinue: approximated("only whole arguments are sent back", isFalse),
});

const ONE_ANSWER = approximated("a call is answered once, and waited for");

export const functionResponseFields = fieldTable("contents[].parts[].functionResponse", {
  id: mapped,
  name: mapped,
  parts: mapped,
  response: mapped,
  scheduling: ONE_ANSWER,
  willContinue: approximated("a call is answered once, and waited for", isFalse),
});

export const functionResponsePartFields = fieldTable("contents[].parts[].functionResponse.parts[]", {
  fileData: mapped,
  inlineData: mapped,
  mediaProcessing: approximated("the upstream chooses how it reads media"),
});

export const toolFields = fieldTable("tools[]", {
  codeExecution: mapped,
  functionDeclarations: mapped,
  googleSearch: mapped,
  googleSearchRetrieval: mapped,
  urlContext: mapped,
  computerUse: refused("no computer is operated here; declare its actions as functions"),
  enterpriseWebSearch: OTHER_SEARCH,
  exaAiSearch: OTHER_SEARCH,
  fileSearch: refused("no files are kept here to be searched"),
  googleMaps: refused("there is no map search here"),
  mcpServers: refused("MCP servers are not called from here; declare their tools as functions", isEmpty),
  parallelAiSearch: OTHER_SEARCH,
  retrieval: refused("there is no document store here to be searched"),
});

export const searchRetrievalFields = fieldTable("tools[].googleSearchRetrieval", {
  dynamicRetrievalConfig: approximated("the model itself decides when to search", isEmpty),
});

const RETURN_TYPE = approximated("a declaration says what a function takes, not what it returns");

export const functionDeclarationFields = fieldTable("tools[].functionDeclarations[]", {
  description: mapped,
  name: mapped,
  parameters: mapped,
  parametersJsonSchema: mapped,
  behavior: approximated("a call is answered once, and waited for", (value) => value !== "NON_BLOCKING"),
  response: RETURN_TYPE,
  responseJsonSchema: RETURN_TYPE,
});

export const toolConfigFields = fieldTable("toolConfig", {
  functionCallingConfig: mapped,
  includeServerSideToolInvocations: mapped,
  retrievalConfig: mapped,
});

export const callingConfigFields = fieldTable("toolConfig.functionCallingConfig", {
  allowedFunctionNames: mapped,
  mode: mapped,
  streamFunctionCallArguments: WHOLE_ARGUMENTS,
});

/** Every object of a request that has fields of its own. */
export const FIELDS = [
  bodyFields,
  countFields,
  contentFields,
  partFields,
  blobFields,
  fileDataFields,
  functionCallFields,
  functionResponseFields,
  functionResponsePartFields,
  toolFields,
  functionDeclarationFields,
  searchRetrievalFields,
  toolConfigFields,
  callingConfigFields,
  generationConfigFields,
  thinkingConfigFields,
  imageConfigFields,
];
