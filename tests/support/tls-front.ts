import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "selfsigned";
import { temporaryHome } from "./temporary.ts";

export interface TlsFront extends AsyncDisposable {
  port: number;
  /** The certificate, for NODE_EXTRA_CA_CERTS. */
  certificateFile: string;
}

/** Serves `target` over TLS on 127.0.0.1, under these names, with a certificate made for the purpose. */
export async function startTlsFront(target: string, names: readonly string[]): Promise<TlsFront> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "made for a test" }], {
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "subjectAltName", altNames: names.map((value) => ({ type: 2 as const, value })) },
    ],
  });
  const certificateFile = join(temporaryHome(), "certificate.pem");
  writeFileSync(certificateFile, cert);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    tls: { cert, key },
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const body = method === "POST" ? await request.text() : null;
      return fetch(target + pathname + search, { method, headers, body, redirect: "manual", decompress: false });
    },
  });
  return { port: server.port ?? 0, certificateFile, [Symbol.asyncDispose]: () => server.stop(true) };
}
