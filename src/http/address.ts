/**
 * The request, at an address that can be read. The one that the runtime makes of a Host header that is missing, as in HTTP/1.0,
 * or is nonsense cannot; what the header says stays the guard's to judge.
 */
export function withAddress(request: Request): Request {
  if (hasAddress(request)) return request;
  const path = request.url.replace(/^https?:\/\/[^/]*/i, "");
  return new Request(`http://localhost${path}`, request);
}

export function hasAddress({ url }: Request): boolean {
  return URL.canParse(url);
}
