import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";

/**
 * A lowered body as contents alone, for a counter that takes nothing else (docs/wire.md, "Counting tokens"): system text,
 * declarations and the schema of the answer are written out as words before the conversation, thoughts are plain text,
 * signatures are left out. The input is not changed, parts of it are shared.
 */
export function countContents(body: JsonObject): JsonObject[] {
  const { systemInstruction, tools, generationConfig } = body;
  const schema = isJsonObject(generationConfig) ? generationConfig["responseSchema"] : undefined;
  const prelude = [
    ...partsOf(systemInstruction),
    ...objectsIn(tools).flatMap(({ functionDeclarations }) => asText(functionDeclarations)),
    ...asText(schema),
  ];
  const spoken = objectsIn(body["contents"]).flatMap((content): JsonObject[] => {
    const parts = partsOf(content).flatMap(countable);
    return parts.length > 0 ? [{ ...content, parts }] : [];
  });
  return prelude.length > 0 ? [{ role: "user", parts: prelude }, ...spoken] : spoken;
}

function countable({ thought: _thought, thoughtSignature: _signature, ...part }: JsonObject): JsonObject[] {
  return part["text"] === "" ? [] : [part];
}

function asText(value: JsonValue | undefined): JsonObject[] {
  return value === undefined ? [] : [{ text: JSON.stringify(value) }];
}

function partsOf(content: JsonValue | undefined): JsonObject[] {
  return isJsonObject(content) ? objectsIn(content["parts"]) : [];
}

function objectsIn(list: JsonValue | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}
