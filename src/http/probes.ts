import { type AccountView, isUsable } from "../core/accounts.ts";
import { accountCounts } from "./health.ts";
import type { Route } from "./route.ts";

export interface ProbeDeps {
  accounts(): Promise<readonly AccountView[]>;
  /** Rejects when the database does not answer. */
  checkStore(): Promise<void>;
  version: string;
}

/** Probes need no key, but are no more for web pages than the rest. */
export function probeRoutes({ accounts, checkStore, version }: ProbeDeps): Route[] {
  const probe = (path: string, answer: () => Promise<Response>): Route => ({
    method: "GET",
    path,
    access: "public",
    answer,
  });
  return [
    probe("/", async () => Response.json({ name: "ag", version })),
    probe("/healthz", async () => Response.json({ status: "ok", version })),
    probe("/readyz", async () => {
      try {
        await checkStore();
      } catch {
        return Response.json({ status: "unready", reason: "the database does not answer" }, { status: 503 });
      }
      if ((await accounts()).some(({ account }) => isUsable(account))) return Response.json({ status: "ready" });
      return Response.json({ status: "unready", reason: "no usable account" }, { status: 503 });
    }),
    probe("/health", async () => {
      const counts = accountCounts(await accounts());
      return Response.json({ status: counts.usable > 0 ? "ok" : "degraded", version, accounts: counts });
    }),
  ];
}
