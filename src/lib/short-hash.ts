/** Twelve hex digits that depend on every character of `text` (two FNV-1a runs). For telling names apart, not for secrets. */
export function shortHash(text: string): string {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x5bd1e995);
  }
  return hex(first) + hex(second).slice(0, 4);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
