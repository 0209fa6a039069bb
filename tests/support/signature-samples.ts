/** Made-up signatures in the encodings the families use (docs/wire.md, "Signatures"). */
export function claudeSignature(seed: string): string {
  const inner = btoa(`\x12${String.fromCharCode(seed.length + 2)}\x0a${String.fromCharCode(seed.length)}${seed}`);
  return btoa(inner);
}

export function geminiSignature(seed: string): string {
  const field1 = `\x01${seed}`;
  return btoa(`\x12${String.fromCharCode(field1.length + 2)}\x0a${String.fromCharCode(field1.length)}${field1}`);
}

/** Anthropic's own single layer: not accepted by Cloud Code. */
export function anthropicDirectSignature(seed: string): string {
  return atob(claudeSignature(seed));
}
