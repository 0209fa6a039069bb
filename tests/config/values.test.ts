import { expect, test } from "bun:test";
import * as v from "valibot";
import { origin } from "../../src/config/values.ts";

test.each([
  "https://chat.example.com",
  "http://localhost:3000",
  "https://[::1]:8443",
  // Extensions and desktop programs have pages, too.
  "chrome-extension://abcdefghijklmnop",
  "app://obsidian.md",
])("%s is a web origin", (text) => {
  expect(v.safeParse(origin, text).success).toBe(true);
});

test.each([
  "null",
  "*",
  "chat.example.com",
  "https://chat.example.com/",
  "https://chat.example.com/page",
  "https://Chat.example.com",
  "https://chat.example.com:443",
  "https://owner@chat.example.com",
  "app://obsidian.md/page",
  "file:///page",
  "data:text/html,page",
])("%s is none that a browser would send", (text) => {
  expect(v.safeParse(origin, text).success).toBe(false);
});
