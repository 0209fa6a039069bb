import { describe, expect, test } from "bun:test";
import type { Content } from "../../../src/core/request.ts";
import {
  call,
  claude,
  contentsOf,
  flash25,
  flash3,
  gemini3,
  gptOss,
  looking,
  lower,
  model,
  result,
  thought,
  user,
  wire,
} from "./support.ts";

const SENTINEL = "skip_thought_signature_validator";
const thinks = { tools: looking, thinking: { type: "adaptive" } } as const;
const fields = { tools: looking, thinking: thinks.thinking };

/** The parts of every model turn. */
function modelParts(contents: Content[], target = gemini3, more = {}): unknown[] {
  const lowered = contentsOf(contents, target, { tools: looking, ...more }) as { role: string; parts: unknown[] }[];
  return lowered.filter(({ role }) => role === "model").map(({ parts }) => parts);
}

describe("Gemini", () => {
  test.each([gemini3, flash3, flash25, { ...gemini3, id: "gemini-9-unheard-of" }])(
    "$id: the first call of every model turn carries a signature, its own or the sentinel; the others none",
    (target) => {
      const contents = [
        user("q"),
        model(call("a"), call("b", "look", {}, "sig-b")),
        user(result("a", "1"), result("b", "2")),
        model(call("c", "look", {}, "sig-c"), call("d", "look", {}, "sig-d")),
        user(result("c", "3"), result("d", "4")),
        model("done"),
        user("next"),
        model("so", call("e")),
        user(result("e", "5")),
      ];
      expect(modelParts(contents, target)).toEqual([
        [wire.firstCall("a"), wire.call("b")],
        [{ ...wire.call("c"), thoughtSignature: "sig-c" }, wire.call("d")],
        [{ text: "done" }],
        [{ text: "so" }, wire.firstCall("e")],
      ]);
    },
  );

  test("signed thinking and text keep their signatures, their text and their order", () => {
    const parts = [thought("t1", "s1"), { text: "a", thoughtSignature: "s2" }, thought("t2", "s3"), { text: "b" }];
    expect(modelParts([user("q"), model(...parts), user("r")])).toEqual([parts]);
  });

  test("signed parts of different signatures are never put together", () => {
    const parts = [thought("one", "s1"), thought("two", "s2")];
    expect(modelParts([user("q"), model(...parts, "x"), user("r")])).toEqual([[...parts, { text: "x" }]]);
  });

  test("one thought that stands twice in a turn is sent once", () => {
    const contents = [user("q"), model(thought("t", "s"), "a", thought("t", "s"), "b"), user("r")];
    expect(modelParts(contents)).toEqual([[thought("t", "s"), { text: "a" }, { text: "b" }]]);
  });

  test("an empty text that carries a signature stays, one without goes", () => {
    const carrier = { text: "", thoughtSignature: "s" };
    expect(modelParts([user("q"), model("a", carrier, ""), user("r")])).toEqual([[{ text: "a" }, carrier]]);
  });

  test("thinking without a signature is dropped", () => {
    expect(modelParts([user("q"), model(thought("hm"), "a"), user("r")])).toEqual([[{ text: "a" }]]);
  });

  test("an image keeps its signature", () => {
    const image = { inlineData: { mimeType: "image/png", data: "AA==" }, thoughtSignature: "s" };
    expect(modelParts([user("q"), model(image), user("r")])).toEqual([[image]]);
  });

  test("the user's parts never carry signatures", () => {
    const signed = { ...result("a", "1"), thoughtSignature: "s" };
    const lowered = contentsOf([user({ text: "q", thoughtSignature: "s" }), model(call("a")), user(signed)], gemini3, {
      tools: looking,
    });
    expect(JSON.stringify(lowered).match(/thoughtSignature/g)).toHaveLength(1);
    expect(JSON.stringify(lowered)).toContain(SENTINEL);
  });

  test("after a refused signature all of them go, and the sentinel stands for the calls", () => {
    const contents = [
      user("q"),
      model(thought("t", "s1"), { text: "a", thoughtSignature: "s2" }, call("a", "look", {}, "s3")),
      user(result("a", "1")),
    ];
    const { body } = lower({ contents, ...fields }, gemini3, "drop-thinking");
    expect(body["contents"]).toMatchObject([{}, { parts: [{ text: "a" }, wire.firstCall("a")] }, {}]);
    expect(JSON.stringify(body).match(/thoughtSignature/g)).toHaveLength(1);
  });
});

describe("Claude", () => {
  test("signed thinking comes first, then text, then calls, with no text changed", () => {
    const contents = [user("q"), model("a ", call("c"), thought(" t\n", "s"), " b"), user(result("c", "1"))];
    expect(modelParts(contents, claude, thinks)).toEqual([
      [{ thought: true, text: " t\n", thoughtSignature: "s" }, { text: "a " }, { text: " b" }, wire.call("c")],
    ]);
  });

  test("two thoughts with their own signatures stay two", () => {
    const parts = [thought("one", "s1"), thought("two", "s2")];
    expect(modelParts([user("q"), model(...parts, "x"), user("r")], claude, thinks)).toEqual([
      [...parts, { text: "x" }],
    ]);
  });

  test("one thought that stands twice in a turn is sent once", () => {
    const twice = [model(thought("t", "s"), call("c")), model(thought("t", "s"), call("d"))];
    expect(modelParts([user("q"), ...twice, user(result("c", "1"), result("d", "2"))], claude, thinks)).toEqual([
      [{ thought: true, text: "t", thoughtSignature: "s" }, wire.call("c"), wire.call("d")],
    ]);
  });

  test("a turn joined to another by a late result still has its thought once", () => {
    const contents = [
      user("q"),
      model(thought("t", "s"), call("c")),
      user("meanwhile"),
      model(thought("u", "r"), "x"),
      user(result("c", "1")),
      model(thought("u", "r"), "y"),
      user("z"),
    ];
    expect(modelParts(contents, claude, thinks).at(-1)).toEqual([thought("u", "r"), { text: "x" }, { text: "y" }]);
  });

  test.each([
    ["unsigned", thought("hm")],
    ["empty", thought("", "s")],
    ["blank", thought(" \n", "s")],
  ])("%s thinking is dropped", (_, part) => {
    expect(modelParts([user("q"), model(part, "a"), user("r")], claude, thinks)).toEqual([[{ text: "a" }]]);
  });

  test("a turn of thinking alone is dropped and its neighbours join", () => {
    for (const part of [thought("hm"), thought("hm", "s")]) {
      expect(contentsOf([user("q"), model(part), user("r")], claude, fields)).toEqual([
        { role: "user", parts: [{ text: "q" }, { text: "r" }] },
      ]);
    }
  });

  test("calls and text carry no signature, and the sentinel is never sent", () => {
    const contents = [
      user("q"),
      model({ text: "a", thoughtSignature: "s" }, call("c", "look", {}, "s")),
      user(result("c", "1")),
    ];
    expect(modelParts(contents, claude)).toEqual([[{ text: "a" }, wire.call("c")]]);
  });

  test.each([undefined, { type: "off" } as const])(
    "thinking %j takes earlier thinking out of the history",
    (thinking) => {
      const contents = [user("q"), model(thought("t", "s"), "a"), user("r")];
      expect(modelParts(contents, claude, thinking ? { thinking } : {})).toEqual([[{ text: "a" }]]);
    },
  );

  describe("inside a tool loop", () => {
    const answered = user(result("c", "1"));
    const thinksIn = (contents: Content[]) => {
      const { body, losses } = lower({ contents, ...fields }, claude);
      return {
        configured: JSON.stringify(body).includes("thinkingConfig"),
        thoughts: JSON.stringify(body).includes('"thought":true'),
        losses: losses.map((loss) => loss.field),
      };
    };
    const goesOn = { configured: true, thoughts: true, losses: [] };
    const pauses = { configured: false, thoughts: false, losses: ["thinking"] };
    const png = { inlineData: { mimeType: "image/png", data: "AA==" } };
    const signedTurn = model(thought("t", "s"), call("c"));
    const bareTurn = model(call("c"));
    const rows: [string, Content[], unknown][] = [
      ["goes on when the loop's first turn has its thinking", [user("q"), signedTurn, answered], goesOn],
      [
        "pauses when the loop's first turn lost its thinking",
        [user("p"), model(thought("o", "s"), "a"), user("q"), bareTurn, answered],
        pauses,
      ],
      [
        "pauses when only a later turn of the loop has thinking",
        [user("q"), bareTurn, answered, model(thought("t", "s"), call("d")), user(result("d", "2"))],
        pauses,
      ],
      [
        "goes on when only a later turn of the loop lacks thinking",
        [user("q"), signedTurn, answered, model(call("d")), user(result("d", "2"))],
        goesOn,
      ],
      [
        "looks at the whole loop though the user put words beside a result",
        [
          user("q"),
          bareTurn,
          user(result("c", "1"), "hurry"),
          model(thought("t", "s"), call("d")),
          user(result("d", "2")),
        ],
        pauses,
      ],
      [
        "goes on when the loop began with a picture alone",
        [user("p"), bareTurn, answered, model("a"), user(png), signedTurn, answered],
        goesOn,
      ],
      [
        "pauses when the loop that began with a picture alone lost its thinking",
        [
          user("p"),
          model(thought("o", "s"), call("d")),
          user(result("d", "1"), png),
          model("b"),
          user(png),
          bareTurn,
          answered,
        ],
        pauses,
      ],
      [
        "does not care about loops that are over",
        [user("q"), bareTurn, answered, model(thought("t", "s"), "a"), user("thanks, next")],
        goesOn,
      ],
      [
        "pauses when an interrupted call is answered for the user",
        [user("p"), model(thought("o", "s"), "a"), user("q"), bareTurn],
        pauses,
      ],
    ];
    test.each(rows)("thinking %s", (_, contents, outcome) => {
      expect<unknown>(thinksIn(contents)).toEqual(outcome);
    });

    test("pausing gives the client back its own limits", () => {
      const { body, losses } = lower(
        {
          contents: [user("q"), bareTurn, answered],
          tools: looking,
          thinking: { type: "budget", tokens: 8000 },
          sampling: { maxOutputTokens: 1000, temperature: 0.5 },
        },
        claude,
      );
      expect(body["generationConfig"]).toEqual({ temperature: 0.5, maxOutputTokens: 1000 });
      expect(losses.map((loss) => loss.field)).toEqual(["thinking"]);
    });
  });
});

test("gpt-oss gets neither thinking nor signatures", () => {
  const contents = [
    user("q"),
    model(thought("t", "s"), { text: "a", thoughtSignature: "s" }, call("c", "look", {}, "s")),
    user(result("c", "1")),
  ];
  expect(modelParts(contents, gptOss)).toEqual([[{ text: "a" }, wire.call("c")]]);
});
