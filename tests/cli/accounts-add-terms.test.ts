import { describe, expect, test } from "bun:test";
import { UserError } from "../../src/cli/failure.ts";
import { agreeToTerms } from "../../src/cli/sign-in/terms.ts";
import type { ConsentStore } from "../../src/core/store.ts";

function scene(answer?: boolean) {
  const given = new Map<string, number>();
  const consents: ConsentStore = {
    givenAt: async (subject, version) => given.get(`${subject} ${version}`),
    give: async (subject, version, now) => void given.set(`${subject} ${version}`, now),
  };
  const said: string[] = [];
  const asked: string[] = [];
  const deps = {
    consents,
    now: () => 1_000,
    say: (text: string) => void said.push(text),
    ...(answer !== undefined && {
      confirm: async (question: string) => {
        asked.push(question);
        return answer;
      },
    }),
  };
  return { deps, given, said, asked };
}

describe("the notice about Google's terms", () => {
  test("says what is at stake and names the official lane", async () => {
    const { deps, said } = scene(true);
    await agreeToTerms(false, deps);
    expect(said).toHaveLength(1);
    for (const words of ["terms", "suspend the account", "ag accounts add --gemini-key"]) {
      expect(said[0]).toContain(words);
    }
  });

  test("wants a yes, which is kept with its time and not asked for again", async () => {
    const { deps, given, said, asked } = scene(true);
    await agreeToTerms(false, deps);
    await agreeToTerms(false, deps);
    expect([...given.values()]).toEqual([1_000]);
    expect([said.length, asked.length]).toEqual([1, 1]);
  });

  test("takes no for an answer, and names the official lane", async () => {
    const { deps, given } = scene(false);
    const refused = agreeToTerms(false, deps);
    await expect(refused).rejects.toMatchObject({ exitCode: 1, hint: expect.stringContaining("--gemini-key") });
    expect(given.size).toBe(0);
  });

  test("is shown to scripts too, which agree by their flag", async () => {
    const { deps, given, said, asked } = scene(true);
    await agreeToTerms(true, deps);
    expect([said.length, asked.length, given.size]).toEqual([1, 0, 1]);
  });

  test("cannot be agreed to by nobody", async () => {
    const { deps, given } = scene();
    const refused = agreeToTerms(false, deps);
    await expect(refused).rejects.toBeInstanceOf(UserError);
    await expect(refused).rejects.toMatchObject({ exitCode: 2, hint: expect.stringContaining("--accept-terms") });
    expect(given.size).toBe(0);
  });
});
