import { type Config, loadConfig } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import type { composeCatalog } from "../../compose.ts";
import { configureQuietLogging } from "../serve/logging.ts";

type OpenCatalog = Awaited<ReturnType<typeof composeCatalog>>;

/** Opens the catalogue for one piece of work and closes it in any case. `demo`: the demo upstream's, without network. */
export async function withCatalog<T>(
  demo: boolean,
  work: (catalog: OpenCatalog, config: Config, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const config = loadConfig();
  if (!demo) proxyFromEnvironment(process.env);
  configureQuietLogging(config.server);
  const { composeCatalog } = await import("../../compose.ts");
  const catalog = await composeCatalog(config, { demo });
  try {
    return await work(catalog, config, new AbortController().signal);
  } finally {
    await catalog.close();
  }
}
