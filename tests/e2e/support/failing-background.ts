/**
 * Preloaded into `ag`: each call to upstream leaves failures behind that nobody waits for, and that carry all that was sent, as
 * libraries' errors do.
 */
const Session = Bun.FetchSession;
type Fetch = InstanceType<typeof Session>["fetch"];

Object.defineProperty(Bun, "FetchSession", {
  value: function FailingSession(options: ConstructorParameters<typeof Session>[0]) {
    const session = new Session(options);
    const fetch: Fetch = (...call) => {
      fail(call);
      return session.fetch(...call);
    };
    return { fetch, close: () => session.close() };
  },
});

function fail(call: Parameters<Fetch>): void {
  const sent = { call, body: String(call[1]?.body) };
  const name = /\w*(?=\?|$)/.exec(String(call[0]))?.[0] ?? ""; // streamGenerateContent: each name is told of by itself
  setTimeout(() => {
    throw Object.assign(new Error(`planted exception of ${name}`, { cause: new Error(JSON.stringify(sent)) }), {
      name,
      sent,
    });
  });
  void Promise.reject(Object.assign(new TypeError(`planted rejection of ${name}`), { name, sent }));
  const errors = [Object.assign(new Error("one of them"), { sent })];
  void Promise.reject(Object.assign(new AggregateError(errors, `planted rejections of ${name}`), { name }));
}
