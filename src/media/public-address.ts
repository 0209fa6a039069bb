/** An address range: its first bytes, and how many bits of them count. */
type Range = readonly [bytes: readonly number[], bits: number];

/** What the registries of special-purpose addresses (RFC 6890) keep from the internet, and one address that a cloud listens at. */
const NOT_PUBLIC_4: readonly Range[] = [
  [[0], 8], // this network
  [[10], 8],
  [[100, 64], 10], // behind a provider's translation (CGNAT)
  [[127], 8],
  [[168, 63, 129, 16], 32], // Azure's own service to its machines
  [[169, 254], 16], // link-local, where clouds keep their metadata
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15], // measurements
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 3], // multicast, reserved, broadcast
];

/** All of IPv6 that is given out to the public; what else there is, is special. */
const GLOBAL_6: Range = [[0x20], 3];

const NOT_PUBLIC_6: readonly Range[] = [
  [[0x20, 0x01, 0x00], 23], // protocol assignments, Teredo
  [[0x20, 0x01, 0x0d, 0xb8], 32], // documentation
  [[0x3f, 0xff, 0x00], 20], // documentation
];

/** IPv6 addresses that stand for an IPv4 address, and where in them it is. */
const EMBEDDED_4: readonly (readonly [range: Range, at: number])[] = [
  [[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 96], 12], // mapped
  [[[0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 96], 12], // NAT64
  [[[0x20, 0x02], 16], 2], // 6to4
];

/**
 * Whether an IP address belongs to the public internet: neither private, loopback, link-local, shared, multicast nor
 * reserved, nor standing for an IPv4 address that is. Text that is no IP address is not public.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  return address.length === 4 ? isPublic4(address) : isPublic6(address);
}

function isPublic4(address: readonly number[]): boolean {
  return !NOT_PUBLIC_4.some((range) => isWithin(address, range));
}

function isPublic6(address: readonly number[]): boolean {
  for (const [range, at] of EMBEDDED_4) {
    if (isWithin(address, range)) return isPublic4(address.slice(at, at + 4));
  }
  return isWithin(address, GLOBAL_6) && !NOT_PUBLIC_6.some((range) => isWithin(address, range));
}

function isWithin(address: readonly number[], [bytes, bits]: Range): boolean {
  for (let index = 0; index * 8 < bits; index++) {
    const mask = bits - index * 8 >= 8 ? 0xff : 0xff << (8 - (bits - index * 8));
    if (((address[index] ?? 0) & mask) !== ((bytes[index] ?? 0) & mask)) return false;
  }
  return true;
}

/** The bytes of an IP address in its usual spelling, four or sixteen; `undefined` for anything else, zones included. */
export function parseAddress(text: string): number[] | undefined {
  return text.includes(":") ? parse6(text) : parse4(text);
}

function parse4(text: string): number[] | undefined {
  const pieces = text.split(".");
  // A leading zero means octal to some: such spellings are no address here.
  if (pieces.length !== 4 || !pieces.every((piece) => /^(?:0|[1-9]\d{0,2})$/.test(piece))) return undefined;
  const bytes = pieces.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parse6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : groupsOf(half.split(":"))));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined) return missing === 0 ? head : undefined;
  return missing >= 2 ? [...head, ...Array.from({ length: missing }, () => 0), ...tail] : undefined;
}

function groupsOf(groups: readonly string[]): number[] | undefined {
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const dotted = index === groups.length - 1 && group.includes(".") ? parse4(group) : undefined;
    if (dotted) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}
