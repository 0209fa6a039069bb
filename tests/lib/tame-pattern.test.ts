import { expect, test } from "bun:test";
import { isTamePattern } from "../../src/lib/tame-pattern.ts";

test.each([
  "^[a-z]+$",
  "^\\d{4}-\\d{2}-\\d{2}$",
  "^(?:red|green|blue)$",
  "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
  "^\\+?[0-9()*+ -]{5,20}$",
  "^(?!x)\\p{L}+(?: Jr)?$",
  "\\d+",
  "",
])("%s is done soon", (pattern) => {
  expect(isTamePattern(pattern)).toBe(true);
});

test.each([
  "(a+)+$",
  "^(a|a)*$",
  "^(a|aa){10}$",
  "^(?:-[a-z]+)*$",
  "^([a-z])\\1$",
  "^(?<x>a)\\k<x>$",
  "^.*.*.*.*$",
  "a*a*a*",
  "^a{1,}b{2,9}c+d*$",
  "^x?x?x?x?x?x?x?x?x?x?x?xxxxxxxxxxx$",
])("%s may take for ever", (pattern) => {
  expect(isTamePattern(pattern)).toBe(false);
});
