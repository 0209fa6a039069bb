import type { FieldShape, MessageShape } from "./wire-shape.ts";

const PACKAGE = "google.internal.cloud.code.v1internal";
const VERTEX = "google.cloud.aiplatform.v1";
const strings: FieldShape = { list: "string" };
const one = (shape: () => MessageShape): FieldShape => ({ message: shape });
const many = (shape: () => MessageShape): FieldShape => ({ list: { message: shape } });
const empty = (type: string): FieldShape => one(() => ({ type: `${VERTEX}.${type}`, fields: {} }));

const blob: MessageShape = {
  type: `${VERTEX}.Blob`,
  fields: { mimeType: "string", data: "bytes" },
  aliases: { mime_type: "mimeType" },
};

const fileData: MessageShape = {
  type: `${VERTEX}.FileData`,
  fields: { mimeType: "string", fileUri: "string" },
  aliases: { mime_type: "mimeType", file_uri: "fileUri" },
};

const part: MessageShape = {
  type: `${VERTEX}.Part`,
  fields: {
    text: "string",
    thought: "boolean",
    thoughtSignature: "bytes",
    inlineData: one(() => blob),
    fileData: one(() => fileData),
    functionCall: one(() => ({
      type: `${VERTEX}.FunctionCall`,
      fields: { id: "string", name: "string", args: "struct" },
    })),
    functionResponse: one(() => ({
      type: `${VERTEX}.FunctionResponse`,
      fields: { id: "string", name: "string", response: "struct", parts: many(() => responsePart) },
    })),
    executableCode: one(() => ({
      type: `${VERTEX}.ExecutableCode`,
      fields: { language: "string", code: "string" },
    })),
    codeExecutionResult: one(() => ({
      type: `${VERTEX}.CodeExecutionResult`,
      fields: { outcome: "string", output: "string" },
    })),
    videoMetadata: one(() => ({
      type: `${VERTEX}.VideoMetadata`,
      fields: { startOffset: "string", endOffset: "string", fps: "number" },
    })),
    mediaResolution: one(() => ({
      type: `${VERTEX}.PartMediaResolution`,
      fields: { level: "string", numTokens: "integer" },
    })),
  },
  aliases: { inline_data: "inlineData", file_data: "fileData" },
};

const responsePart: MessageShape = {
  type: `${VERTEX}.FunctionResponsePart`,
  fields: { inlineData: one(() => blob) },
  aliases: { inline_data: "inlineData" },
};

const content: MessageShape = {
  type: `${VERTEX}.Content`,
  fields: { role: "string", parts: many(() => part) },
};

const schemaType: FieldShape = {
  enum: ["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"],
  type: `${VERTEX}.Type`,
  lowerCaseToo: true,
};

const schemaFields = (self: () => MessageShape): Record<string, FieldShape> => ({
  type: schemaType,
  description: "string",
  properties: { map: one(self) },
  required: strings,
  items: one(self),
  enum: strings,
  nullable: "boolean",
});

export const SCHEMA: MessageShape = { type: `${VERTEX}.Schema`, fields: schemaFields(() => SCHEMA) };

/** Structured output may close its objects; tool parameters may not say so. */
const outputSchema: MessageShape = {
  type: `${VERTEX}.Schema`,
  fields: { ...schemaFields(() => outputSchema), additionalProperties: "boolean" },
};

const declaration: MessageShape = {
  type: `${VERTEX}.FunctionDeclaration`,
  fields: {
    name: "string",
    description: "string",
    behavior: { enum: ["BLOCKING", "NON_BLOCKING"], type: `${VERTEX}.FunctionDeclaration.Behavior` },
    parameters: one(() => SCHEMA),
    parametersJsonSchema: one(() => SCHEMA),
    response: one(() => SCHEMA),
    responseJsonSchema: one(() => SCHEMA),
  },
};

const googleSearch: MessageShape = {
  type: `${VERTEX}.Tool.GoogleSearch`,
  fields: {
    enhancedContent: one(() => ({
      type: `${VERTEX}.Tool.GoogleSearch.EnhancedContent`,
      fields: {
        imageSearch: one(() => ({
          type: `${VERTEX}.Tool.GoogleSearch.ImageSearch`,
          fields: { maxResultCount: "integer" },
        })),
      },
    })),
    includedDomains: strings,
  },
};

export const TOOL: MessageShape = {
  type: `${VERTEX}.Tool`,
  fields: {
    functionDeclarations: many(() => declaration),
    googleSearch: one(() => googleSearch),
    urlContext: empty("UrlContext"),
    codeExecution: empty("Tool.CodeExecution"),
  },
};

export const TOOL_CONFIG: MessageShape = {
  type: `${VERTEX}.ToolConfig`,
  fields: {
    functionCallingConfig: one(() => ({
      type: `${VERTEX}.FunctionCallingConfig`,
      fields: {
        mode: { enum: ["AUTO", "ANY", "NONE", "VALIDATED"], type: `${VERTEX}.FunctionCallingConfig.Mode` },
        allowedFunctionNames: strings,
      },
    })),
    includeServerSideToolInvocations: "boolean",
  },
};

const thinkingConfig: MessageShape = {
  type: `${VERTEX}.GenerationConfig.ThinkingConfig`,
  fields: {
    includeThoughts: "boolean",
    thinkingBudget: "integer",
    thinkingLevel: {
      enum: ["MINIMAL", "LOW", "MEDIUM", "HIGH"],
      type: `${VERTEX}.GenerationConfig.ThinkingConfig.ThinkingLevel`,
      lowerCaseToo: true,
    },
  },
  aliases: {
    include_thoughts: "includeThoughts",
    thinking_budget: "thinkingBudget",
    thinking_level: "thinkingLevel",
  },
};

const imageConfig: MessageShape = {
  type: `${VERTEX}.ImageConfig`,
  fields: {
    aspectRatio: {
      enum: ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"],
      type: `${VERTEX}.ImageConfig.AspectRatio`,
    },
    imageSize: { enum: ["1K", "2K", "4K"], type: `${VERTEX}.ImageConfig.ImageSize` },
  },
};

export const GENERATION_CONFIG: MessageShape = {
  type: `${VERTEX}.GenerationConfig`,
  fields: {
    maxOutputTokens: "integer",
    temperature: "number",
    topP: "number",
    topK: "integer",
    candidateCount: "integer",
    stopSequences: strings,
    presencePenalty: "number",
    frequencyPenalty: "number",
    seed: "integer",
    responseLogprobs: "boolean",
    logprobs: "integer",
    responseMimeType: "string",
    responseSchema: one(() => outputSchema),
    responseJsonSchema: one(() => outputSchema),
    responseModalities: {
      list: { enum: ["TEXT", "IMAGE", "AUDIO"], type: `${VERTEX}.GenerationConfig.Modality` },
    },
    thinkingConfig: one(() => thinkingConfig),
    imageConfig: one(() => imageConfig),
    mediaResolution: "string",
    speechConfig: "struct",
    audioTimestamp: "boolean",
    routingConfig: "struct",
  },
};

const safetySetting: MessageShape = {
  type: `${VERTEX}.SafetySetting`,
  fields: {
    category: {
      enum: [
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_CIVIC_INTEGRITY",
      ],
      type: `${VERTEX}.HarmCategory`,
    },
    threshold: {
      enum: ["OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"],
      type: `${VERTEX}.SafetySetting.HarmBlockThreshold`,
    },
  },
};

/** The GenerateContent body. */
export const REQUEST: MessageShape = {
  type: `${PACKAGE}.VertexGenerateContentRequest`,
  fields: {
    contents: many(() => content),
    systemInstruction: one(() => content),
    tools: many(() => TOOL),
    toolConfig: one(() => TOOL_CONFIG),
    generationConfig: one(() => GENERATION_CONFIG),
    safetySettings: many(() => safetySetting),
    sessionId: "string",
    labels: { map: "string" },
    cachedContent: "string",
  },
};

export const ENVELOPE: MessageShape = {
  type: `${PACKAGE}.GenerateContentRequest`,
  fields: {
    project: "string",
    model: "string",
    userAgent: "string",
    requestType: "string",
    requestId: "string",
    request: one(() => REQUEST),
    enabledCreditTypes: { list: { enum: ["GOOGLE_ONE_AI"], type: `${PACKAGE}.CreditType` } },
  },
};

/** The only top-level key is `request`; inside, contents and (the official client's habit) a model name. */
export const COUNT_TOKENS: MessageShape = {
  type: `${PACKAGE}.CountTokensRequest`,
  fields: {
    request: one(() => ({
      type: `${PACKAGE}.VertexCountTokensRequest`,
      fields: { model: "string", contents: many(() => content) },
    })),
  },
};

const clientMetadata: MessageShape = {
  type: `${PACKAGE}.ClientMetadata`,
  fields: {
    ideType: {
      enum: [
        "IDE_UNSPECIFIED",
        "VSCODE",
        "INTELLIJ",
        "VSCODE_CLOUD_WORKSTATION",
        "INTELLIJ_CLOUD_WORKSTATION",
        "CLOUD_SHELL",
        "GEMINI_CLI",
        "ANTIGRAVITY",
        "PLUGINS",
        "JETSKI",
      ],
      type: `${PACKAGE}.IdeType`,
    },
    ideVersion: "string",
    ideName: "string",
    platform: {
      enum: ["PLATFORM_UNSPECIFIED", "DARWIN_AMD64", "DARWIN_ARM64", "LINUX_AMD64", "LINUX_ARM64", "WINDOWS_AMD64"],
      type: `${PACKAGE}.Platform`,
    },
    pluginType: {
      enum: ["PLUGIN_UNSPECIFIED", "CLOUD_CODE", "GEMINI", "AIPLUGIN_INTELLIJ", "AIPLUGIN_STUDIO"],
      type: `${PACKAGE}.PluginType`,
    },
    duetProject: "string",
  },
  aliases: { ide_type: "ideType", ide_version: "ideVersion", ide_name: "ideName" },
};

export const LOAD_CODE_ASSIST: MessageShape = {
  type: `${PACKAGE}.LoadCodeAssistRequest`,
  fields: {
    metadata: one(() => clientMetadata),
    cloudaicompanionProject: "string",
    mode: { enum: ["FULL_ELIGIBILITY_CHECK", "HEALTH_CHECK"], type: `${PACKAGE}.LoadMode` },
  },
};

export const ONBOARD_USER: MessageShape = {
  type: `${PACKAGE}.OnboardUserRequest`,
  fields: { tierId: "string", metadata: one(() => clientMetadata), cloudaicompanionProject: "string" },
  aliases: { tier_id: "tierId" },
};

/** fetchAvailableModels and retrieveUserQuotaSummary. */
export const PROJECT_ONLY: MessageShape = {
  type: `${PACKAGE}.ProjectRequest`,
  fields: { project: "string" },
};
