import { expect, test } from "bun:test";
import { proxyFor } from "../../src/media/proxy-for.ts";

const PROXY = "http://proxy.test:8080";

test.each([
  ["none is named", "https://a.test/", {}, undefined],
  ["the one for https", "https://a.test/", { HTTPS_PROXY: PROXY, HTTP_PROXY: "http://other.test" }, PROXY],
  ["the one for http", "http://a.test/", { HTTPS_PROXY: "http://other.test", HTTP_PROXY: PROXY }, PROXY],
  ["small letters come first", "https://a.test/", { HTTPS_PROXY: "http://other.test", https_proxy: PROXY }, PROXY],
  ["the one for all", "https://a.test/", { ALL_PROXY: PROXY, HTTP_PROXY: "http://other.test" }, PROXY],
  ["an empty one is none", "https://a.test/", { https_proxy: " ", ALL_PROXY: "" }, undefined],
  ["without a scheme", "https://a.test/", { HTTPS_PROXY: "proxy.test:8080" }, PROXY],
  ["an exception", "https://a.test/", { HTTPS_PROXY: PROXY, NO_PROXY: "b.test, A.test" }, undefined],
  ["an exception below a name", "https://x.a.test/", { HTTPS_PROXY: PROXY, no_proxy: ".a.test" }, undefined],
  ["an exception with a star", "https://x.a.test/", { HTTPS_PROXY: PROXY, no_proxy: "*.a.test" }, undefined],
  ["everything is an exception", "https://a.test/", { HTTPS_PROXY: PROXY, NO_PROXY: "*" }, undefined],
  [
    "no exception for a name that only ends alike",
    "https://xa.test/",
    { HTTPS_PROXY: PROXY, NO_PROXY: "a.test" },
    PROXY,
  ],
  ["an exception for the port", "https://a.test/", { HTTPS_PROXY: PROXY, NO_PROXY: "a.test:443" }, undefined],
  ["an exception for another port", "https://a.test/", { HTTPS_PROXY: PROXY, NO_PROXY: "a.test:80" }, PROXY],
  [
    "an exception for an IPv6 address",
    "http://[2606:4700::1111]/",
    { HTTP_PROXY: PROXY, NO_PROXY: "2606:4700::1111" },
    undefined,
  ],
])("%s", (_, url, environment, proxy) => {
  expect(proxyFor(new URL(url), environment)).toBe(proxy);
});
