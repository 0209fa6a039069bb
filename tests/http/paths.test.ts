import { expect, test } from "bun:test";
import { forgivenPaths } from "../../src/http/paths.ts";

test.each([
  ["/v1/messages", ["/v1/messages"]],
  ["/v1/messages/", ["/v1/messages"]],
  ["//v1//messages", ["/v1/messages"]],
  ["/v1/v1/chat/completions", ["/v1/chat/completions"]],
  ["/chat/completions", ["/chat/completions", "/v1/chat/completions"]],
  ["/", ["/", "/v1/"]],
  ["/v1beta/models", ["/v1beta/models"]],
  ["/v1beta//models/m:generateContent", ["/v1beta/models/m:generateContent"]],
  ["/v1/v1beta/models", ["/v1beta/models"]],
  ["/v1beta/v1/models", ["/v1beta/models"]],
  ["/v1beta/v1beta/models", ["/v1beta/models"]],
  ["/v1alpha/models", ["/v1beta/models"]],
  ["/v1betamax", ["/v1betamax"]],
  ["/v10/v1/messages", ["/v10/v1/messages"]],
])("%s may stand for %p", (given, meant) => {
  expect(forgivenPaths(given)).toEqual(meant);
});
