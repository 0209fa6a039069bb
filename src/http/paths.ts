/**
 * What an address stands for when it is no route's: a doubled or a missing version and a doubled slash are common slips in
 * client settings, and so is a slash at the end. The routes to look for, the likeliest first; Gemini's have `/v1beta`.
 */
export function forgivenPaths(pathname: string): string[] {
  const plain = pathname.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1");
  const gemini = plain.replace(/^(?:\/v1(?:alpha|beta)?)*\/v1(?:alpha|beta)(?:\/v1)*(?=\/|$)/, "/v1beta");
  const openai = gemini === plain ? plain.replace(/^(?:\/v1){2,}(?=\/|$)/, "/v1") : gemini;
  return openai.startsWith("/v1") ? [openai] : [openai, `/v1${openai}`];
}
