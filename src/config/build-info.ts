import { version } from "../../package.json";

// scripts/build.ts replaces these names by text; when run from source they do not exist.
declare const AG_BUILD_COMMIT: string | undefined;
declare const AG_BUILD_OAUTH_CLIENT_ID: string | undefined;
declare const AG_BUILD_OAUTH_CLIENT_SECRET: string | undefined;

export interface BuildInfo {
  version: string;
  /** Short git hash of a built binary, with "-dirty" for uncommitted changes; absent when run from source. */
  commit: string | undefined;
  /** The OAuth client that a release build carries. */
  oauthClient: { id: string; secret: string } | undefined;
}

const clientId = typeof AG_BUILD_OAUTH_CLIENT_ID === "string" ? AG_BUILD_OAUTH_CLIENT_ID : undefined;
const clientSecret = typeof AG_BUILD_OAUTH_CLIENT_SECRET === "string" ? AG_BUILD_OAUTH_CLIENT_SECRET : undefined;

export const buildInfo: BuildInfo = {
  version,
  commit: typeof AG_BUILD_COMMIT === "string" ? AG_BUILD_COMMIT : undefined,
  oauthClient: clientId && clientSecret ? { id: clientId, secret: clientSecret } : undefined,
};
