import type { Blob64, FunctionResponse, Part, RemoteMedia } from "./request.ts";

/** What a tool came to, from the parts that its result was written in: their texts, one a line, and their media. */
export function toolResult(
  parts: readonly Part[],
  outcome: "result" | "error" = "result",
): Pick<FunctionResponse, "response" | "media"> {
  const media = parts.flatMap((part): (Blob64 | RemoteMedia)[] => {
    const found = part.inlineData ?? part.remote;
    return found ? [found] : [];
  });
  const text = parts.flatMap((part) => part.text ?? []).join("\n");
  return { response: { [outcome]: text }, ...(media.length > 0 && { media }) };
}
