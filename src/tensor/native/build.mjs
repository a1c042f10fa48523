// Compiles the kernels, by calling a compiler directly: `node build.mjs` the Node-API addon, for this machine;
// `node build.mjs wasm` the WebAssembly module, which is committed. Plain JavaScript: set-up runs it before anything is
// built.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../../..");
/** Where the addon lives: src/tensor/library.ts looks for it there. */
export const addonFile = path.join(root, "node_modules/.cache/marginalia/marginalia.node");
export const wasmFile = path.join(here, "marginalia.wasm");

/** Flags of every build. */
// Not -ffast-math: infinities, NaN and the order of sums keep their meaning. Off are only errno and trapping.
export const common = [
  "-std=gnu11",
  "-O2",
  "-ftree-vectorize",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
  "-Wall",
  "-Wextra",
];
const levels =
  process.arch === "x64"
    ? {
        baseline: [],
        avx2: ["-mavx2", "-mfma", "-mbmi", "-mbmi2"],
        avx512: ["-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma"].concat(
          "-mprefer-vector-width=512",
        ),
      }
    : { baseline: [] };

const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options });

/** The C compiler of this machine: $CC, cc, gcc or clang; undefined when there is none. */
export function findCompiler() {
  for (const candidate of [process.env.CC, "cc", "gcc", "clang"].filter(Boolean)) {
    try {
      return { command: candidate, version: run(candidate, ["--version"]).split("\n")[0] };
    } catch {
      // the next one
    }
  }
  return undefined;
}

function sources() {
  return readdirSync(here)
    .filter((name) => /\.(c|h|mjs)$/.test(name))
    .sort();
}

/**
 * Compiles the addon to `output`. `extra` flags go to every step (tests add -fsanitize=address). `double`: all of it in
 * double precision, on Float64Array, for one instruction set: tests check gradients with it. Throws on failure.
 */
export function buildAddon(output, { compiler = findCompiler(), extra = [], double = false } = {}) {
  if (!compiler) throw new Error("no C compiler was found (tried $CC, cc, gcc, clang)");
  const require = createRequire(import.meta.url);
  const headers = path.join(path.dirname(require.resolve("node-api-headers/package.json")), "include");
  mkdirSync(path.dirname(output), { recursive: true });
  const work = mkdtempSync(path.join(path.dirname(output), "build-"));
  try {
    // At -O2 GCC vectorises only loops of known length unless told otherwise; Clang does, and knows no such flag.
    const always = /clang/i.test(compiler.version) ? [] : ["-fvect-cost-model=dynamic"];
    const precision = double ? ["-DMARGINALIA_DOUBLE", "-Wno-psabi"] : [];
    const flags = [...common, ...always, "-fPIC", "-fvisibility=hidden", "-pthread", ...precision, ...extra];
    const objects = [];
    const compile = (source, object, more) => {
      objects.push(path.join(work, object));
      run(compiler.command, [...flags, ...more, "-c", source, "-o", path.join(work, object)]);
    };
    for (const [level, machine] of Object.entries(double ? { baseline: [] } : levels))
      compile("kernels.c", `${level}.o`, [...machine, `-DOPERATIONS=operations_${level}`]);
    compile("platform.c", "platform.o", []);
    compile("addon.c", "addon.o", ["-I", headers, "-DNAPI_VERSION=8"]);
    const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-ldl"];
    const linked = path.join(work, "marginalia.node");
    run(compiler.command, [...objects, ...shared, "-pthread", ...extra, "-lm", "-o", linked]);
    renameSync(linked, output); // whole or not at all: another process may be loading the old one
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const noteFile = `${addonFile}.json`;

/** Of all that the addon is made from. */
function stampFor(compiler) {
  const digest = createHash("sha256").update(JSON.stringify([compiler ?? null, process.arch, levels, common]));
  for (const name of sources()) digest.update(name).update(readFileSync(path.join(here, name)));
  return digest.digest("hex");
}

/**
 * Why the addon has to be compiled, or undefined: it is there for these sources and this compiler, or cannot be had.
 */
export function addonTask() {
  const compiler = findCompiler();
  if (!existsSync(noteFile)) return compiler ? "tensor kernels are not compiled yet" : "no C compiler was noted yet";
  const { stamp, failure } = JSON.parse(readFileSync(noteFile, "utf8"));
  if (stamp !== stampFor(compiler)) return "tensor kernels or the compiler changed";
  return failure || existsSync(addonFile) ? undefined : "tensor kernels are missing";
}

/** Compiles the addon. Never throws: what is in the way is noted for `describeBackend`, and WebAssembly is used. */
export function compileAddon(say) {
  const compiler = findCompiler();
  const stamp = stampFor(compiler);
  let failure;
  if (!compiler) failure = "set-up found no C compiler (tried $CC, cc, gcc, clang)";
  else if (process.platform === "win32") failure = "the native kernels are not built on Windows";
  else
    try {
      buildAddon(addonFile, { compiler });
    } catch (error) {
      const text = String(error.stderr || error.message);
      failure = `the compiler failed: ${text.trim().split("\n").slice(0, 3).join(" ")}`;
    }
  if (failure) say(`${failure}; tensors use WebAssembly`);
  try {
    if (failure) rmSync(addonFile, { force: true });
    mkdirSync(path.dirname(noteFile), { recursive: true });
    writeFileSync(noteFile, JSON.stringify({ stamp, compiler: compiler?.version, failure }, undefined, 2) + "\n");
  } catch (error) {
    say(`could not write ${noteFile} (${error.message})`);
  }
}

/** The clang whose output is committed; another version gives other bytes. */
export const wasmCompiler = "14.0.6";

/** Compiles the WebAssembly module to `output` with clang and wasm-ld. */
export function buildWasm(output, clang = process.env.CLANG ?? "clang") {
  const work = mkdtempSync(path.join(path.dirname(output), "build-"));
  try {
    const target = ["--target=wasm32", "-msimd128", "-mbulk-memory", "-nostdlib", "-ffreestanding", "-fno-ident"];
    const objects = ["kernels.c", "wasm.c"].map((source) => {
      const object = path.join(work, `${source}.o`);
      run(clang, [...common, ...target, "-DOPERATIONS=operations_wasm", "-c", source, "-o", object]);
      return object;
    });
    const link = ["-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,-z,stack-size=131072", "-Wl,--strip-all"];
    run(clang, [...target, ...link, ...objects, "-o", path.join(work, "out.wasm")]);
    renameSync(path.join(work, "out.wasm"), output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === "wasm") buildWasm(wasmFile);
  else buildAddon(addonFile);
}
