// Preloaded by bunfig.toml: its hook runs once, after the last test file.
import { afterAll } from "bun:test";
import { removeTemporaryHomes } from "./temporary.ts";

afterAll(removeTemporaryHomes);
