// tfjs-core's own test suite, as its npm package carries it, on our back end and on tfjs-backend-cpu beside it:
// node tests/tensor/specs.mjs [ops/<name> ...]   (names of spec files choose a part of it)
// Prints { backend: { passed, failed, pending } } and the specs that fail on ours though they pass on tfjs-backend-cpu.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const core = path.join(
  path.dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-core/package.json")),
  "dist",
);
const out = path.join(root, "node_modules/.cache/marginalia/specs.mjs");

const all = [...readFileSync(path.join(core, "tests.js"), "utf8").matchAll(/^import '\.\/(.*)';/gm)].map(
  (found) => found[1],
);
const wanted = process.argv.slice(2);
const specs = wanted.length ? all.filter((name) => wanted.some((part) => name.includes(part))) : all;

/** One bundle, in which tfjs-core exists once: the specs reach into its files. */
const entry = `
  import jasmineRequire from "jasmine-core/lib/jasmine-core/jasmine.js";
  const jasmine = jasmineRequire.core(jasmineRequire);
  const env = jasmine.getEnv();
  Object.assign(globalThis, jasmineRequire.interface(jasmine, env));
  globalThis.jasmine = jasmine;
  const { setTestEnvs, setupTestFilters } = await import(${JSON.stringify(path.join(core, "jasmine_util.js"))});
  const tf = await import("@tensorflow/tfjs-core");
  await import("@tensorflow/tfjs");
  const backendName = process.env.SPECS_BACKEND;
  if (backendName === "marginalia") await import(${JSON.stringify(path.join(root, "dist/tensor/index.js"))});
  setTestEnvs([{ name: backendName, backendName, flags: {}, isDataSync: true }]);
  env.configure({ random: false, failSpecWithNoExpectations: false });
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 60000;
  ${specs.map((name) => `await import(${JSON.stringify(path.join(core, name) + ".js")});`).join("\n  ")}
  const counts = { passed: 0, failed: 0, pending: 0 };
  const failures = {};
  env.addReporter({
    specDone(result) {
      counts[result.status === "excluded" ? "pending" : result.status] = (counts[result.status] ?? 0) + 1;
      if (result.status === "failed") failures[result.fullName] = result.failedExpectations[0]?.message ?? "";
    },
  });
  await env.execute();
  process.stdout.write("\\nRESULT " + JSON.stringify({ counts, failures }) + "\\n", () => process.exit(0));
`;

await build({
  stdin: { contents: entry, resolveDir: root, loader: "js" },
  outfile: out,
  bundle: true,
  platform: "node",
  format: "esm",
  mainFields: ["module", "main"],
  logLevel: "error",
  banner: {
    js: `import { createRequire as __requireFrom } from "node:module"; const require = __requireFrom(${JSON.stringify(root)});`,
  },
  define: { "import.meta.url": JSON.stringify(new URL("../../dist/tensor/library.js", import.meta.url).href) },
});

/** Where we differ on purpose, and why. */
const known = {
  "avgPool marginalia {} gradient x=[3,3,1] f=[3,3] s=1 p=explicit":
    "tfjs's gradient at the border is not the derivative of its forward pass; ours is",
};

const results = {};
for (const backend of ["marginalia", "cpu"]) {
  const { stdout, stderr } = spawnSync(process.execPath, [out], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, SPECS_BACKEND: backend },
  });
  const line = stdout.split("\n").find((text) => text.startsWith("RESULT "));
  if (!line) throw new Error(`the specs did not finish on ${backend}: ${stderr.slice(-2000)}`);
  results[backend] = JSON.parse(line.slice(7));
}
for (const [backend, { counts }] of Object.entries(results)) console.log(backend, JSON.stringify(counts));
const ours = Object.entries(results.marginalia.failures).filter(([name]) => {
  const there = name.replace(/\bmarginalia\b/g, "cpu");
  return !(there in results.cpu.failures);
});
for (const [name, message] of ours)
  console.log(`ONLY OURS FAILS: ${name}\n    ${known[name] ?? message.split("\n")[0]}`);
process.exitCode = ours.some(([name]) => !(name in known)) ? 1 : 0;
