import { createServer, type Socket } from "node:net";

export interface SocketRequest {
  /** 1 for the first connection that was made, and so on. */
  connection: number;
  head: string;
  body: string;
  socket: Socket;
}

export interface SocketServer extends AsyncDisposable {
  url: string;
  port: number;
  /** In the order of their arrival. */
  requests: SocketRequest[];
  /** Connections that are open now. */
  open(): number;
  /** The other end of each gets a reset. */
  resetAll(): void;
}

/** An HTTP server that answers byte for byte as told, and knows over which connection a request came. */
export async function startSocketServer(answer: (request: SocketRequest) => void): Promise<SocketServer> {
  const sockets = new Set<Socket>();
  const requests: SocketRequest[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy()); // breaking off is what this server is for
    let received = "";
    socket.on("data", (data) => {
      received += data.toString("latin1");
      for (;;) {
        const headEnd = received.indexOf("\r\n\r\n") + 4;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
        if (headEnd < 4 || received.length < headEnd + length) return;
        const head = received.slice(0, headEnd);
        const request = { connection, head, body: received.slice(headEnd, headEnd + length), socket };
        received = received.slice(headEnd + length);
        requests.push(request);
        answer(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    open: () => sockets.size,
    resetAll() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function httpText(body: string, status = "200 OK"): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
