// Bundles this benchmark's TypeScript (with the sources, not dist/) and runs it: node bench/tensor/run.mjs [--json]
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const out = path.join(root, "node_modules/.cache/marginalia/bench");
await build({
  entryPoints: ["main", "worker"].map((name) => path.join(here, `${name}.ts`)),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  // Bundled, the library no longer lies in src/tensor, from where it looks for its compiled kernels.
  plugins: [
    {
      name: "library",
      setup(run) {
        run.onResolve({ filter: /src\/tensor\/index\.ts$/ }, () => ({
          path: path.join(root, "dist/tensor/index.js"),
          external: true,
        }));
        run.onResolve({ filter: /src\/graph\/random\.ts$/ }, () => ({
          path: path.join(root, "dist/graph/random.js"),
          external: true,
        }));
      },
    },
  ],
});
const { status } = spawnSync(process.execPath, [path.join(out, "main.mjs"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
