import { describe, expect, test } from "bun:test";
import type { Content } from "../../../src/core/request.ts";
import { toolNames } from "../../../src/gemini-wire/tool-names.ts";
import {
  call,
  claude,
  contentsOf,
  flash25,
  gemini3,
  looking,
  lower,
  model,
  result,
  tool,
  user,
  wire,
} from "./support.ts";

/** The turns after the first user turn, for Claude (whose calls carry no signatures to distract). */
function exchange(...contents: Content[]): unknown[] {
  return (contentsOf([user("q"), ...contents], claude, { tools: looking }) as unknown[]).slice(1);
}

const calls = (...parts: unknown[]) => ({ role: "model", parts });
const results = (...parts: unknown[]) => ({ role: "user", parts });
const noResult = (id: string) => ({ functionResponse: { id, name: "look", response: { error: expect.any(String) } } });

describe("parallel calls", () => {
  test("results sent one message each come as one turn", () => {
    expect(
      exchange(
        model(call("a"), call("b"), call("c")),
        user(result("a", "1")),
        user(result("b", "2")),
        user(result("c", "3")),
      ),
    ).toEqual([
      calls(wire.call("a"), wire.call("b"), wire.call("c")),
      results(wire.result("a", "1"), wire.result("b", "2"), wire.result("c", "3")),
    ]);
  });

  test("results follow the order of the calls, not of arrival", () => {
    expect(exchange(model(call("a"), call("b")), user(result("b", "2"), result("a", "1")))).toEqual([
      calls(wire.call("a"), wire.call("b")),
      results(wire.result("a", "1"), wire.result("b", "2")),
    ]);
  });

  test("calls sent one message each are one turn", () => {
    expect(exchange(model(call("a")), model(call("b")), user(result("a", "1")), user(result("b", "2")))).toEqual([
      calls(wire.call("a"), wire.call("b")),
      results(wire.result("a", "1"), wire.result("b", "2")),
    ]);
  });

  test("the user's words come after all results, wherever they stood", () => {
    expect(exchange(model(call("a"), call("b")), user("wait", result("a", "1"), "and", result("b", "2")))).toEqual([
      calls(wire.call("a"), wire.call("b")),
      results(wire.result("a", "1"), wire.result("b", "2"), { text: "wait" }, { text: "and" }),
    ]);
  });
});

describe("broken pairs", () => {
  test("a call without a result gets one that says so", () => {
    expect(exchange(model(call("a"), call("b")), user("stop", result("b", "2")))).toEqual([
      calls(wire.call("a"), wire.call("b")),
      results(noResult("a"), wire.result("b", "2"), { text: "stop" }),
    ]);
  });

  test("a call followed by the assistant's own words gets its missing result in the same turn's answer", () => {
    expect(exchange(model(call("a")), model("never mind"), user("ok"))).toEqual([
      calls({ text: "never mind" }, wire.call("a")),
      results(noResult("a"), { text: "ok" }),
    ]);
  });

  test("a result under a wrong id goes to the only unanswered call of its name", () => {
    expect(exchange(model(call("a")), user(result("zzz", "1", "look")))).toEqual([
      calls(wire.call("a")),
      results(wire.result("a", "1")),
    ]);
  });

  test("a result under a wrong id becomes words when two calls could be meant", () => {
    expect(exchange(model(call("a"), call("b")), user(result("zzz", "1", "look")))).toEqual([
      calls(wire.call("a"), wire.call("b")),
      results(noResult("a"), noResult("b"), { text: expect.stringMatching(/look[^]*\n1$/) }),
    ]);
  });

  test("a result whose call was compacted away becomes the user's words", () => {
    expect(contentsOf([user(result("gone", "42")), user("go on")], claude)).toEqual([
      { role: "user", parts: [{ text: expect.stringMatching(/\n42$/) }, { text: "go on" }] },
    ]);
  });

  test("a result that arrives late finds the call of its id", () => {
    expect(exchange(model(call("a")), user("meanwhile"), model("yes"), user(result("a", "1"), "so?"))).toEqual([
      calls(wire.call("a")),
      results(wire.result("a", "1"), { text: "meanwhile" }),
      calls({ text: "yes" }),
      results({ text: "so?" }),
    ]);
  });

  test("a turn that only held a late result is gone, and its neighbours join", () => {
    expect(
      exchange(model(call("a")), user("meanwhile"), model("yes"), user(result("a", "1")), model("well"), user("so?")),
    ).toEqual([
      calls(wire.call("a")),
      results(wire.result("a", "1"), { text: "meanwhile" }),
      calls({ text: "yes" }, { text: "well" }),
      results({ text: "so?" }),
    ]);
  });

  test("of two results for one call the first counts", () => {
    expect(
      exchange(
        model(call("a")),
        user(result("a", "1"), result("a", "2"), "go"),
        model("ok"),
        user(result("a", "3"), "on"),
      ),
    ).toEqual([
      calls(wire.call("a")),
      results(wire.result("a", "1"), { text: "go" }),
      calls({ text: "ok" }),
      results({ text: "on" }),
    ]);
  });

  test("an empty result object says an empty result", () => {
    const empty = { functionResponse: { id: "a", name: "", response: {} } };
    expect(exchange(model(call("a")), user(empty))).toEqual([calls(wire.call("a")), results(wire.result("a", ""))]);
  });
});

describe("ids", () => {
  test.each(["get.weather:1|x", "toolu/1+2=", "späti"])(
    "%s is written in letters both sides take, the same on both",
    (id) => {
      const [asked, answered] = exchange(model(call(id)), user(result(id, "r"))) as {
        parts: Record<string, { id: string }>[];
      }[];
      const wireId = asked?.parts[0]?.["functionCall"]?.id;
      expect(wireId).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(answered?.parts[0]?.["functionResponse"]?.id).toBe(wireId ?? "");
    },
  );

  test("ids that differ only in odd letters stay apart", () => {
    expect(
      exchange(
        model(call("a.1"), call("a:1"), call("a_1")),
        user(result("a_1", "3"), result("a:1", "2"), result("a.1", "1")),
      ),
    ).toEqual([
      expect.anything(),
      results(
        ...["1", "2", "3"].map((value) =>
          expect.objectContaining({ functionResponse: expect.objectContaining({ response: { result: value } }) }),
        ),
      ),
    ]);
  });

  test("an id of a thousand characters is kept", () => {
    const id = "c".repeat(1000);
    expect(exchange(model(call(id)), user(result(id, "r")))).toEqual([
      calls(wire.call(id)),
      results(wire.result(id, "r")),
    ]);
  });

  test("an id used again in a later turn pairs within that turn and is unique on the wire", () => {
    expect(exchange(model(call("a")), user(result("a", "1")), model(call("a")), user(result("a", "2")))).toEqual([
      calls(wire.call("a")),
      results(wire.result("a", "1")),
      calls(wire.call("a_2")),
      results(wire.result("a_2", "2")),
    ]);
  });

  test("calls of one turn with the same id take its results in order", () => {
    expect(exchange(model(call("a"), call("a")), user(result("a", "1"), result("a", "2")))).toEqual([
      calls(wire.call("a"), wire.call("a_2")),
      results(wire.result("a", "1"), wire.result("a_2", "2")),
    ]);
  });

  test("missing ids are made up, and results without ids taken in order by name", () => {
    expect(
      exchange(
        model(call("", "look"), call("", "find"), call("", "look")),
        user(result("", "1", "look"), result("", "2", "look"), result("", "3", "find")),
      ),
    ).toEqual([
      calls(wire.call("call_look_1"), wire.call("call_find_1", "find"), wire.call("call_look_2")),
      results(
        wire.result("call_look_1", "1"),
        wire.result("call_find_1", "3", "find"),
        wire.result("call_look_2", "2"),
      ),
    ]);
  });
});

describe("results", () => {
  test("carry the function's name, whatever name the client gave", () => {
    for (const name of ["", "unknown", "a"]) {
      expect(exchange(model(call("a", "look")), user(result("a", "r", name)))).toEqual([
        calls(wire.call("a")),
        results(wire.result("a", "r", "look")),
      ]);
    }
  });

  test("arguments are data: no keyword is cleaned out of them", () => {
    const args = { format: "x", title: "y", default: null, properties: { enum: [1] } };
    expect(exchange(model(call("a", "look", args)), user(result("a", "r")))).toEqual([
      calls(wire.call("a", "look", args)),
      results(wire.result("a", "r")),
    ]);
  });

  const blob = { mimeType: "image/png", data: "AA==" };
  const seen = { functionResponse: { id: "a", name: "", response: { result: "r" }, media: [blob] } };
  const pair = [user("q"), model(call("a"), call("b")), user(seen, result("b", "2"), "now")];

  test("images of results go inside the response for Gemini 3", () => {
    expect((contentsOf(pair, gemini3, { tools: looking }) as unknown[])[2]).toEqual(
      results(
        { functionResponse: { ...wire.result("a", "r").functionResponse, parts: [{ inlineData: blob }] } },
        wire.result("b", "2"),
        { text: "now" },
      ),
    );
  });

  test.each([claude, flash25])("images of results follow all responses for $id", (target) => {
    expect((contentsOf(pair, target, { tools: looking }) as unknown[])[2]).toEqual(
      results(wire.result("a", "r"), wire.result("b", "2"), { inlineData: blob }, { text: "now" }),
    );
  });

  test("images of a result without a call follow its words", () => {
    expect(contentsOf([user(seen)], claude)).toEqual([
      results({ text: expect.stringMatching(/\nr$/) }, { inlineData: blob }),
    ]);
  });
});

test("a call to a name that is no longer declared is kept under a legal name", () => {
  const wireName = toolNames([]).toWire("old.tool");
  const { body } = lower(
    { contents: [user("q"), model(call("a", "old.tool")), user(result("a", "r"))], tools: [tool("look")] },
    claude,
  );
  expect<unknown>(body["contents"]).toEqual([
    results({ text: "q" }),
    calls(wire.call("a", wireName)),
    results(wire.result("a", "r", wireName)),
  ]);
});
