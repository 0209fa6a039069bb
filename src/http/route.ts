import type { Caller, Scope } from "../core/keys.ts";
import type { ProtocolId } from "../core/protocol.ts";
import type { Exchange } from "./exchange.ts";

/** Who may call a route: anybody who reaches the gateway, or whose key has the scope. */
export type Access = "public" | Scope;

export interface RouteCall {
  request: Request;
  exchange: Exchange;
  /** Who asks. */
  caller: Caller;
  /** What stands for `*` in the route's path, as it is in the address. "" for a path without one. */
  rest: string;
  /** From now on the client may be silent for as long as the answer takes. */
  untimed(): void;
}

export interface Route {
  method: "GET" | "POST" | "DELETE";
  path: string;
  access: Access;
  /** A model is asked in this protocol, or a prompt counted: it takes a place among the requests that run at the same time. */
  asks?: ProtocolId;
  /**
   * May throw: failures are answered in the shape of the protocol that asked. Ends the exchange itself when its reply goes on
   * after that.
   */
  answer(call: RouteCall): Promise<Response>;
}
