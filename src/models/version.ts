/**
 * Of the ids, the one whose version comes nearest to that in the name: the same, else the next newer, else the newest.
 * A name without a version means the newest. Among equals the shortest id is the plainest.
 */
export function nearestVersion(ids: readonly string[], name: string): string | undefined {
  const wanted = versionOf(name);
  const sorted = ids
    .map((id) => ({ id, version: versionOf(id) ?? [] }))
    .toSorted((a, b) => compare(a.version, b.version) || a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
  const newest = sorted.at(-1)?.version ?? [];
  const best =
    (wanted && sorted.find(({ version }) => compare(version, wanted) >= 0)) ??
    sorted.find(({ version }) => compare(version, newest) === 0);
  return best?.id;
}

/** The first run of numbers, dates left out: [4, 6] in "model-4-6-thinking", [4] in "model-4-20250514". */
export function versionOf(name: string): number[] | undefined {
  const run = /\d+(?:[.-]\d+)*/.exec(name)?.[0].split(/[.-]/) ?? [];
  const numbers = run.filter((digits) => digits.length <= 3).map(Number);
  return numbers.length > 0 ? numbers : undefined;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let place = 0; place < Math.max(a.length, b.length); place++) {
    const difference = (a[place] ?? 0) - (b[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
