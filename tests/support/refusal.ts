import { GatewayError } from "../../src/core/errors.ts";

/** The refusal that this ends in. */
export function refusalOf(run: () => unknown): GatewayError {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}
