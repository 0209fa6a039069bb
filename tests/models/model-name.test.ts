import { describe, expect, test } from "bun:test";
import type { ThinkingRequest } from "../../src/core/request.ts";
import { parseModelName, spellingOf } from "../../src/models/model-name.ts";

describe("parseModelName takes apart", () => {
  const budget = (tokens: number): ThinkingRequest => ({ type: "budget", tokens });
  const rows: [written: string, typed: string, plain: string, thinking?: ThinkingRequest][] = [
    ["model-x", "model-x", "model-x"],
    [" model-x ", "model-x", "model-x"],
    ["model-x(high)", "model-x", "model-x", { type: "effort", effort: "high" }],
    ["model-x (XHigh)", "model-x", "model-x", { type: "effort", effort: "xhigh" }],
    ["model-x(minimal)", "model-x", "model-x", { type: "effort", effort: "minimal" }],
    ["model-x(8192)", "model-x", "model-x", budget(8192)],
    ["model-x(0)", "model-x", "model-x", { type: "off" }],
    ["model-x(none)", "model-x", "model-x", { type: "off" }],
    ["model-x(auto)", "model-x", "model-x", { type: "adaptive" }],
    ["model-x(-1)", "model-x", "model-x", { type: "adaptive" }],
    ["model-x[1m]", "model-x", "model-x"],
    ["model-x[1M](low)", "model-x", "model-x", { type: "effort", effort: "low" }],
    ["model-x(low)[1m]", "model-x", "model-x", { type: "effort", effort: "low" }],
    ["models/model-x", "models/model-x", "model-x"],
    ["google/models/Model-X", "google/models/Model-X", "model-x"],
    ["anthropic/model-4.6", "anthropic/model-4.6", "model-4-6"],
    ["model-4-5-20251101", "model-4-5-20251101", "model-4-5"],
    ["model-4-5@20251101", "model-4-5@20251101", "model-4-5"],
    ["model-preview-05-06", "model-preview-05-06", "model-preview-05-06"],
    ["", "", ""],
  ];
  for (const [written, typed, plain, thinking] of rows) {
    test(`"${written}"`, () => {
      expect(parseModelName(written)).toEqual({ typed, plain, ...(thinking && { thinking }) });
    });
  }
});

describe("parseModelName refuses brackets that name no amount", () => {
  for (const written of ["model-x(loud)", "model-x()", "model-x(-5)", "model-x(99999999)", "model-x(constructor)"]) {
    test(written, () => {
      expect(() => parseModelName(written)).toThrow("must be a number of tokens or one of none, off, auto, minimal");
    });
  }
});

test("a name of a million brackets costs no more than any other long name", () => {
  expect(parseModelName("(1)".repeat(300_000)).thinking).toEqual({ type: "budget", tokens: 1 });
});

test("spellings differ only in case and in the point of a version", () => {
  expect(spellingOf("Model-4.6-Pro.X")).toBe("model-4-6-pro.x");
});
