import { afterAll, describe, expect, test } from "bun:test";
import { compatText } from "../../src/cli/commands/compat.ts";
import { EXIT } from "../../src/cli/failure.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { approximated, fieldTable, harmless, mapped, refused } from "../../src/core/field-table.ts";
import { PROTOCOL_IDS } from "../../src/core/protocol.ts";
import { freshHome, runAg } from "./support.ts";

const home = freshHome();
afterAll(() => home[Symbol.dispose]());
const compat = (...words: string[]) => runAg(home.path, ["compat", ...words]);

interface Document {
  protocol: string;
  objects: { object: string; fields: { field: string; becomes: string; why?: string; dependsOnValue?: true }[] }[];
}

test("a protocol's tables are printed with one set of columns, and reasons are broken within their own", () => {
  const tables = [
    fieldTable("", {
      model: mapped,
      logit_bias: approximated("the upstream takes no token biases", () => true),
    }),
    fieldTable("messages[].content[].type", {
      text: harmless("a reason that is somewhat longer than the place that there is for it"),
      file: refused("no files are kept"),
    }),
  ];
  expect(compatText({ id: "openai-chat", tables }, 60, createPaint(false))).toBe(`openai-chat: 4 fields of 2 objects

mapped         carried over, or decides the form of the
               answer
harmless       without effect on the answer, or already true
               of every answer
approximated   served without it, or with what comes
               nearest, and named in x-ag-loss; 400 in
               strict mode
refused        400 that names it
* only where the value asks for what is not done anyway

the body
  model        mapped
  logit_bias   approximated*   the upstream takes no token
                               biases

messages[].content[], by its type
  text         harmless        a reason that is somewhat
                               longer than the place that
                               there is for it
  file         refused         no files are kept`);
});

describe.concurrent("ag compat", () => {
  test("alone lists the protocols with what becomes of their fields", async () => {
    const { code, stdout } = await compat();
    expect(code).toBe(EXIT.done);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(" ", 1)[0])).toEqual(["PROTOCOL", ...PROTOCOL_IDS]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);

    const { protocols } = JSON.parse((await compat("--json")).stdout);
    for (const { fields, mapped, harmless, approximated, refused } of protocols) {
      expect(mapped).toBeGreaterThan(0);
      expect(mapped + harmless + approximated + refused).toBe(fields);
    }
  });

  for (const id of PROTOCOL_IDS) {
    test(`prints every field of ${id}, each with a reason unless it is mapped`, async () => {
      const { code, stdout } = await compat("--protocol", id, "--json");
      const { protocol, objects } = JSON.parse(stdout) as Document;
      expect([code, protocol]).toEqual([EXIT.done, id]);
      expect(new Set(objects.map(({ object }) => object)).size).toBe(objects.length);
      for (const { field, becomes, why } of objects.flatMap(({ fields }) => fields)) {
        expect([field, becomes === "mapped"]).toEqual([field, why === undefined]);
      }
    });
  }

  test("knows the protocols by the names that people use", async () => {
    const names = ["messages", "chat", "responses", "completions", "images", "google"];
    const found = await Promise.all(
      names.map(async (name) => (JSON.parse((await compat("--protocol", name, "--json")).stdout) as Document).protocol),
    );
    expect(found).toEqual([...PROTOCOL_IDS]);
  });

  test("says what becomes of a field, and where that depends on its value", async () => {
    const { objects } = JSON.parse((await compat("--protocol", "chat", "--json")).stdout) as Document;
    const body = objects.find(({ object }) => object === "")?.fields ?? [];
    expect(body.find(({ field }) => field === "modalities")).toEqual({
      field: "modalities",
      becomes: "refused",
      why: "the models answer in text and images only",
      dependsOnValue: true,
    });
  });

  test("refuses an unknown protocol as wrong usage, with the nearest name", async () => {
    const { code, stdout, stderr } = await compat("--protocol", "mesages");
    expect([code, stdout]).toEqual([EXIT.usage, ""]);
    expect(stderr).toBe('ag: Unknown protocol "mesages". Did you mean messages?\n    ag compat lists them\n');
  });
});
