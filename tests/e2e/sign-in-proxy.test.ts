import { expect, test } from "bun:test";
import { storedAccounts } from "../support/ag-process.ts";
import { type CloudCodeServer, DEFAULT_ACCOUNT, startCloudCode } from "../support/cloudcode/index.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { browse } from "../support/scripted-browser.ts";
import { temporaryHome } from "../support/temporary.ts";
import { startTlsFront } from "../support/tls-front.ts";
import { signInEnvironment, startSignIn } from "./support/sign-in.ts";

const TOKENS = "oauth2.example.test";
const USERINFO = "userinfo.example.test";
const CLOUD_CODE = "cloudcode.example.test";
const NAMES = [TOKENS, USERINFO, CLOUD_CODE];

/** Google under names that only the proxy can reach. The owner's browser has its own way. */
async function behindProxy(server: CloudCodeServer) {
  const front = await startTlsFront(server.url, [...NAMES, "localhost"]);
  const proxy = await startConnectProxy(Object.fromEntries(NAMES.map((name) => [name, front.port])));
  const home = temporaryHome();
  const env = {
    ...signInEnvironment(server, home),
    AG_OAUTH_TOKEN_URL: `https://${TOKENS}/token`,
    AG_OAUTH_USERINFO_URL: `https://${USERINFO}/userinfo`,
    AG_CLOUDCODE_URLS: `https://${CLOUD_CODE}`,
    NODE_EXTRA_CA_CERTS: front.certificateFile,
  };
  return {
    front,
    proxy,
    home,
    env,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

test.each(["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])("code, e-mail and project go through %s", async (variable) => {
  const server = await startCloudCode();
  await using scene = await behindProxy(server);
  const process = startSignIn(scene.home, ["--accept-terms"], { ...scene.env, [variable]: scene.proxy.url });
  await browse(await process.url());
  const { code, stdout, stderr } = await process.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/a1 .*: ready/);
  expect(new Set(scene.proxy.asked)).toEqual(new Set(NAMES.map((name) => `CONNECT ${name}:443`)));
  expect(await storedAccounts(server, scene.home)).toMatchObject([{ email: DEFAULT_ACCOUNT.email }]);
  expect(server.refusals()).toEqual([]);
});

test("the proxy's user name and password go along, to the proxy alone", async () => {
  const server = await startCloudCode();
  await using scene = await behindProxy(server);
  const url = scene.proxy.url.replace("//", "//user:test-password@");
  const process = startSignIn(scene.home, ["--accept-terms"], { ...scene.env, HTTPS_PROXY: url });
  await browse(await process.url());
  expect((await process.ended).code).toBe(0);
  expect(new Set(scene.proxy.credentials)).toEqual(new Set([`Basic ${btoa("user:test-password")}`]));
  expect(server.log.filter(({ headers }) => "proxy-authorization" in headers)).toEqual([]);
});

test("what NO_PROXY names is asked directly", async () => {
  const server = await startCloudCode();
  await using scene = await behindProxy(server);
  const direct = `https://localhost:${scene.front.port}`;
  const process = startSignIn(scene.home, ["--accept-terms"], {
    ...scene.env,
    AG_OAUTH_TOKEN_URL: `${direct}/token`,
    HTTPS_PROXY: scene.proxy.url,
    NO_PROXY: "localhost",
  });
  await browse(await process.url());
  expect((await process.ended).code).toBe(0);
  expect(scene.proxy.asked).not.toContain(`CONNECT localhost:${scene.front.port}`);
  expect(scene.proxy.asked).toContain(`CONNECT ${USERINFO}:443`);
});

test("without the proxy the sign-in fails, and names what to look at", async () => {
  const server = await startCloudCode();
  await using scene = await behindProxy(server);
  const process = startSignIn(scene.home, ["--accept-terms"], scene.env);
  const { page } = await browse(await process.url());
  const { code, stderr } = await process.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("Google's sign-in service cannot be reached");
  expect(stderr).toContain("HTTPS_PROXY if you need a proxy");
  expect(page).toContain("HTTPS_PROXY");
});

test("a SOCKS proxy is refused before anybody signs in", async () => {
  const server = await startCloudCode();
  await using scene = await behindProxy(server);
  const env = { ...scene.env, ALL_PROXY: "socks5://127.0.0.1:1080" };
  const { code, stdout, stderr } = await startSignIn(scene.home, ["--accept-terms"], env).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("ALL_PROXY names a SOCKS proxy");
});
