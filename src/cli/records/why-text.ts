import type { RequestRecord } from "../../core/record.ts";
import { explanation } from "../../explain/explanation.ts";
import type { Step } from "../../explain/timeline.ts";
import { spentText } from "../../lib/spent-text.ts";
import { type Paint, plain, WIDEST_PROSE, wrapped } from "../terminal.ts";
import { textTable } from "../text-table.ts";
import type { ClockText } from "./clock-text.ts";

export interface WhyTextOptions {
  width: number;
  paint: Paint;
  clock: ClockText;
}

const same = (text: string) => text;
const MARKS: Readonly<Record<Step["tone"], { mark: string; paint(paint: Paint): (text: string) => string }>> = {
  plain: { mark: "·", paint: ({ dim }) => dim },
  wait: { mark: "…", paint: ({ yellow }) => yellow },
  failure: { mark: "✗", paint: ({ red }) => red },
  success: { mark: "✓", paint: () => same },
};

/** One request explained on a page: the sentence, what can be done, what is known, and what happened when. */
export function whyText(record: RequestRecord, { width, paint, clock }: WhyTextOptions): string {
  const { sentence, advice, facts, steps } = explanation(record);
  const prose = (text: string) => wrapped(plain(text), Math.min(width, WIDEST_PROSE));
  const [id, ...others] = facts.map(({ label, text }) => [label, plain(text)]);
  const rows = [...(id ? [id] : []), ["arrived", clock.full(record.at)], ...others];
  const times = steps.map(({ atMs }) => spentText(atMs));
  const timeWidth = Math.max(...times.map((time) => time.length));
  const story = steps.map(({ tone, text }, index) => {
    const { mark, paint: painted } = MARKS[tone];
    return [`${paint.dim((times[index] ?? "").padStart(timeWidth))}  ${painted(paint)(mark)}`, plain(text)];
  });
  return [
    lines(prose(sentence), paint.bold),
    ...(advice === undefined ? [] : [prose(advice)]),
    textTable(
      rows.map(([label = "", text = ""]) => [paint.dim(label), text]),
      { maxWidth: width },
    ),
    textTable(story, { maxWidth: width }),
  ].join("\n\n");
}

/** Painted line by line, so that no pager loses the colour. */
function lines(text: string, painted: (line: string) => string): string {
  return text.split("\n").map(painted).join("\n");
}
