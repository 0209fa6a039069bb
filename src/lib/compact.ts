/** The same object without the keys whose value is `undefined`: absent means absent. */
export function compact<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) if (entry !== undefined) kept[key] = entry;
  return kept as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
