/** Where the JavaScript of one request spends its time, by the folders of the sources. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connectAll, drive } from "./bench-client.ts";
import { startGateway } from "./bench-processes.ts";
import type { UpstreamAddress } from "./bench-upstream.ts";

export interface Share {
  part: string;
  /** Of all samples, in [0, 1]. */
  share: number;
}

/** The part of a V8-style profile that is needed here. */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  timeDeltas: number[];
}

const root = resolve(import.meta.dir, "../..");

/** From the sources, since a compiled file has lost its names. */
export async function profile(upstream: UpstreamAddress, request: Uint8Array, requests: number): Promise<Share[]> {
  const folder = mkdtempSync(join(tmpdir(), "ag-profile-"));
  try {
    const flags = ["--cpu-prof", "--cpu-prof-interval=250", `--cpu-prof-dir=${folder}`];
    const gateway = await startGateway([process.execPath, join(root, "src/main.ts")], upstream, {
      BUN_OPTIONS: flags.join(" "),
      BUN_CONFIG_MAX_HTTP_REQUESTS: "16384", // else the process starts over, and its profile with it
    });
    const connections = await connectAll(gateway.url, 4);
    await drive(connections, request, requests);
    for (const connection of connections) connection.close();
    await gateway.stop();
    return sharesOf(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sharesOf(folder: string): Share[] {
  const totals = new Map<string, number>();
  let all = 0;
  for (const name of readdirSync(folder)) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, name), "utf8")) as Profile;
    const partOfNode = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
    for (const [index, id] of samples.entries()) {
      const part = partOfNode.get(id);
      const micros = timeDeltas[index] ?? 0;
      if (part === undefined || micros > IDLE_MICROS) continue;
      totals.set(part, (totals.get(part) ?? 0) + micros);
      all += micros;
    }
  }
  const shares = [...totals].map(([part, micros]) => ({ part, share: micros / all }));
  return shares.toSorted((left, right) => right.share - left.share);
}

/** A sample that stands for much longer than the interval stands for waiting. */
const IDLE_MICROS = 5_000;

function partOf({ functionName, url }: Profile["nodes"][number]["callFrame"]): string {
  const path = url.replace(/^file:\/\//, "");
  if (path.startsWith(`${root}/src/`)) {
    const [folder = "", inner] = path.slice(root.length + 5).split("/");
    return folder === "protocols" && inner ? `src/protocols/${inner}` : `src/${folder}`;
  }
  const module = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (module !== undefined) return module;
  return functionName === "" ? "Bun" : `Bun: ${functionName}`;
}
