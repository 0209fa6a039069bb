import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

export interface PortHolder {
  pid: number;
  name: string;
}

const LISTEN_STATE = "0A";

/** The process that listens on a TCP port, when this user may see it. Never throws. */
export function findPortHolder(port: number): PortHolder | undefined {
  try {
    return process.platform === "linux" ? fromProcFileSystem(port) : fromLsof(port);
  } catch {
    return undefined; // a better message is all that is lost: no /proc, no lsof, or no permission
  }
}

function fromProcFileSystem(port: number): PortHolder | undefined {
  const sockets = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap(readLines).flatMap((line) => listeningInode(line, port) ?? []),
  );
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (holdsOneOf(pid, sockets)) return { pid: Number(pid), name: processName(pid) };
  }
  return undefined;
}

/** The socket's inode when this line of /proc/net/tcp is a listener on the port. */
export function listeningInode(line: string, port: number): string | undefined {
  const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
  const listens = state === LISTEN_STATE && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
  return listens ? inode : undefined;
}

function holdsOneOf(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false; // the process ended meanwhile, or belongs to someone else
  }
}

function processName(pid: string): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  return programName(words) || readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

/** "ag", "nginx"; for a script the script too: "node /opt/proxy/index.js". */
export function programName([command = "", script = ""]: readonly string[]): string {
  const name = basename(command);
  const interpreted = /^(?:node|bun|deno|python[\d.]*|ruby|java)(?:\.exe)?$/.test(name);
  return interpreted && script !== "" && !script.startsWith("-") ? `${name} ${script}` : name;
}

function readLines(path: string): string[] {
  return readFileSync(path, "utf8").split("\n");
}

function fromLsof(port: number): PortHolder | undefined {
  const { stdout } = Bun.spawnSync(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], { timeout: 2_000 });
  return parseLsof(stdout.toString());
}

/** Reads `lsof -Fpc`: one field a line, "p" process id, "c" command name. */
export function parseLsof(output: string): PortHolder | undefined {
  const pid = /^p(\d+)$/m.exec(output)?.[1];
  const name = /^c(.+)$/m.exec(output)?.[1];
  return pid === undefined ? undefined : { pid: Number(pid), name: name ?? "a program" };
}
