import type { Usage } from "../core/turn.ts";

/** With a comma every three digits: "1,234,567". */
export function numberText(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

const UNITS = [
  { size: 1e9, name: "G" },
  { size: 1e6, name: "M" },
  { size: 1e3, name: "k" },
] as const;

/** In at most four characters and a sign: "950", "1.2k", "34k", "1.2M". */
export function shortNumber(value: number): string {
  const unit = UNITS.find(({ size }) => Math.round(value) >= size * 0.9995);
  if (unit === undefined) return String(Math.round(value));
  const scaled = value / unit.size;
  return `${scaled < 9.95 ? scaled.toFixed(1).replace(/\.0$/, "") : Math.round(scaled)}${unit.name}`;
}

/** What is known of an answer that broke off before any tokens were told is no count of them. */
export function hasTokens({ input, output }: Pick<Usage, "input" | "output">): boolean {
  return input > 0 || output > 0;
}

/** The cached share of the input: "75 %"; "": there was no input. All only when nothing is missing, none only when nothing was cached. */
export function cachedShare({ input, cachedInput }: Pick<Usage, "input" | "cachedInput">): string {
  if (input <= 0) return "";
  const share = (cachedInput / input) * 100;
  if (share <= 0 || share >= 100) return `${share <= 0 ? 0 : 100} %`;
  return `${Math.min(99, Math.max(1, Math.round(share)))} %`;
}
