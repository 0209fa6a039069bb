import type { JsonObject } from "../../../src/lib/json.ts";
import { table, PNG, ok, talk } from "./rule-table.ts";
import {
  answering,
  calling,
  CLAUDE,
  GEMINI_25,
  GEMINI_3,
  model,
  says,
  user,
  VALIDATED,
  weatherTools,
} from "./samples.ts";

const claudeTools = { tools: weatherTools, toolConfig: VALIDATED };
const claudeLoop = (...list: JsonObject[]): JsonObject => talk(CLAUDE, claudeTools, user(says("go")), ...list);
const geminiLoop = (...list: JsonObject[]): JsonObject => talk(GEMINI_25, {}, user(says("go")), ...list);
const rightClaude = claudeLoop(
  model(calling("f", "a"), calling("g", "b")),
  user(answering("f", "a"), answering("g", "b")),
);
const rightGemini = geminiLoop(model(calling("f"), calling("g")), user(answering("f"), answering("g"), says("and?")));

table("calls and responses", [
  [
    "an unanswered call at Claude",
    "call-unanswered",
    claudeLoop(model(calling("f", "a")), user(says("never mind"))),
    rightClaude,
  ],
  ["a final call at Gemini", "call-unanswered", geminiLoop(model(calling("f"))), rightGemini],
  [
    "one response of two",
    "call-unanswered",
    claudeLoop(model(calling("f", "a"), calling("g", "b")), user(answering("f", "a"))),
    rightClaude,
  ],
  [
    "responses split over two contents",
    "same-role-twice",
    geminiLoop(model(calling("f"), calling("g")), user(answering("f")), user(answering("g"))),
    rightGemini,
  ],
  [
    "text before the responses",
    "response-not-first",
    claudeLoop(model(calling("f", "a")), user(says("here"), answering("f", "a"))),
    rightClaude,
  ],
  [
    "media between the responses",
    "response-not-first",
    geminiLoop(model(calling("f"), calling("g")), user(answering("f"), PNG, answering("g"))),
    rightGemini,
  ],
  [
    "a response too many",
    "response-count",
    geminiLoop(model(calling("f")), user(answering("f"), answering("f"))),
    rightGemini,
  ],
  [
    "responses in another order at Claude",
    "response-id",
    claudeLoop(model(calling("f", "a"), calling("g", "b")), user(answering("g", "b"), answering("f", "a"))),
    rightClaude,
  ],
  [
    "responses in another order at Gemini",
    "response-name",
    geminiLoop(model(calling("f"), calling("g")), user(answering("g"), answering("f"))),
    rightGemini,
  ],
  [
    "ids of which only one side is there",
    "response-id",
    geminiLoop(model(calling("f", "a")), user(answering("f"))),
    geminiLoop(model(calling("f", "a")), user(answering("f", "a"))),
  ],
  [
    "the call's id as the response's name",
    "response-name",
    claudeLoop(model(calling("f", "call_1")), user(answering("call_1", "call_1"))),
    rightClaude,
  ],
  ["an orphan response at Claude", "response-orphan", claudeLoop(ok(), user(answering("f", "a"))), rightClaude],
  ["an orphan response at Gemini", "response-orphan", talk(GEMINI_25, {}, user(answering("f"))), rightGemini],
  ["a call in a user turn", "call-in-user-turn", geminiLoop(ok(), user(calling("f"))), rightGemini],
  [
    "a response in a model turn",
    "response-in-model-turn",
    geminiLoop(model(answering("f")), user(says("x"))),
    rightGemini,
  ],
  ["no call id at Claude", "id-missing", claudeLoop(model(calling("f")), user(answering("f", "a"))), rightClaude],
  ["no response id at Claude", "id-missing", claudeLoop(model(calling("f", "a")), user(answering("f"))), rightClaude],
  ["a foreign id", "id-charset", claudeLoop(model(calling("f", "f:0")), user(answering("f", "f:0"))), rightClaude],
  ["an empty id", "id-charset", claudeLoop(model(calling("f", "")), user(answering("f", ""))), rightClaude],
  [
    "one id twice in a turn",
    "id-duplicate",
    claudeLoop(model(calling("f", "a"), calling("g", "a")), user(answering("f", "a"), answering("g", "a"))),
    rightClaude,
  ],
  [
    "one id in two turns at Claude",
    "id-reused",
    claudeLoop(
      model(calling("f", "a")),
      user(answering("f", "a")),
      model(calling("f", "a")),
      user(answering("f", "a")),
    ),
    geminiLoop(
      model(calling("f", "a")),
      user(answering("f", "a")),
      model(calling("f", "a")),
      user(answering("f", "a")),
    ),
  ],
  [
    "a nameless call",
    "function-name-missing",
    geminiLoop(model({ functionCall: { args: {} } }), user(answering("f"))),
    rightGemini,
  ],
  [
    "a name that is no name",
    "function-name",
    geminiLoop(model(calling("mcp.srv/do it")), user(answering("mcp.srv/do it"))),
    rightGemini,
  ],
  ["a nameless response", "function-name-missing", geminiLoop(model(calling("f")), user(answering(""))), rightGemini],
  [
    "a call without args at Claude",
    "call-args-missing",
    claudeLoop(model({ functionCall: { name: "f", id: "a" } }), user(answering("f", "a"))),
    geminiLoop(model({ functionCall: { name: "f" } }), user(answering("f"))),
  ],
  [
    "an empty response",
    "response-empty",
    geminiLoop(model(calling("f")), user({ functionResponse: { name: "f", response: {} } })),
    rightGemini,
  ],
  [
    "no response",
    "response-missing",
    geminiLoop(model(calling("f")), user({ functionResponse: { name: "f" } })),
    rightGemini,
  ],
  [
    "media in a response at Gemini 2.5",
    "response-parts",
    geminiLoop(model(calling("f")), user(answering("f", undefined, { parts: [PNG] }))),
    talk(
      GEMINI_3,
      {},
      user(says("go")),
      model(calling("f", "a", { thoughtSignature: "skip_thought_signature_validator" })),
      user(answering("f", "a", { parts: [PNG] })),
    ),
  ],
  [
    "media in a response at Claude",
    "response-parts",
    claudeLoop(model(calling("f", "a")), user(answering("f", "a", { parts: [PNG] }))),
    claudeLoop(model(calling("f", "a")), user(answering("f", "a"), PNG)),
  ],
  ["audio within a response", "response-parts-media", mediaResult("audio/wav"), mediaResult("application/pdf")],
  [
    "an empty list of response parts",
    "response-parts-empty",
    talk(
      GEMINI_3,
      {},
      user(says("go")),
      model(calling("f", "a", { thoughtSignature: "skip_thought_signature_validator" })),
      user(answering("f", "a", { parts: [] })),
    ),
    rightGemini,
  ],
]);

function mediaResult(mimeType: string): JsonObject {
  return talk(
    GEMINI_3,
    {},
    user(says("go")),
    model(calling("f", "a", { thoughtSignature: "skip_thought_signature_validator" })),
    user(answering("f", "a", { parts: [{ inlineData: { mimeType, data: "AAAA" } }] })),
  );
}
