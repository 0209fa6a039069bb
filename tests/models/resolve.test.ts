import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { Discovery } from "../../src/core/models.ts";
import type { ImageOptions } from "../../src/core/request.ts";
import { resolveModel, rulesOf, type UserAliases } from "../../src/models/resolve.ts";
import { shippedAliases, shippedDiscovery } from "../../src/models/shipped.ts";

const catalogue = (ids: string, replacedIds: Record<string, string> = {}): Discovery => ({
  models: ids.split(" ").map((id) => ({ id })),
  replacedIds,
});
const idOf = (name: string, list: Discovery, aliases: UserAliases = {}) => resolveModel(name, list, aliases).profile.id;

describe("with today's list, the names that clients send stand for", () => {
  const rows: [name: string, id: string][] = [
    ["claude-opus-5-5", "claude-opus-4-6-thinking"],
    ["claude-opus-5-5[1m]", "claude-opus-4-6-thinking"],
    ["claude-opus-4-5", "claude-opus-4-6-thinking"],
    ["claude-opus-4-5-20251101", "claude-opus-4-6-thinking"],
    ["claude-opus-4.6", "claude-opus-4-6-thinking"],
    ["claude-opus-4-20250514", "claude-opus-4-6-thinking"],
    ["claude-3-opus-latest", "claude-opus-4-6-thinking"],
    ["claude-haiku-5-5", "claude-sonnet-4-6"],
    ["claude-haiku-4-5-20251001", "claude-sonnet-4-6"],
    ["claude-3-haiku-20240307", "claude-sonnet-4-6"],
    ["claude-sonnet-4-5", "claude-sonnet-4-6"],
    ["claude-sonnet-4-5-20250929", "claude-sonnet-4-6"],
    ["claude-sonnet-4-5-thinking", "claude-sonnet-4-6"],
    ["claude-3-5-sonnet-20241022", "claude-sonnet-4-6"],
    ["anthropic/claude-sonnet-4.6", "claude-sonnet-4-6"],
    ["Claude-Sonnet-4-6", "claude-sonnet-4-6"],
    ["gemini-3-pro-preview", "gemini-pro-agent"],
    ["gemini-3.1-pro-preview", "gemini-pro-agent"],
    ["gemini-3.1-pro-preview-customtools", "gemini-pro-agent"],
    ["gemini-3-pro-high", "gemini-pro-agent"],
    ["gemini-3-pro-low", "gemini-3.1-pro-low"],
    ["gemini-3-flash-preview", "gemini-3-flash"],
    ["gemini-3.5-flash", "gemini-3-flash-agent"],
    ["gemini-3.5-flash-lite", "gemini-3.1-flash-lite"],
    ["gemini-2.5-pro", "gemini-2.5-pro"],
    ["gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"],
    ["gemini-flash-latest", "gemini-3-flash"],
    ["models/gemini-3-flash", "gemini-3-flash"],
    ["gemini-2.5-flash-image", "gemini-3.1-flash-image"],
    ["gpt-oss-120b", "gpt-oss-120b-medium"],
    ["openai/gpt-oss-120b", "gpt-oss-120b-medium"],
    ["opus", "claude-opus-4-6-thinking"],
    ["claude-sonnet-5-5(high)", "claude-sonnet-4-6"],
    ["claude-haiku-5-5[1m](8192)", "claude-sonnet-4-6"],
    ["gpt-6.1-sol", "gemini-pro-agent"],
    ["gpt-5.1-codex", "gemini-pro-agent"],
    ["gpt-5.1-codex-mini", "gemini-3-flash"],
    ["gpt-4o", "gemini-pro-agent"],
    ["gpt-4o-2024-08-06", "gemini-pro-agent"],
    ["gpt-4o-mini", "gemini-3-flash"],
    ["gpt-4.1-nano", "gemini-3-flash"],
    ["gpt-3.5-turbo-instruct", "gemini-3-flash"],
    ["openai/gpt-4.1(high)", "gemini-pro-agent"],
    ["chatgpt-4o-latest", "gemini-pro-agent"],
    ["codex-mini-latest", "gemini-3-flash"],
    ["o1", "gemini-pro-agent"],
    ["o3", "gemini-pro-agent"],
    ["o3-mini", "gemini-3-flash"],
    ["o4-mini-2025-04-16", "gemini-3-flash"],
    ["image", "gemini-3.1-flash-image"],
    ["dall-e-3", "gemini-3.1-flash-image"],
    ["gpt-image-1-mini", "gemini-3.1-flash-image"],
    ["chatgpt-image-latest", "gemini-3.1-flash-image"],
    ["dall-e-3-16x9", "gemini-3.1-flash-image"],
  ];
  for (const [name, id] of rows) test(`${name}: ${id}`, () => expect(idOf(name, shippedDiscovery)).toBe(id));
});

describe("with the list of an official key, they stand for", () => {
  const official = catalogue(
    "gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-2.0-flash gemini-3-flash-preview gemini-3.1-pro-preview " +
      "gemini-3.1-flash-lite-preview gemini-2.5-flash-image gemini-3-pro-image-preview gemini-flash-latest",
  );
  const rows: [name: string, id: string][] = [
    ["gemini-3-pro", "gemini-3.1-pro-preview"],
    ["gemini-3.1-pro", "gemini-3.1-pro-preview"],
    ["gemini-3-flash", "gemini-3-flash-preview"],
    ["gemini-3.5-flash", "gemini-3-flash-preview"],
    ["gemini-flash", "gemini-3-flash-preview"],
    ["gemini-flash-latest", "gemini-flash-latest"],
    ["gemini-3.1-flash-lite", "gemini-3.1-flash-lite-preview"],
    ["gemini-2.5-flash-lite", "gemini-2.5-flash-lite"],
    ["gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"],
    ["gemini-3-pro-image", "gemini-3-pro-image-preview"],
    ["gpt-5", "gemini-3.1-pro-preview"],
    ["o4-mini", "gemini-3-flash-preview"],
    ["dall-e-2", "gemini-2.5-flash-image"],
  ];
  for (const [name, id] of rows) test(`${name}: ${id}`, () => expect(idOf(name, official)).toBe(id));

  test("a Claude model: nothing", () => expect(() => idOf("claude-sonnet-4-6", official)).toThrow(GatewayError));
});

describe("rules in order", () => {
  const list = catalogue("claude-opus-4-6 claude-sonnet-4-6 gemini-3.5-flash-low gemini-3-flash", {
    "gemini-old": "gemini-3-flash",
    "gemini-older": "gemini-old",
    "claude-opus-4-1": "claude-gone-1",
  });
  const rows: [what: string, name: string, aliases: UserAliases, id: string, rule: string][] = [
    [
      "a listed id beats every alias",
      "gemini-3.5-flash-low",
      { "gemini-3.5-flash-low": "gemini-3-flash", "*": "gemini-3-flash" },
      "gemini-3.5-flash-low",
      'listed id "gemini-3.5-flash-low"',
    ],
    [
      "the user's exact rule beats the user's pattern",
      "my-model",
      { "my-*": "claude-opus-4-6", "my-model": "gemini-3-flash" },
      "gemini-3-flash",
      'your alias "my-model" → "gemini-3-flash"',
    ],
    [
      "of the user's patterns the most literal counts",
      "my-model",
      { "*": "claude-opus-4-6", "my-*": "gemini-3-flash", "m*": "claude-opus-4-6" },
      "gemini-3-flash",
      'your alias "my-*" → "gemini-3-flash"',
    ],
    [
      "the user's pattern beats upstream's replacement",
      "gemini-old",
      { "gemini-*": "claude-opus-4-6" },
      "claude-opus-4-6",
      'your alias "gemini-*" → "claude-opus-4-6"',
    ],
    [
      "a user's rule for the name as typed beats the listed id of its plain spelling",
      "claude-opus-4-6-20260201",
      { "claude-opus-4-6-20260201": "gemini-3-flash" },
      "gemini-3-flash",
      'your alias "claude-opus-4-6-20260201" → "gemini-3-flash"',
    ],
    [
      "a user may cross families",
      "gpt-4o",
      { "gpt-*": "gemini-3-flash" },
      "gemini-3-flash",
      'your alias "gpt-*" → "gemini-3-flash"',
    ],
    [
      "a user's rule may point to a name that must itself be read",
      "fast",
      { fast: "claude-sonnet-4-5" },
      "claude-sonnet-4-6",
      'your alias "fast" → "claude-sonnet-4-5", shipped alias "claude-*sonnet*" → "claude-sonnet-*"',
    ],
    [
      "upstream's replacement beats a shipped alias",
      "gemini-old",
      {},
      "gemini-3-flash",
      'upstream replaced "gemini-old" by "gemini-3-flash"',
    ],
    [
      "replacements are followed",
      "Gemini-Older",
      {},
      "gemini-3-flash",
      'upstream replaced "gemini-older" by "gemini-3-flash"',
    ],
    [
      "a replacement that is not listed does not count",
      "claude-opus-4-1",
      {},
      "claude-opus-4-6",
      'shipped alias "claude-*opus*" → "claude-opus-*"',
    ],
    [
      "a listed id in its plain spelling beats a shipped alias",
      "anthropic/Claude-Opus-4.6-20260201",
      {},
      "claude-opus-4-6",
      'listed id "claude-opus-4-6"',
    ],
  ];
  for (const [what, name, aliases, id, rule] of rows) {
    test(what, () => {
      const resolved = resolveModel(name, list, aliases);
      expect([resolved.profile.id, resolved.rule.text]).toEqual([id, rule]);
    });
  }
});

describe("shipped aliases follow the list", () => {
  const rows: [what: string, name: string, ids: string, id: string][] = [
    [
      "to a version that this program never heard of",
      "claude-opus-7-1",
      "claude-opus-4-6-thinking claude-opus-7-thinking",
      "claude-opus-7-thinking",
    ],
    [
      "to the version asked for",
      "claude-opus-4-6-latest",
      "claude-opus-4-6-thinking claude-opus-7-thinking",
      "claude-opus-4-6-thinking",
    ],
    [
      "to the thinking variant when it is named",
      "claude-sonnet-4-5-thinking",
      "claude-sonnet-4-6 claude-sonnet-4-6-thinking",
      "claude-sonnet-4-6-thinking",
    ],
    [
      "to a real small model once there is one",
      "claude-haiku-5-5",
      "claude-sonnet-4-6 claude-haiku-6",
      "claude-haiku-6",
    ],
    [
      "to the next candidate when the first is missing",
      "gemini-3-pro-preview",
      "gemini-3-flash gemini-3.1-pro-low",
      "gemini-3.1-pro-low",
    ],
    ["to whatever pro model there is", "gemini-3-pro-preview", "gemini-9-pro-x gemini-9-pro-image", "gemini-9-pro-x"],
  ];
  for (const [what, name, ids, id] of rows) test(what, () => expect(idOf(name, catalogue(ids))).toBe(id));

  test("but never from an image model to a text model, nor from pro to flash", () => {
    const list = catalogue("gemini-3-flash gemini-3.1-flash-image gemini-2.5-flash");
    for (const name of ["gemini-3-pro-image", "gemini-3-pro-preview"]) {
      expect(() => resolveModel(name, list, {})).toThrow(GatewayError);
    }
    expect(() => resolveModel("gemini-2.5-flash-image", catalogue("gemini-2.5-flash"), {})).toThrow(GatewayError);
  });

  test("the version in a name of another maker's says nothing about which model comes nearest", () => {
    const list = catalogue("gemini-3-pro-x gemini-4.1-pro-x gemini-9-pro-x");
    expect(idOf("gpt-4.1", list)).toBe("gemini-9-pro-x");
    expect(idOf("gemini-4.1-pro", list)).toBe("gemini-4.1-pro-x");
  });

  test("and never to another family", () => {
    for (const name of ["claude-2.1", "text-embedding-3-small", "omni", "mini"]) {
      expect(() => resolveModel(name, shippedDiscovery, {})).toThrow(GatewayError);
    }
    for (const name of ["gpt-4o", "o3", "gpt-4o-mini", "dall-e-3"]) {
      expect(() => resolveModel(name, catalogue("claude-opus-4-6 gpt-oss-120b-medium"), {})).toThrow(GatewayError);
    }
    expect(() => resolveModel("gpt-oss-120b", catalogue("gemini-3-flash gemini-pro-agent"), {})).toThrow(GatewayError);
    expect(() => resolveModel("claude-opus-5-5", catalogue("gemini-3-flash"), {})).toThrow(GatewayError);
  });
});

describe("a rule is told with", () => {
  const list = catalogue("claude-sonnet-4-6 gemini-3-flash", { "gemini-old": "gemini-3-flash" });
  const ruleOf = (name: string, aliases: UserAliases = {}) => resolveModel(name, list, aliases).rule;

  test("its kind, and what stands where it is written", () => {
    expect(ruleOf("models/Gemini-3-Flash")).toMatchObject({
      kind: "listed",
      from: "gemini-3-flash",
      to: "gemini-3-flash",
    });
    expect(ruleOf("GEMINI-OLD")).toMatchObject({ kind: "replaced", from: "gemini-old", to: "gemini-3-flash" });
    expect(ruleOf("sonnet")).toMatchObject({ kind: "shipped", from: "sonnet", to: "claude-sonnet-*" });
  });

  test("the rule after it, where an alias leads to a name and no id", () => {
    expect(ruleOf("fast", { "F*": "gemini-3-flash" })).toEqual({
      kind: "user",
      from: "F*",
      to: "gemini-3-flash",
      text: 'your alias "F*" → "gemini-3-flash"',
    });
    expect(ruleOf("good", { good: "sonnet(high)" })).toEqual({
      kind: "user",
      from: "good",
      to: "sonnet(high)",
      text: 'your alias "good" → "sonnet(high)", shipped alias "sonnet" → "claude-sonnet-*"',
      next: {
        kind: "shipped",
        from: "sonnet",
        to: "claude-sonnet-*",
        text: 'shipped alias "sonnet" → "claude-sonnet-*"',
      },
    });
  });
});

describe("the user's rules beat", () => {
  const list = catalogue("gemini-3-flash gemini-pro-agent claude-sonnet-4-6", { "gemini-old": "gemini-pro-agent" });
  const rows: [what: string, name: string, pattern: string][] = [
    ["a shipped name", "opus", "opus"],
    ["a shipped pattern, however specific", "gpt-4o-mini-2024-07-18", "gpt*"],
    ["what upstream has replaced, in whatever spelling", "GEMINI-OLD", "Gemini-Old"],
    ["a shipped pattern for a dated name", "claude-sonnet-4-5-20250929", "claude-sonnet-4.5"],
    ["a shipped pattern behind a prefix and a suffix", "anthropic/claude-haiku-4-5[1m](low)", "claude-haiku*"],
    ["everything but listed ids", "nonsense", "*"],
  ];
  for (const [what, name, pattern] of rows) {
    test(what, () => {
      const { profile, rule } = resolveModel(name, list, { [pattern]: "gemini-3-flash" });
      expect([profile.id, rule.kind, rule.from]).toEqual(["gemini-3-flash", "user", pattern]);
    });
  }

  test("but not a listed id, in whatever spelling", () => {
    for (const name of ["claude-sonnet-4-6", "Claude-Sonnet-4.6", "anthropic/claude-sonnet-4-6-20260101"]) {
      expect(idOf(name, list, { "*": "gemini-3-flash" })).toBe("claude-sonnet-4-6");
    }
  });
});

describe("what pictures shall look like", () => {
  const list = catalogue("gemini-3.1-flash-image gemini-9-image-4k gemini-3-flash");
  const rows: [name: string, aliases: UserAliases, image: ImageOptions | undefined][] = [
    ["gemini-3.1-flash-image", {}, undefined],
    ["gemini-3.1-flash-image-4k", {}, { size: "4K" }],
    ["gemini-3.1-flash-image-2K", {}, { size: "2K" }],
    ["gemini-3.1-flash-image-16x9", {}, { aspectRatio: "16:9" }],
    ["gemini-3.1-flash-image-1k-9x16", {}, { size: "1K", aspectRatio: "9:16" }],
    ["gemini-3.1-flash-image-21x9-2k", {}, { size: "2K", aspectRatio: "21:9" }],
    ["google/Gemini-3.1-Flash-Image-4k", {}, { size: "4K" }],
    ["gemini-2.5-flash-image-4k", {}, { size: "4K" }],
    ["dall-e-3-4x3", {}, { aspectRatio: "4:3" }],
    ["image-4k", {}, { size: "4K" }],
    // The id's own end.
    ["gemini-9-image-4k", {}, undefined],
    ["paint-4k", { paint: "image" }, { size: "4K" }],
    ["paint-4k", { "paint-*": "image" }, { size: "4K" }],
    ["paint-4k", { paint: "image-2k-16x9" }, { size: "4K", aspectRatio: "16:9" }],
    // Its owner has named it as a whole, and may have meant anything.
    ["paint-4k", { "paint-4k": "image" }, undefined],
    ["poster", { poster: "image-16x9" }, { aspectRatio: "16:9" }],
  ];
  for (const [name, aliases, image] of rows) {
    test(`${name} ${JSON.stringify(aliases)}: ${JSON.stringify(image)}`, () => {
      const resolved = resolveModel(name, list, aliases);
      expect([resolved.profile.image, resolved.image]).toEqual([true, image]);
    });
  }

  test("is never read off the name of another model", () => {
    for (const name of ["gemini-3-flash-4k", "gemini-3.5-flash-16x9", "gpt-oss-4k"]) {
      const resolved = resolveModel(name, shippedDiscovery, {});
      expect([resolved.profile.image, resolved.image]).toEqual([false, undefined]);
    }
    expect(() => resolveModel("mine-4k", list, { mine: "gemini-3-flash" })).toThrow("There is no model");
  });

  test("in a shape that no model knows is refused as such", () => {
    for (const name of ["gemini-3.1-flash-image-7x3", "dall-e-3-1024x1024"]) {
      expect(() => resolveModel(name, list, {})).toThrow("model: the shape of a picture must be one of 1x1, 2x3");
    }
  });
});

describe("the list of rules", () => {
  test("has all of them, with what serves each today", () => {
    const list = catalogue("gemini-3-flash claude-sonnet-4-6", { old: "older", older: "gemini-3-flash", gone: "away" });
    const rules = rulesOf(list, { "my-*": "sonnet", mine: "nothing" });
    expect(rules.slice(0, 5)).toEqual([
      { kind: "user", from: "mine", to: ["nothing"] },
      { kind: "user", from: "my-*", to: ["sonnet"], served: "claude-sonnet-4-6" },
      { kind: "replaced", from: "old", to: ["older"], served: "gemini-3-flash" },
      { kind: "replaced", from: "older", to: ["gemini-3-flash"], served: "gemini-3-flash" },
      { kind: "replaced", from: "gone", to: ["away"] },
    ]);
    expect(rules.slice(5).map(({ from }) => from)).toEqual(Object.keys(shippedAliases));
    expect(rules.find(({ from }) => from === "gpt-*mini*")?.served).toBe("gemini-3-flash");
  });
});

describe("thinking in the name", () => {
  const list = catalogue("gemini-3-flash");
  const thinkingOf = (name: string, aliases: UserAliases = {}) => resolveModel(name, list, aliases).thinking;

  test("is read off the client's name, and wins over that of the user's rule", () => {
    expect(thinkingOf("gemini-3-flash")).toBeUndefined();
    expect(thinkingOf("gemini-3-flash(8192)")).toEqual({ type: "budget", tokens: 8192 });
    expect(thinkingOf("fast", { fast: "gemini-3-flash(low)" })).toEqual({ type: "effort", effort: "low" });
    expect(thinkingOf("fast(none)", { fast: "gemini-3-flash(low)" })).toEqual({ type: "off" });
  });

  test("that is no amount is refused as such, not as an unknown model", () => {
    expect(() => resolveModel("gemini-3-flash(loud)", list, {})).toThrow("what stands in brackets");
  });
});

describe("an unknown name", () => {
  const refusal = (name: string, list: Discovery, aliases: UserAliases = {}) => {
    try {
      resolveModel(name, list, aliases);
    } catch (cause) {
      if (cause instanceof GatewayError) return { kind: cause.kind, message: cause.message, ...cause.detail };
    }
    throw new Error("it was found");
  };

  test("is refused with the three nearest names", () => {
    expect(refusal("claude-sonet-4-6", shippedDiscovery)).toEqual({
      kind: "unknown-model",
      field: "model",
      message: 'There is no model "claude-sonet-4-6"',
      nearest: ["claude-sonnet-4-6", expect.any(String), expect.any(String)],
    });
  });

  test("gets three names even when none is near", () => {
    expect(refusal("x", shippedDiscovery).nearest).toHaveLength(3);
  });

  test("gets the user's own names proposed, and no shipped alias that leads nowhere", () => {
    expect(refusal("mine-2", catalogue("gemini-3-flash"), { mine: "gemini-3-flash" }).nearest).toEqual([
      "mine",
      "gemini-3-flash",
    ]);
  });

  test("of any length is answered, and not echoed in full", () => {
    expect(refusal("y".repeat(1_000_000), shippedDiscovery).message.length).toBeLessThan(250);
  });

  test("that is upstream's internal id is unknown, although the list has it", () => {
    const list = catalogue("chat_20706 tab_flash_lite_preview text-bison gemini-3-flash");
    for (const name of ["chat_20706", "tab_flash_lite_preview", "text-bison"]) {
      expect(refusal(name, list).nearest).toEqual(["gemini-3-flash"]);
    }
  });

  test("behind the user's rule names the rule", () => {
    expect(refusal("fast", catalogue("gemini-3-flash"), { fast: "gemini-4-flush" }).message).toBe(
      'Your alias "fast" stands for "gemini-4-flush". There is no model "gemini-4-flush"',
    );
  });

  test("behind one rule that names another says that rules do not lead to one another", () => {
    const rules = { quick: "fast", fast: "gemini-3-flash" };
    expect(refusal("quick", catalogue("gemini-3-flash"), rules).message).toBe(
      'Your alias "quick" stands for "fast". That is an alias too, and aliases do not lead to one another',
    );
  });

  test("with rules that point at each other ends", () => {
    expect(refusal("a", catalogue("gemini-3-flash"), { a: "b", b: "a" }).kind).toBe("unknown-model");
  });
});
