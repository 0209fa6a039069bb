import { describe, expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import type { ResponseStore, StoredResponse } from "../../src/core/store.ts";
import { createResponseHistory, type ResponseHistory } from "../../src/gateway/response-history.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { fakeClock } from "../support/clock.ts";

const KEEP_MS = 1000;
const says = (content: string, role = "user") => ({ type: "message", role, content });
const reply = (id: string, ...output: JsonObject[]): JsonObject => ({ id, object: "response", output });
const message = (id: string, text = "hi"): JsonObject => ({
  type: "message",
  id,
  role: "assistant",
  content: [{ type: "output_text", text }],
});

/** A store that keeps records in memory. */
function memoryStore(): ResponseStore & { records: Map<string, StoredResponse> } {
  const records = new Map<string, StoredResponse>();
  return {
    records,
    save: async (record) => void records.set(record.id, record),
    async find(id, notBefore) {
      const record = records.get(id);
      return record && record.createdAt >= notBefore ? record : undefined;
    },
    remove: async (id) => records.delete(id),
    prune: async () => {},
  };
}

function setup({ keeps = true, heldCharacters = 10_000 } = {}) {
  const clock = fakeClock();
  const store = memoryStore();
  const kept = keeps ? store : undefined;
  const history = createResponseHistory({ store: kept, keepMs: KEEP_MS, clock, heldCharacters });
  return { clock, store, history: seenBy(undefined, history), of: (key: string) => seenBy(key, history) };
}

/** The history as whoever has this key sees it. */
function seenBy(key: string | undefined, history: ResponseHistory) {
  return {
    expand: (body: unknown) => history.expand(body, key),
    keep: (body: unknown, answer: JsonObject) => history.keep(body, answer, key),
    find: (id: string) => history.find(id, key),
    inputItems: (id: string) => history.inputItems(id, key),
    remove: (id: string) => history.remove(id, key),
  };
}

test("what one key was answered, another cannot refer to, read or remove", async () => {
  const { history, of } = setup();
  const [mine, other] = [of("k1"), of("k2")];
  await mine.keep({ input: "a" }, reply("resp_1", message("msg_1")));
  const referring = { input: [{ type: "item_reference", id: "msg_1" }] };
  const following = { input: "b", previous_response_id: "resp_1" };
  expect((await mine.expand(referring)).body).toMatchObject({ input: [message("msg_1")] });
  expect((await mine.expand(following)).body).toHaveProperty("input", [says("a"), message("msg_1"), says("b")]);
  for (const stranger of [other, history]) {
    expect((await stranger.expand(referring)).body).toMatchObject(referring);
    for (const work of [
      () => stranger.expand(following),
      () => stranger.find("resp_1"),
      () => stranger.inputItems("resp_1"),
      () => stranger.remove("resp_1"),
    ]) {
      expect(await work().catch((cause: unknown) => asGatewayError(cause).kind)).toBe("not-found");
    }
  }
  expect(await mine.find("resp_1")).toMatchObject({ id: "resp_1" });
});

describe("previous_response_id", () => {
  test("puts the conversation up to that answer before the input", async () => {
    const { history, clock } = setup();
    const { body } = await history.expand({ model: "m", input: "one", instructions: "Be brief" });
    await history.keep(body, reply("resp_1", message("msg_1")));
    const second = await history.expand({ model: "m", input: [says("two")], previous_response_id: "resp_1" });
    expect(second.body).toEqual({
      model: "m",
      store: true,
      previous_response_id: "resp_1",
      input: [says("one"), message("msg_1"), says("two")],
    });
    await clock.advance(1);
    await history.keep(second.body, reply("resp_2", message("msg_2")));
    expect((await history.expand({ input: "three", previous_response_id: "resp_2" })).body).toHaveProperty("input", [
      says("one"),
      message("msg_1"),
      says("two"),
      message("msg_2"),
      says("three"),
    ]);
    expect((await history.expand({ previous_response_id: "resp_1" })).body).toHaveProperty("input", [
      says("one"),
      message("msg_1"),
    ]);
  });

  test.each([null, undefined, "[undefined]", ""])("%p asks for nothing and is taken off", async (previous) => {
    const { history } = setup({ keeps: false });
    const { body } = await history.expand({ input: "a", previous_response_id: previous });
    expect(body).toEqual({ input: "a", store: false });
  });

  test("that is no text is left for the parser to refuse", async () => {
    const { history } = setup();
    const body = { input: "a", previous_response_id: 7 };
    expect(await history.expand(body)).toEqual({ body, losses: [] });
  });

  test.each([
    ["where answers are not kept", false, "resp_1", "invalid-request", '"responses": { "store": true }'],
    ["of an answer that was never kept", true, "resp_9", "not-found", "'resp_9'"],
  ])("%s is refused by its field", async (_, keeps, previous, kind, message) => {
    const { history } = setup({ keeps });
    const error = await history.expand({ input: "a", previous_response_id: previous }).catch(asGatewayError);
    expect(error).toMatchObject({ kind, detail: { field: "previous_response_id" } });
    expect(error).toHaveProperty("message", expect.stringContaining(message));
  });

  test("of an answer that has expired is refused", async () => {
    const { history, clock } = setup();
    await history.keep({ input: "a" }, reply("resp_1"));
    await clock.advance(KEEP_MS);
    expect((await history.expand({ previous_response_id: "resp_1" })).body).toHaveProperty("input", [says("a")]);
    await clock.advance(1);
    expect(await history.expand({ previous_response_id: "resp_1" }).catch(asGatewayError)).toHaveProperty(
      "kind",
      "not-found",
    );
  });

  test("a very long id is not repeated as a whole", async () => {
    const { history } = setup();
    const error = await history.expand({ previous_response_id: "x".repeat(10_000) }).catch(asGatewayError);
    expect(asGatewayError(error).message.length).toBeLessThan(300);
  });
});

describe("references", () => {
  const reasoning = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" };

  test("to items of recent answers are replaced, also where answers are not kept", async () => {
    const { history, store } = setup({ keeps: false });
    await history.keep({ input: "a" }, reply("resp_1", reasoning, message("msg_1")));
    const input = [
      says("a"),
      { type: "item_reference", id: "rs_1" },
      { id: "msg_1" },
      { type: "reasoning", id: "rs_1", summary: [] },
    ];
    const body = { model: "m", input };
    expect((await history.expand(body)).body).toEqual({
      model: "m",
      store: false,
      input: [says("a"), reasoning, message("msg_1"), reasoning],
    });
    expect(body.input).toBe(input);
    expect(store.records.size).toBe(0);
  });

  test("to what is not known are left, and so is what refers to nothing", async () => {
    const { history } = setup();
    await history.keep({ input: "a" }, reply("resp_1", reasoning, message("msg_1")));
    const body = {
      input: [
        { type: "item_reference", id: "rs_9" },
        { type: "item_reference" },
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "theirs" },
        { ...message("msg_1"), content: "edited" },
        { role: "assistant", id: "msg_1", content: "edited" },
        "text",
        null,
      ],
    };
    expect((await history.expand(body)).body).toEqual({ ...body, store: true });
  });

  test("to answers of long ago are forgotten", async () => {
    const one = message("msg_1", "x".repeat(80));
    const { history } = setup({ heldCharacters: 2 * JSON.stringify(one).length });
    for (const id of ["msg_1", "msg_2", "msg_3"]) await history.keep({}, reply("r", { ...one, id }));
    const body = { input: ["msg_1", "msg_2", "msg_3"].map((id) => ({ type: "item_reference", id })) };
    expect((await history.expand(body)).body).toMatchObject({
      input: [body.input[0], { ...one, id: "msg_2" }, { ...one, id: "msg_3" }],
    });
  });
});

describe("keeping", () => {
  test("is left out where the client says so", async () => {
    const { history, store } = setup();
    await history.keep({ input: "a", store: false }, reply("resp_1"));
    await history.keep({ input: "a", store: null }, reply("resp_2"));
    expect([...store.records.keys()]).toEqual(["resp_2"]);
  });

  test.each([
    [true, undefined, true, []],
    [true, null, true, []],
    [true, true, true, []],
    [true, false, false, []],
    [false, undefined, false, []],
    [false, false, false, []],
    [false, true, false, ["store"]],
    [true, "yes", "yes", []],
    [false, "yes", "yes", []],
  ])("where answers are kept: %p, store: %p comes to %p", async (keeps, asked, store, lost) => {
    const { body, losses } = await setup({ keeps }).history.expand({ input: "a", store: asked });
    expect(body).toEqual({ input: "a", store });
    expect(losses.map(({ field }) => field)).toEqual(lost);
  });

  test("a body that is none stays what it is", async () => {
    const { history, store } = setup();
    for (const body of [undefined, null, 7, "a", [1]]) {
      expect(await history.expand(body)).toEqual({ body, losses: [] });
      await history.keep(body, reply("resp_1"));
    }
    expect(store.records.size).toBe(0);
  });

  test("an own key __proto__ survives", async () => {
    const { history } = setup();
    await history.keep({ input: "a" }, reply("resp_1"));
    const body: unknown = JSON.parse('{"__proto__": {"a": 1}, "previous_response_id": "resp_1"}');
    expect(Object.keys((await history.expand(body)).body as object)).toContain("__proto__");
  });
});

describe("a kept answer", () => {
  test("can be read with what it answered, and removed", async () => {
    const { history } = setup();
    await history.keep({ input: [says("a"), message("msg_0")] }, reply("resp_1", message("msg_1")));
    expect(await history.find("resp_1")).toEqual(reply("resp_1", message("msg_1")));
    expect(await history.inputItems("resp_1")).toEqual([{ ...says("a"), id: "item_0_resp_1" }, message("msg_0")]);
    await history.remove("resp_1");
    for (const ask of [history.find, history.inputItems, history.remove]) {
      expect(await Promise.resolve(ask("resp_1")).catch(asGatewayError)).toHaveProperty("kind", "not-found");
    }
  });

  test("is not to be had where answers are not kept: the refusal names the setting", async () => {
    const { history } = setup({ keeps: false });
    for (const ask of [history.find, history.inputItems, history.remove]) {
      const error = asGatewayError(await Promise.resolve(ask("resp_1")).catch(asGatewayError));
      expect([error.kind, error.message]).toEqual(["invalid-request", expect.stringContaining('{ "store": true }')]);
    }
  });
});
