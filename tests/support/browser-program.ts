// Stands for a browser in BROWSER: opens the address it is given, and writes what it sees at the end to a file.
import { writeFileSync } from "node:fs";
import { browse } from "./scripted-browser.ts";

const [file = "", url = ""] = process.argv.slice(2);
writeFileSync(file, (await browse(url)).page);
