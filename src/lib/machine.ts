/**
 * A push-driven translator: feed inputs, read zero or more outputs, then close it once.
 * Outputs are appended to the caller's array, so a burst of inputs costs no promises and no generators.
 */
export interface Machine<In, Out> {
  push(input: In, out: Out[]): void;
  end(out: Out[]): void;
}

/** Feeds all inputs and closes the machine. */
export function runMachine<In, Out>(machine: Machine<In, Out>, inputs: Iterable<In>): Out[] {
  const out: Out[] = [];
  for (const input of inputs) machine.push(input, out);
  machine.end(out);
  return out;
}
