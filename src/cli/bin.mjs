#!/usr/bin/env node
// The command of the package: a committed file, so that npx finds it in a fresh clone too, where dist/ is not built
// yet.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../../dist/cli/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error(
    `marginalia: this checkout is not set up yet. Run "npm run setup" (or "npm start", which also makes all figures) in ` +
      fileURLToPath(new URL("../../", import.meta.url)),
  );
  process.exitCode = 2;
}
