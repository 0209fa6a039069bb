import type { Config } from "../../config/load.ts";
import { UserError } from "../failure.ts";
import { findPortHolder } from "./port-holder.ts";

/** Why the socket could not be opened, in words that lead on. What is not about the socket is returned unchanged. */
export function listenFailure(cause: unknown, { server: { host, port } }: Pick<Config, "server">): unknown {
  if (!(cause instanceof Error && "code" in cause)) return cause;
  switch (cause.code) {
    case "EADDRINUSE": {
      const holder = findPortHolder(port);
      const by = holder === undefined ? "by another program" : `by ${holder.name} (process ${holder.pid})`;
      return new UserError(`Port ${port} on ${host} is taken ${by}`, {
        hint: `Choose another: ag serve --port ${port < 65535 ? port + 1 : 48123}   (or AG_PORT, or server.port in config.jsonc)`,
        cause,
      });
    }
    case "EACCES":
      return new UserError(`No permission to listen on port ${port}`, {
        hint: "Ports below 1024 need privileges: choose a higher one with --port",
        cause,
      });
    case "EADDRNOTAVAIL":
      return new UserError(`${host} is not an address of this machine`, {
        hint: "Choose another with --host; 127.0.0.1 always works",
        cause,
      });
    default:
      // Bun reports a host name that does not resolve under an unrelated code, but always as a failed "listen".
      if (!("syscall" in cause && cause.syscall === "listen")) return cause;
      return new UserError(`Cannot listen on ${host} port ${port} (${String(cause.code)})`, {
        hint: "Is the host an address of this machine? 127.0.0.1 always works",
        cause,
      });
  }
}
