import { parseAddress } from "./public-address.ts";

/** Where a request goes: http or https, without user name and password. */
export interface Target {
  url: URL;
  /** A name or an IP address, without brackets and without the dot at the end. */
  host: string;
  isAddress: boolean;
}

/** Why a file is not to be had, as the rest of a sentence that begins with "the address". */
export class Unfetchable extends Error {
  override readonly name = "Unfetchable";
}

/**
 * What the text of an address means, as every browser understands it: the odd spellings of IP addresses (decimal, octal,
 * short, full-width) come out as the usual one. Throws Unfetchable.
 */
export function readTarget(text: string, base?: URL): Target {
  const url = URL.parse(text, base?.href);
  if (!url) throw new Unfetchable("is not a valid URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Unfetchable("does not begin with http:// or https://");
  }
  if (url.username !== "" || url.password !== "") throw new Unfetchable("holds a user name or a password");
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return { url, host, isAddress: parseAddress(host) !== undefined };
}

/** Names that mean something only within a network or a machine, whoever resolves them. */
const INNER_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa)$/;

/** Whether a name can be no public one: it has no dot, or ends as the names of inner networks do. */
export function isInnerName(host: string): boolean {
  return !host.includes(".") || INNER_NAME.test(host);
}
