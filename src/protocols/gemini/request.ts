import { clientSession } from "../../core/client-session.ts";
import { GatewayError } from "../../core/errors.ts";
import { isAbsent } from "../../core/lenient.ts";
import { type LossList, lossList } from "../../core/losses.ts";
import type { ClientRequest, ParsedCall } from "../../core/protocol.ts";
import type { GeminiExtras } from "../../core/request.ts";
import { isJsonObject, type JsonObject, kindOf } from "../../lib/json.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";
import { readContents, readSystem } from "./contents.ts";
import { bodyFields, countFields } from "./fields.ts";
import { readGenerationConfig } from "./generation-config.ts";
import type { ReplyForm } from "./reply.ts";
import { invalid, judgeStructure, requireStructure, type Structure } from "./structure.ts";
import { readTools, readToolConfig } from "./tools.ts";

interface ReadRequest extends Omit<ParsedCall, "reply"> {
  form: ReplyForm;
}

const STREAM_METHOD = "streamGenerateContent";

/** The call in the canonical form, and the form its reply must have. Throws invalid-request naming the field at fault. */
export function readRequest(call: ClientRequest): ReadRequest {
  const { address, body } = call;
  const method = address?.method ?? "generateContent";
  if (method !== "generateContent" && method !== STREAM_METHOD) {
    throw new GatewayError("unknown-route", `Models have no method of this name here; try generateContent`);
  }
  const losses = lossList();
  const sent = bodyOf(body);
  judgeStructure(bodyFields, sent, losses);
  const { request, form, fieldName } = readPrompt(sent, call, losses);
  if (request.contents.length === 0) throw invalid(sent.place("contents"), "there is nothing to answer");
  return {
    request,
    stream: method === STREAM_METHOD,
    losses: losses.all(),
    fieldName,
    form: {
      ...form,
      asList: method === STREAM_METHOD && address?.query.get("alt") !== "sse",
      // `@google/generative-ai`, whatever program uses it.
      omitEmptyTexts: /(?:^|\s)genai-js\//.test(call.headers.get("x-goog-api-client") ?? ""),
    },
  };
}

/** A prompt to be counted: the fields of a request, or under `generateContentRequest` a whole one. */
export function readCountRequest(call: ClientRequest): Pick<ParsedCall, "request" | "losses"> {
  const losses = lossList();
  const sent = bodyOf(call.body);
  const inner = sent.fields["generateContentRequest"];
  const prompt = isAbsent(inner) ? sent : requireStructure(inner, sent.place("generateContentRequest"));
  if (prompt !== sent) judgeStructure(countFields, sent, losses);
  judgeStructure(prompt === sent ? countedFields : bodyFields, prompt, losses);
  const { request } = readPrompt(prompt, call, losses);
  if (request.contents.length === 0 && request.system.length === 0) {
    throw invalid(prompt.place("contents"), "there is nothing to count");
  }
  return { request, losses: losses.all() };
}

/** Clients send for counting whatever they would send for an answer. */
const countedFields = { ...bodyFields, rows: { ...bodyFields.rows, ...countFields.rows } };

function bodyOf(body: unknown): Structure {
  if (isJsonObject(body)) return requireStructure(body, "");
  throw invalid("", `expected an object, but got ${kindOf(body)}`);
}

function readPrompt(sent: Structure, { address, headers }: ClientRequest, losses: LossList) {
  const { fields, place } = sent;
  const model = modelOf(address?.model ?? fields["model"]);
  const contents = isAbsent(fields["contents"]) ? [] : readContents(fields["contents"], place("contents"), losses);
  const declared = readTools(fields["tools"], place("tools"), losses);
  const calling = readToolConfig(fields["toolConfig"], place("toolConfig"), declared, losses);
  const config = readGenerationConfig(fields["generationConfig"], place("generationConfig"), losses);
  const { thinking, outputFormat, image } = config;
  const safetySettings = readSafetySettings(sent);
  const gemini: GeminiExtras = {
    ...declared.extras,
    ...(config.extras && { generationConfig: config.extras }),
    ...(calling.extras && { toolConfig: calling.extras }),
    ...(safetySettings && { safetySettings }),
  };
  const places: Readonly<Record<string, string>> = {
    ...config.places,
    messages: place("contents"),
    system: place("systemInstruction"),
    tools: place("tools"),
    tool_choice: calling.field,
    web_search: declared.fields.webSearch ?? place("tools"),
    url_context: declared.fields.urlContext ?? place("tools"),
    code_execution: declared.fields.codeExecution ?? place("tools"),
    safety_settings: place("safetySettings"),
    generation_config: place("generationConfig"),
    tool_config: place("toolConfig"),
  };
  return {
    request: {
      model,
      system: readSystem(fields["systemInstruction"], place("systemInstruction"), losses),
      contents,
      tools: declared.tools,
      sampling: config.sampling,
      ...(calling.toolChoice && { toolChoice: calling.toolChoice }),
      ...(declared.webSearch && { webSearch: declared.webSearch }),
      ...(Object.keys(gemini).length > 0 && { gemini }),
      ...(image && { image }),
      ...(thinking && { thinking }),
      ...(outputFormat && { outputFormat }),
      ...clientSession({ headers }),
    },
    form: config.form,
    fieldName: (canonical: string) => (Object.hasOwn(places, canonical) ? (places[canonical] ?? canonical) : canonical),
  };
}

/** Addresses and bodies name a model as a resource; its id is what follows. */
function modelOf(value: unknown): string {
  const model = typeof value === "string" ? value.replace(/^(?:models\/)+/, "").trim() : "";
  if (model === "") throw invalid("model", "expected the name of a model in the address");
  return model;
}

function readSafetySettings({ fields, place }: Structure): JsonObject[] | undefined {
  const { safetySettings: value } = fields;
  if (isAbsent(value)) return undefined;
  if (!Array.isArray(value)) throw invalid(place("safetySettings"), `expected a list, but got ${kindOf(value)}`);
  const settings = value.map((setting: unknown, index) => {
    if (isJsonObject(setting)) return wellFormedObject(setting);
    throw invalid(`${place("safetySettings")}[${index}]`, `expected an object, but got ${kindOf(setting)}`);
  });
  return settings.length === 0 ? undefined : settings;
}
