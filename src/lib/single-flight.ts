/** Shares one pending promise per key: callers that arrive while work is under way get the same result or error. */
export function singleFlight<T>(): (key: string, work: () => Promise<T>) => Promise<T> {
  const pending = new Map<string, Promise<T>>();
  return (key, work) => {
    const existing = pending.get(key);
    if (existing) return existing;
    const started = work().finally(() => pending.delete(key));
    pending.set(key, started);
    return started;
  };
}
