import { expect, test } from "bun:test";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { judge, table, plain, contents, without } from "./rule-table.ts";
import { asking, bench, CLAUDE, GEMINI_3, IMAGE, says, user } from "./samples.ts";

table("envelope", [
  ["an empty project", "project-missing", { ...plain, project: "" }, plain],
  ["no project", "project-missing", without(plain, "project"), plain],
  ["an invented project", "project-unknown", { ...plain, project: "useful-fuze-12345" }, plain],
  ["another account's project", "project-foreign", { ...plain, project: "second-project-z9y8x" }, plain],
  ["a models/ prefix", "model-unknown", { ...plain, model: "models/gemini-3-flash" }, plain],
  ["a thinking suffix in the id", "model-unknown", { ...plain, model: "gemini-3-flash(high)" }, plain],
  ["an unknown model", "model-unknown", { ...plain, model: "gemini-9" }, plain],
  ["no model", "model-unknown", without(plain, "model"), plain],
  ["no userAgent", "user-agent-field", without(plain, "userAgent"), plain],
  ["no requestType", "request-type", without(plain, "requestType"), plain],
  ["an unknown requestType", "request-type", { ...plain, requestType: "chat" }, plain],
  [
    "an image model asked as agent",
    "request-type-for-model",
    { ...asking(IMAGE), requestType: "agent" },
    asking(IMAGE),
  ],
  ["no requestId", "request-id-missing", without(plain, "requestId"), plain],
  ["no request", "request-missing", without(plain, "request"), plain],
  ["a body that is a list", "not-an-object", [plain], plain],
  ["no session id", "session-id-missing", { ...plain, request: without(requestOf(plain), "sessionId") }, plain],
  ["an empty session id", "session-id-form", asking(GEMINI_3, { sessionId: "" }), plain],
  ["a session id in words", "session-id-form", asking(GEMINI_3, { sessionId: "conversation-1" }), plain],
  ["a positive session id", "session-id-form", asking(GEMINI_3, { sessionId: "42" }), plain],
  [
    "a session id beyond 64 bits",
    "session-id-form",
    asking(GEMINI_3, { sessionId: "-9223372036854775809" }),
    asking(GEMINI_3, { sessionId: "-9223372036854775808" }),
  ],
]);

test("Claude's refusals are Anthropic errors inside Google's message", () => {
  const refusal = judge(contents(CLAUDE, user(says("x")), user(says("y"))));
  expect(JSON.parse(messageOf(refusal?.body))).toEqual({
    type: "error",
    error: { type: "invalid_request_error", message: "messages.1: Consecutive user messages are not allowed" },
    request_id: expect.stringMatching(/^req_vrtx_/),
  });
});

test("an account without the model gets 404", () => {
  const { world, judge: judgeThere } = bench();
  const account = world.accounts[0];
  if (account) account.models = [CLAUDE];
  expect(judgeThere(asking(GEMINI_3))).toMatchObject({ rule: "model-not-on-account", status: 404 });
  expect(judgeThere(asking(CLAUDE))).toBeUndefined();
});

function requestOf(body: JsonObject): JsonObject {
  return isJsonObject(body["request"]) ? body["request"] : {};
}

function messageOf(body: JsonObject | undefined): string {
  const error = body?.["error"];
  return isJsonObject(error) ? String(error["message"]) : "";
}
