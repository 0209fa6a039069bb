import { expect, test } from "bun:test";
import type { Part } from "../../src/core/request.ts";
import type { SignatureRecord, SignatureStore } from "../../src/core/store.ts";
import type { BlockHead, TurnEvent } from "../../src/core/turn.ts";
import { createSignatureMemory, losesThinking } from "../../src/gateway/signatures.ts";
import { eagerClock } from "../support/clock.ts";
import { plainRequest } from "../support/requests.ts";
import { anthropicDirectSignature, claudeSignature, geminiSignature } from "../support/signature-samples.ts";

const callId = `call_${"x".repeat(24)}`;
const claude = claudeSignature("claude seed");
const gemini = geminiSignature("gemini seed");

function memoryStore(): SignatureStore & { records: Map<string, SignatureRecord> } {
  const records = new Map<string, SignatureRecord>();
  return {
    records,
    remember: (added) => added.forEach((record) => records.set(record.key, record)),
    find: async (keys) => new Map(keys.flatMap((key) => records.get(key) ?? []).map((record) => [record.key, record])),
    prune: async () => {},
  };
}

function setup(store = memoryStore()) {
  const memory = createSignatureMemory({
    store,
    clock: eagerClock(),
    hash: (text) => `h(${text.length}:${text.slice(0, 40)})`,
    indexEntries: 100,
    heldCharacters: 10_000,
  });
  return { store, memory };
}

type Memory = ReturnType<typeof setup>["memory"];

function answer(...blocks: [head: BlockHead, text: string, signature?: string][]): TurnEvent[] {
  return blocks.flatMap(([head, text, signature], index): TurnEvent[] => [
    { type: "block-start", index, head },
    ...(text === "" ? [] : [{ type: "block-delta", index, text } as const]),
    { type: "block-end", index, ...(signature !== undefined && { signature }) },
  ]);
}

/** What the answers here answer. */
const asked = plainRequest();

const tool = (id = callId): BlockHead => ({ kind: "tool", id, name: "get_weather", args: {} });
const call = (id = callId): Part => ({ functionCall: { id, name: "get_weather", args: {} } });

async function restored(memory: Memory, family: "claude" | "gemini" | "gpt-oss", parts: Part[], conversation = "c") {
  const contents = [...asked.contents, { role: "model" as const, parts }];
  return (await memory.restore(plainRequest({ contents }), family, conversation)).contents[1]?.parts;
}

test("a tool call that comes back bare gets its signature back", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini]));
  expect(await restored(memory, "gemini", [call()])).toEqual([{ ...call(), thoughtSignature: gemini }]);
});

test("a call's signature survives a restart", async () => {
  const { memory, store } = setup();
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini]));
  expect(await restored(setup(store).memory, "gemini", [call()])).toEqual([{ ...call(), thoughtSignature: gemini }]);
});

test("the second of two parallel calls stays unsigned", async () => {
  const { memory } = setup();
  const second = `call_${"y".repeat(24)}`;
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini], [tool(second), ""]));
  expect(await restored(memory, "gemini", [call(), call(second)])).toEqual([
    { ...call(), thoughtSignature: gemini },
    call(second),
  ]);
});

test("a Gemini call's signature is not sent to Claude", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini]));
  expect(await restored(memory, "claude", [{ ...call(), thoughtSignature: gemini }])).toEqual([call()]);
});

test("Claude's thinking that the client brings back whole is kept", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I ponder", claude]));
  const part = { text: "I ponder", thought: true, thoughtSignature: claude };
  expect(await restored(memory, "claude", [part])).toEqual([part]);
});

test("thinking whose text was changed loses its signature, also after a restart", async () => {
  const { memory, store } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I ponder at length", claude]));
  const changed = { text: "...", thought: true, thoughtSignature: claude };
  expect(await restored(memory, "claude", [changed])).toEqual([{ text: "...", thought: true }]);
  expect(await restored(setup(store).memory, "claude", [changed])).toEqual([{ text: "...", thought: true }]);
});

test("thinking that comes back without its signature gets it back by its exact text, also after a restart", async () => {
  const { memory, store } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I ponder", claude], [tool(), ""]));
  const foreignCall = call("call_get_weather_1");
  const parts = [{ text: "I ponder", thought: true }, foreignCall];
  const signed = [{ text: "I ponder", thought: true, thoughtSignature: claude }, foreignCall];
  expect(await restored(memory, "claude", parts)).toEqual(signed);
  expect(await restored(setup(store).memory, "claude", parts)).toEqual(signed);
  expect(await restored(memory, "gemini", parts)).toEqual(parts);
  const changed = [{ text: "I ponder.", thought: true }, foreignCall];
  expect(await restored(memory, "claude", changed)).toEqual(changed);
});

test("thinking the client asked to omit is put back under its signature", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I ponder", claude]));
  expect(await restored(memory, "claude", [{ text: "", thought: true, thoughtSignature: claude }])).toEqual([
    { text: "I ponder", thought: true, thoughtSignature: claude },
  ]);
});

test("a signature never seen here is believed when its encoding is the family's", async () => {
  const part = { text: "old thought", thought: true, thoughtSignature: claude };
  expect(await restored(setup().memory, "claude", [part])).toEqual([part]);
});

for (const [name, signature] of [
  ["Anthropic's own", anthropicDirectSignature("direct")],
  ["Gemini's", gemini],
  ["a made-up", btoa("fake signature fake signature fake signature")],
] as const) {
  test(`${name} signature is removed before Claude sees it`, async () => {
    const part = { text: "thought", thought: true, thoughtSignature: signature };
    expect(await restored(setup().memory, "claude", [part])).toEqual([{ text: "thought", thought: true }]);
  });
}

test("a chat client's tool loop gets Claude's signed thinking back in front of the call", async () => {
  const { memory } = setup();
  memory.watch(
    asked,
    "claude",
    "c",
  )(answer([{ kind: "thinking" }, "I need weather", claude], [{ kind: "text" }, "Let me see"], [tool(), ""]));
  expect(await restored(memory, "claude", [{ text: "Let me see" }, call()])).toEqual([
    { text: "I need weather", thought: true, thoughtSignature: claude },
    { text: "Let me see" },
    call(),
  ]);
});

test("held thinking does not double what the client brought back", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I need weather", claude], [tool(), ""]));
  const parts = [{ text: "I need weather", thought: true, thoughtSignature: claude }, call()];
  expect(await restored(memory, "claude", parts)).toEqual(parts);
});

test("held thinking replaces what the client brought back changed", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I need weather", claude], [tool(), ""]));
  expect(await restored(memory, "claude", [{ text: "...", thought: true, thoughtSignature: claude }, call()])).toEqual([
    { text: "I need weather", thought: true, thoughtSignature: claude },
    { text: "...", thought: true },
    call(),
  ]);
});

test("held thinking is for its own family only", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I need weather", claude], [tool(), ""]));
  expect(await restored(memory, "gemini", [call()])).toEqual([call()]);
});

test("held thinking is bounded: the oldest is forgotten first", async () => {
  const { memory } = setup();
  const ids = [0, 1, 2].map((n) => `call_${String(n).repeat(24)}`);
  for (const id of ids) {
    memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, id + "t".repeat(4000), claude], [tool(id), ""]));
  }
  expect(await restored(memory, "claude", [call(ids[0])])).toHaveLength(1);
  expect(await restored(memory, "claude", [call(ids[2])])).toHaveLength(2);
});

test("a visible text's signature returns to that very text of that conversation", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([{ kind: "text" }, "The answer is 4", gemini]));
  expect(await restored(memory, "gemini", [{ text: "The answer is 4" }])).toEqual([
    { text: "The answer is 4", thoughtSignature: gemini },
  ]);
  expect(await restored(memory, "gemini", [{ text: "The answer is 5" }])).toEqual([{ text: "The answer is 5" }]);
  expect(await restored(memory, "gemini", [{ text: "The answer is 4" }], "other")).toEqual([
    { text: "The answer is 4" },
  ]);
});

test("gpt-oss is given no signature at all", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini]));
  expect(await restored(memory, "gpt-oss", [call(), { text: "t", thoughtSignature: gemini }])).toEqual([
    call(),
    { text: "t" },
  ]);
});

test("a client's own copy of a call's signature is used when the store knows none", async () => {
  const parts = [{ ...call(), thoughtSignature: gemini }];
  expect(await restored(setup().memory, "gemini", parts)).toEqual(parts);
});

test("the text of thinking is never given to the store", () => {
  const { memory, store } = setup();
  memory.watch(
    asked,
    "claude",
    "c",
  )(answer([{ kind: "thinking" }, "secret thought ".repeat(20), claude], [tool(), ""]));
  const written = JSON.stringify([...store.records.values()]);
  expect(written).not.toContain("secret thought ".repeat(5));
});

test("user turns pass untouched", async () => {
  const { memory } = setup();
  const contents = [{ role: "user" as const, parts: [{ text: "hi" }] }];
  expect((await memory.restore(plainRequest({ contents }), "gemini", "c")).contents).toEqual(contents);
});

test("a signature in a user's turn is removed, whosever it is", async () => {
  const { memory } = setup();
  const part: Part = { text: "hi", thoughtSignature: gemini };
  const request = { ...asked, contents: [{ role: "user" as const, parts: [part] }] };
  const { contents } = await memory.restore(request, "gemini", "c");
  expect(contents).toEqual([{ role: "user", parts: [{ text: "hi" }] }]);
});

test("the same short text is a different one when it answers something else", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([{ kind: "text" }, "Done.", gemini]));
  const contents = [
    ...asked.contents,
    { role: "model" as const, parts: [{ text: "Done." }] },
    { role: "user" as const, parts: [{ text: "and the next one" }] },
    { role: "model" as const, parts: [{ text: "Done." }] },
  ];
  const restoredContents = (await memory.restore(plainRequest({ contents }), "gemini", "c")).contents;
  expect(restoredContents.map(({ parts }) => parts[0]?.thoughtSignature)).toEqual([
    undefined,
    gemini,
    undefined,
    undefined,
  ]);
});

test("a signature that came late belongs to its thinking, also in what is held for the calls around it", async () => {
  const { memory, store } = setup();
  const watch = memory.watch(asked, "claude", "c");
  watch(answer([{ kind: "thinking" }, "I ponder"], [{ kind: "text" }, "Let me see"], [tool(), ""]));
  watch([{ type: "late-signature", index: 0, signature: claude }]);
  const thinking = { text: "I ponder", thought: true, thoughtSignature: claude };
  expect(await restored(memory, "claude", [{ text: "Let me see" }, call()])).toEqual([
    thinking,
    { text: "Let me see" },
    call(),
  ]);
  expect(await restored(setup(store).memory, "claude", [thinking])).toEqual([thinking]);
});

test("what upstream refused is not sent again, however it is remembered", async () => {
  const { memory } = setup();
  memory.watch(asked, "claude", "c")(answer([{ kind: "thinking" }, "I ponder", claude], [tool(), ""]));
  const parts = [{ text: "I ponder", thought: true, thoughtSignature: claude }, call()];
  memory.distrust(plainRequest({ contents: [{ role: "model", parts }] }));
  expect(await restored(memory, "claude", parts)).toEqual([{ text: "I ponder", thought: true }, call()]);
  expect(await restored(memory, "claude", [call()])).toEqual([call()]);
});

test("a call's refused signature is not sent again", async () => {
  const { memory } = setup();
  memory.watch(asked, "gemini", "c")(answer([tool(), "", gemini]));
  const contents = [{ role: "model" as const, parts: [{ ...call(), thoughtSignature: gemini }] }];
  memory.distrust(plainRequest({ contents }));
  expect(await restored(memory, "gemini", [call()])).toEqual([call()]);
});

test("thinking of another family is told as lost, the model's own is not", async () => {
  const { memory } = setup();
  const thought: Part = { text: "hm", thought: true, thoughtSignature: claude };
  const request = { ...asked, contents: [{ role: "model" as const, parts: [thought, { text: "hi" }] }] };
  expect(losesThinking(request, await memory.restore(request, "claude", "c"))).toBe(false);
  expect(losesThinking(request, await memory.restore(request, "gemini", "c"))).toBe(true);
});
