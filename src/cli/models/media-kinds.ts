const KINDS: readonly (readonly [kind: string, prefix: string])[] = [
  ["image", "image/"],
  ["pdf", "application/pdf"],
  ["audio", "audio/"],
  ["video", "video/"],
];

/** What a model reads besides text, for people. */
export function mediaKinds(mimeTypes: readonly string[]): string[] {
  return KINDS.flatMap(([kind, prefix]) => (mimeTypes.some((type) => type.startsWith(prefix)) ? [kind] : []));
}
