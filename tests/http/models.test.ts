import { expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import { describeModel, listModels, listShape } from "../../src/http/models.ts";
import { claudeProfile } from "../support/requests.ts";

const models = ["m1", "m2", "m3", "m4"].map((id) => ({ ...claudeProfile, id }));

function page(query: string): unknown[] {
  const { data, has_more, first_id, last_id } = listModels(models, "anthropic", new URLSearchParams(query));
  return [(data as { id: string }[]).map((model) => model.id), has_more, first_id, last_id];
}

test("the Anthropic list has cursors over the whole list", () => {
  expect(page("limit=1000")).toEqual([["m1", "m2", "m3", "m4"], false, "m1", "m4"]);
  expect(page("limit=2")).toEqual([["m1", "m2"], true, "m1", "m2"]);
  expect(page("limit=2&after_id=m2")).toEqual([["m3", "m4"], false, "m3", "m4"]);
  expect(page("limit=2&before_id=m4")).toEqual([["m2", "m3"], true, "m2", "m3"]);
  expect(page("after_id=m4")).toEqual([[], false, null, null]);
});

for (const limit of ["0", "1001", "-1", "1.5", "many"]) {
  test(`limit=${limit} is refused by name`, () => {
    let field: string | undefined;
    try {
      page(`limit=${limit}`);
    } catch (error) {
      field = asGatewayError(error).detail.field;
    }
    expect(field).toBe("limit");
  });
}

test("every listed model has its window and its output limit, in either shape", () => {
  expect(describeModel(claudeProfile, "openai")).toMatchObject({
    id: claudeProfile.id,
    object: "model",
    owned_by: "anthropic",
    context_window: 200_000,
    max_output_tokens: 64_000,
  });
  expect(describeModel(claudeProfile, "anthropic")).toMatchObject({
    type: "model",
    id: claudeProfile.id,
    display_name: "Claude Test",
    max_input_tokens: 200_000,
    max_tokens: 64_000,
  });
});

test("any anthropic-version makes the list Anthropic's", () => {
  expect(listShape(new Headers({ "anthropic-version": "2099-01-01" }))).toBe("anthropic");
  expect(listShape(new Headers({ authorization: "Bearer x" }))).toBe("openai");
});
