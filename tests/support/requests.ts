import type { ModelProfile } from "../../src/core/models.ts";
import type { GenerateRequest } from "../../src/core/request.ts";

export const claudeProfile: ModelProfile = {
  id: "claude-test-thinking",
  displayName: "Claude Test",
  family: "claude",
  generation: "claude",
  image: false,
  contextTokens: 200_000,
  maxOutputTokens: 64_000,
  thinking: { min: 1024, max: 64_000, zeroAllowed: false, default: 16_000 },
  mimeTypes: ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"],
};

/** One user text, nothing else. */
export function plainRequest(change: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    model: "claude-test",
    system: [],
    contents: [{ role: "user", parts: [{ text: "hello" }] }],
    tools: [],
    sampling: {},
    ...change,
  };
}
