// Who may import whom. Arrows point to what is imported:
//   cli, main → compose → http → gateway → core → lib
//               compose → upstreams/x → upstreams/shared, gemini-wire, core, lib
//               compose → { protocols/x, gemini-wire, models, accounts, auth, store, limits, config, media, keys, explain, metrics } → core, lib
// Islands (the folders in braces and upstreams/x) do not know each other: compose hands one what it needs of another.
// Compose is compose.ts and, known to it alone, the files of compose/.

const ISLAND =
  "^src/(protocols/[^/]+|gemini-wire|models|accounts|auth|store|limits|config|media|keys|explain|metrics)/";
const PURE = "^src/(lib|core|protocols|gemini-wire|models|explain)/";
/** Folders that talk to the machine. All others get time, ids, files and sockets passed in. */
const MAY_USE_BUILTINS = "^src/(main\\.ts$|compose\\.ts$|compose/|cli/|config/|store/|auth/|http/)";
/** The pure parts of islands whose input or output is the command line's: files to read, documents to show. */
const SHARED_WITH_CLI =
  "accounts/(import/|archive\\.ts$|verify\\.ts$)|limits/(report|schema|text|zone-times)\\.ts$|explain/";

/** Files below `from` may import, of our own code, nothing but `allowed`. */
function only(name, from, allowed) {
  return {
    name,
    comment: `${from} may import only ${allowed}`,
    severity: "error",
    from: { path: from },
    to: { path: "^(src|tests|scripts)/", pathNot: allowed },
  };
}

function forbid(name, comment, from, to) {
  return { name, comment, severity: "error", from, to };
}

module.exports = {
  forbidden: [
    forbid("no-cycles", "A cycle has no first thing to understand", {}, { circular: true }),
    forbid(
      "no-unresolved",
      "The imported file or package is not there",
      {},
      { couldNotResolve: true, pathNot: "^bun:" },
    ),
    forbid(
      "no-unlisted-packages",
      "Runtime code may use only the dependencies of package.json",
      { path: "^src/" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    ),
    only("lib", "^src/lib/", "^src/lib/"),
    only("core", "^src/core/", "^src/(lib|core)/"),
    only("island", ISLAND, "^src/(lib|core|$1)/"),
    only("upstream", "^src/(upstreams/[^/]+)/", "^src/(lib|core|gemini-wire|upstreams/shared|$1)/"),
    only("gateway", "^src/gateway/", "^src/(lib|core|gateway)/"),
    only("http", "^src/http/", "^src/(lib|core|gateway|http)/"),
    only("compose", "^src/compose(\\.ts$|/)", "^src/(?!cli/|main\\.ts$)"),
    only("cli", "^src/cli/", `^src/((lib|core|config|cli)/|${SHARED_WITH_CLI}|compose\\.ts$)`),
    only("main", "^src/main\\.ts$", "^src/cli/"),
    forbid(
      "compose-is-the-top",
      "Only the command line puts the parts together",
      { path: "^src/", pathNot: "^src/cli/" },
      { path: "^src/compose\\.ts$" },
    ),
    forbid(
      "compose-has-one-door",
      "compose.ts is what others know of it",
      { path: "^src/", pathNot: "^src/compose(\\.ts$|/)" },
      { path: "^src/compose/" },
    ),
    forbid("pure", "Pure folders import no platform modules", { path: PURE }, { dependencyTypes: ["core"] }),
    forbid(
      "builtins",
      "This folder gets what it needs of the platform passed in",
      { path: "^src/", pathNot: [PURE, MAY_USE_BUILTINS] },
      {
        dependencyTypes: ["core"],
        path: "^(node:)?(fs|net|http|https|child_process|os|process|timers|worker_threads)(/|$)",
      },
    ),
    forbid("sqlite-in-store", "", { path: "^src/", pathNot: "^src/store/" }, { path: "^bun:sqlite$" }),
    forbid("elysia-in-http", "", { path: "^src/", pathNot: "^src/http/" }, { path: "(^|node_modules/)elysia(/|$)" }),
    forbid("citty-in-cli", "", { path: "^src/", pathNot: "^src/cli/" }, { path: "(^|node_modules/)citty(/|$)" }),
    forbid("clack-in-cli", "", { path: "^src/", pathNot: "^src/cli/" }, { path: "(^|node_modules/)@clack/" }),
    forbid(
      "consola-at-the-edge",
      "Log in cli, http and compose; elsewhere return or throw",
      { path: "^src/", pathNot: "^src/(cli/|http/|compose\\.ts$|compose/)" },
      { path: "(^|node_modules/)consola(/|$)" },
    ),
    forbid(
      "stream-plugin-for-the-dashboard",
      "@elysiajs/stream ends broken streams as if they were whole: never on routes of models",
      { path: "^src/" },
      { path: "(^|node_modules/)@elysiajs/stream(/|$)" },
    ),
    forbid("tests-stay-out", "", { path: "^src/" }, { path: "^(tests|scripts)/" }),
  ],
  options: {
    // Type-only imports count: a type is knowledge of another folder too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["bun", "import", "node", "default"] },
    doNotFollow: { path: "node_modules" },
    builtInModules: { add: ["bun", "bun:sqlite", "bun:ffi", "bun:jsc", "bun:test"] },
  },
};
