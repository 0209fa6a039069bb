/** A signal that aborts at Ctrl-C, once; disposing gives Ctrl-C its usual meaning back. */
export interface Interrupt extends Disposable {
  signal: AbortSignal;
}

export function interruptible(): Interrupt {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal);
  return { signal: interrupt.signal, [Symbol.dispose]: () => void process.off("SIGINT", onSignal) };
}
