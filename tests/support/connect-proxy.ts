import { connect, createServer, type Socket } from "node:net";

export interface ConnectProxy extends AsyncDisposable {
  url: string;
  /** What it was asked for, in order: "CONNECT oauth2.example.test:443". */
  asked: string[];
  /** The Proxy-Authorization headers that came, in order; "" for none. */
  credentials: string[];
}

/** An HTTP proxy that only tunnels, and knows the way to these hosts (name → port of 127.0.0.1) and to no other. */
export async function startConnectProxy(hosts: Readonly<Record<string, number>>): Promise<ConnectProxy> {
  const asked: string[] = [];
  const credentials: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy()); // either side may go away at any time
  };
  const server = createServer((client) => {
    keep(client);
    let head = "";
    client.on("data", function onHead(data) {
      head += data.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      client.off("data", onHead);
      const [line = ""] = head.split(" HTTP/1.1", 1);
      asked.push(line);
      credentials.push(/^proxy-authorization: (.*)$/im.exec(head)?.[1]?.trim() ?? "");
      const [, host = ""] = /^CONNECT ([^:]+):\d+$/.exec(line) ?? [];
      const port = Object.hasOwn(hosts, host) ? hosts[host] : undefined;
      if (port === undefined) return void client.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
      const upstream = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
      keep(upstream);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    credentials,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
