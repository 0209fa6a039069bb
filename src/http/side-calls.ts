import type { Route } from "./route.ts";

/**
 * What clients ask besides their protocol, for the maker of their usual service. They go on without an answer, but some
 * tell their user about the failure, or try again: so they are answered, and nothing is done. Bodies are not read.
 */
const PATHS: readonly (readonly [method: Route["method"], path: string])[] = [
  // Claude Code: whether anybody is there (HEAD, which is answered as GET is), and its telemetry.
  ["GET", "/api/hello"],
  ["POST", "/api/event_logging/*"],
  ["POST", "/v1/api/event_logging/*"],
  // Whose key this is.
  ["GET", "/v1/me"],
];

export const sideCallRoutes: readonly Route[] = PATHS.map(([method, path]) => ({
  method,
  path,
  access: "public",
  answer: async () => Response.json({}),
}));
