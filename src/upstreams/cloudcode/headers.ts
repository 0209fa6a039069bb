const OS_NAMES: Readonly<Record<string, string>> = { win32: "windows" };
const ARCH_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** `platform` and `arch` as Node names them. */
export function userAgent(version: string, platform: string, arch: string): string {
  return `antigravity/${version} ${OS_NAMES[platform] ?? platform}/${ARCH_NAMES[arch] ?? arch}`;
}

/** The whole header set of a call. Nothing of a client's request is ever passed on (docs/wire.md, "Headers"). */
export function callHeaders(accessToken: string, agent: string, accept: string | undefined): Record<string, string> {
  return {
    Authorization: `Bearer ${accessToken}`,
    "Content-Type": "application/json",
    "User-Agent": agent,
    ...(accept !== undefined && { Accept: accept }),
  };
}
