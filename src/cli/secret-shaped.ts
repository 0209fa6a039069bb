/** How refresh tokens, access tokens, sign-in codes, client secrets and API keys begin; no name, label or sensible path does. */
const BEGINNINGS = /^["'\s]*(?:1(?:\/|%2[Ff]){2}|4(?:\/|%2[Ff])0|ya29\.|AIza|GOCSPX-|sk-\S{16})/;

/** Whether this word, typed or pasted where none belongs, may be a secret: it is not to be repeated, nor stored as a name. */
export function looksLikeSecret(word: string): boolean {
  return BEGINNINGS.test(word);
}

/** A word of the command line as a message may show it. */
export function shownWord(word: string): string {
  return looksLikeSecret(word) ? "that looks like a key or token" : JSON.stringify(word);
}
