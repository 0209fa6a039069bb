/** Holds every port from `first` to `last` on 127.0.0.1; those that another program holds already need no help. */
export function takenPorts(first: number, last: number): AsyncDisposable {
  const held: Bun.TCPSocketListener[] = [];
  for (let port = first; port <= last; port++) {
    try {
      held.push(Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }));
    } catch {
      // taken, which is what is wanted
    }
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const listener of held) listener.stop(true);
    },
  };
}
