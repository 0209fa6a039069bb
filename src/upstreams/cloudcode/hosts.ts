/** Base URLs, in the order in which they are tried. */
export interface Hosts {
  /** For generation and the model catalogue. */
  generate: readonly string[];
  /** For project discovery: fresh accounts resolve better on prod. */
  load: readonly string[];
}

const DAILY = "https://daily-cloudcode-pa.googleapis.com";
const PROD = "https://cloudcode-pa.googleapis.com";

/** The user's list replaces the built-in one for every call, so that nothing goes around a proxy of theirs. */
export function hostsFor(overrides: readonly string[] = []): Hosts {
  const own = overrides.map((url) => url.trim().replace(/\/+$/, "")).filter((url) => url !== "");
  return own.length > 0 ? { generate: own, load: own } : { generate: [DAILY, PROD], load: [PROD, DAILY] };
}
