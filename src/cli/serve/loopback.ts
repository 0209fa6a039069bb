/** Whether only this machine can reach a socket bound to this host. A name other than localhost is taken for reachable. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === "localhost" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
