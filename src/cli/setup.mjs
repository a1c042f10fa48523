// Sets a checkout up: modules, then the build. Plain JavaScript without imports from npm, since it runs before there
// are any. Quick and silent when nothing is to do; otherwise says what it does and why. With --check it only says what
// is to do.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { addonTask, compileAddon } from "../tensor/native/build.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const inRoot = (...names) => path.join(root, ...names);
const say = (text) => console.error(`marginalia setup: ${text}`);
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

function requireNode() {
  const wanted = [20, 19];
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return;
  say(`Node ${process.versions.node} is too old, ${wanted.join(".")} or newer is needed: https://nodejs.org`);
  process.exit(1);
}

// Modules: npm records what it installed in node_modules/.package-lock.json, last of all.

const platformStamp = inRoot("node_modules", ".marginalia-platform");
const platform = `${process.platform} ${process.arch} ${process.versions.modules}`;

/** Why `npm ci` is needed, or undefined. Packages that are optional may be absent. */
function modulesTask() {
  const installedFile = inRoot("node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return "modules are missing";
  if (existsSync(platformStamp) && readFileSync(platformStamp, "utf8") !== platform)
    return "modules were installed for another platform or Node";
  const installed = readJson(installedFile).packages;
  const wrong = Object.entries(readJson(inRoot("package-lock.json")).packages).filter(([name, wanted]) => {
    if (!name.startsWith("node_modules/")) return false;
    const found = installed[name];
    if (!found) return !wanted.optional && !wanted.devOptional;
    return found.version !== wanted.version || found.integrity !== wanted.integrity;
  });
  const names = wrong.map(([name]) => name.slice("node_modules/".length));
  const others = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.length
    ? `modules are not those of package-lock.json (${names.slice(0, 3).join(", ")}${others})`
    : undefined;
}

function installModules() {
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  // npm tells the scripts it runs where it lies; on Windows "npm" alone is a batch file, which needs a shell.
  const npm = process.env.npm_execpath;
  if (npm?.endsWith(".js")) run(process.execPath, [npm, ...args], installAdvice, `npm ${args.join(" ")}`);
  else run("npm", args, installAdvice);
  writeFileSync(platformStamp, platform);
}

/**
 * Notebooks import "marginalia" from its own folder: Node and TypeScript find it by the package's name, tslab in
 * node_modules.
 */
function linkOwnName() {
  const link = inRoot("node_modules", "marginalia");
  try {
    if (!existsSync(link)) symlinkSync(root, link, "junction");
  } catch (error) {
    say(`${link} could not be made, so notebooks do not run on tslab: ${error.message}`);
  }
}

/**
 * `npx marginalia` looks here before it makes an entry of its own. Windows has command files there; npx makes its own.
 */
function linkCommand() {
  const link = inRoot("node_modules", ".bin", "marginalia");
  const target = path.join("..", "..", "src", "cli", "bin.mjs");
  try {
    if (process.platform === "win32" || existsSync(link)) return;
    rmSync(link, { force: true }); // one that leads nowhere
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(target, link);
  } catch (error) {
    say(`${link} could not be made, so npx takes a moment longer: ${error.message}`);
  }
}

const installAdvice =
  "If the registry could not be reached: check the network and `npm config get registry`, then run this again; " +
  "`npm ci --offline` works where npm's cache already holds every package.";

// Build: the stamp is a digest of everything that goes in, written when the build has succeeded.

const buildStamp = inRoot("dist", ".marginalia-setup");

function sourceDigest() {
  const sources = readdirSync(inRoot("src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|json)$/.test(entry.name) && !entry.parentPath.includes("node_modules"))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  const hash = createHash("sha256");
  for (const file of [...sources.sort(), "tsconfig.json", "package-lock.json"])
    hash
      .update(`${file}\0`)
      .update(readFileSync(inRoot(file)))
      .update("\0");
  return hash.digest("hex");
}

/** Why a build is needed, or undefined. */
function buildTask() {
  if (!existsSync(buildStamp)) return "not built yet";
  return readFileSync(buildStamp, "utf8") === sourceDigest() ? undefined : "sources changed";
}

/**
 * Overwrites file by file, so that what runs from dist/ meanwhile keeps running; then removes what has no source any
 * more.
 */
function build() {
  const digest = sourceDigest(); // of before: what changes during the build is built next time
  const start = Date.now() - 1000; // file systems count time coarsely
  rmSync(inRoot("dist", ".tsbuildinfo"), { force: true }); // so that every file is written
  const compiler = inRoot("node_modules", "typescript", "bin", "tsc");
  run(process.execPath, [compiler, "-p", "src"], "Mend the errors above, then run this again.", "tsc -p src");
  for (const entry of readdirSync(inRoot("dist"), { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(file).mtimeMs < start) rmSync(file);
  }
  writeFileSync(buildStamp, digest);
}

/** Kernels start sooner from these; without them only time is lost. */
async function prepareKernel() {
  const module = inRoot("dist", "kernel", "language", "snapshot.js");
  if (!existsSync(module)) return;
  say("reading declarations for the kernel (half a minute at most)");
  await (await import(pathToFileURL(module).href)).prepareSnapshots();
}

function run(command, args, advice, shown = `${command} ${args.join(" ")}`) {
  try {
    const needsShell = process.platform === "win32" && command === "npm";
    execFileSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: needsShell });
  } catch (error) {
    if (error.signal) say(`"${shown}" was ended by ${error.signal}`);
    else say(`"${shown}" failed (${error.status ?? error.code}); its messages are above. ${advice}`);
    process.exit(error.signal === "SIGINT" ? 130 : 1);
  }
}

// Two set-ups of one checkout at once (npm start here, npm test there) take turns.

const lockFile = path.join(
  tmpdir(),
  `marginalia-setup-${createHash("sha256").update(`${root}\0${userInfo().username}`).digest("hex").slice(0, 16)}.lock`,
);

function takeTurn() {
  let hasSaid = false;
  for (;;) {
    try {
      const file = openSync(lockFile, "wx", 0o600);
      writeFileSync(file, String(process.pid));
      closeSync(file);
      process.on("exit", () => rmSync(lockFile, { force: true }));
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = holderOfTurn();
    if (holder === "nobody") rmSync(lockFile, { force: true });
    else if (holder && !hasSaid) {
      say(`another set-up of this checkout is at work (process ${holder}); waiting for it`);
      hasSaid = true;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

/**
 * The process that holds the lock; "nobody" when it was killed and left the lock behind; undefined when it just let go.
 */
function holderOfTurn() {
  try {
    const holder = Number(readFileSync(lockFile, "utf8"));
    if (holder === 0) return Date.now() - statSync(lockFile).mtimeMs > 5000 ? "nobody" : undefined; // just made
    process.kill(holder, 0);
    return holder;
  } catch (error) {
    return { ESRCH: "nobody", EPERM: "of another user" }[error.code];
  }
}

requireNode();
const tasks = () => [modulesTask(), buildTask(), addonTask()];
if (process.argv.includes("--check")) {
  const todo = tasks().filter(Boolean);
  for (const why of todo) console.log(why);
  process.exitCode = todo.length > 0 ? 1 : 0;
} else if (tasks().some(Boolean)) {
  takeTurn();
  const [why, whyBuild, whyCompile] = tasks(); // another set-up may have done it while this one waited
  if (why) {
    say(`${why}: npm ci (about half a minute)`);
    installModules();
  }
  if (whyBuild) {
    say(`${whyBuild}: building dist/`);
    build();
    await prepareKernel();
  }
  if (why || whyCompile) {
    say(`${whyCompile ?? "modules are new"}: compiling the tensor kernels`);
    compileAddon(say);
  }
  linkOwnName();
  linkCommand();
}
