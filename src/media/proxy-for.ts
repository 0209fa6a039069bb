/**
 * The address of the proxy that the environment names for a URL; absent: it is reached directly. The variables, and what
 * NO_PROXY means, are those of `fetch`: names with their subdomains, addresses, either with a port, or `*` for all.
 */
export function proxyFor(url: URL, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const scheme = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const value = firstSet([scheme, scheme.toUpperCase(), "all_proxy", "ALL_PROXY"], environment);
  if (value === undefined || isExcepted(url, firstSet(["no_proxy", "NO_PROXY"], environment) ?? "")) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
}

function firstSet(
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value) return value;
  }
  return undefined;
}

function isExcepted({ hostname, port, protocol }: URL, exceptions: string): boolean {
  const portNumber = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  return exceptions.split(",").some((entry) => {
    const exception = entry.trim().toLowerCase();
    if (exception === "*") return true;
    const [, name = exception, onlyPort] = /^(.*[^:]):(\d+)$/.exec(exception) ?? [];
    if (name === "" || (onlyPort !== undefined && onlyPort !== portNumber)) return false;
    const bare = name.replace(/^\*?\./, "");
    return hostname === bare || hostname === `[${bare}]` || hostname.endsWith(`.${bare}`);
  });
}
