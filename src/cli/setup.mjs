// Sets a checkout up: modules, then the build. Plain JavaScript without imports from npm, since it runs before there are any.
// Quick and silent when nothing is to do; otherwise says what it does and why.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const inRoot = (...names) => path.join(root, ...names);
const say = (text) => console.error(`marginalia setup: ${text}`);

function requireNode() {
  const wanted = [20, 19];
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return;
  say(`Node ${process.versions.node} is too old, ${wanted.join(".")} or newer is needed: https://nodejs.org`);
  process.exit(1);
}

function digest(files) {
  const hash = createHash("sha256").update(process.versions.modules);
  for (const file of files)
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(inRoot(file)))
      .update("\0");
  return hash.digest("hex");
}

/** Runs `work` unless the stamp says that it was finished for the same inputs; the stamp is written last. */
function unlessDone(stampFile, files, missing, work) {
  const stamp = digest(files);
  const found = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : undefined;
  if (found === stamp) return;
  work(found === undefined ? missing : `${files.length > 3 ? "sources" : files.join(" or ")} changed`);
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
}

function run(command, args) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  } catch (error) {
    say(`"${command} ${args.join(" ")}" failed (exit code ${error.status ?? error.code}); its messages are above`);
    process.exit(1);
  }
}

function sourceFiles() {
  const found = readdirSync(inRoot("src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|json)$/.test(entry.name) && !entry.parentPath.includes("node_modules"))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  return [...found.sort(), "tsconfig.json", "package-lock.json"];
}

requireNode();
unlessDone(
  inRoot("node_modules", ".marginalia-setup"),
  ["package-lock.json", "package.json"],
  "modules are missing",
  (why) => {
    say(`${why}: npm ci (about half a minute)`);
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  },
);
unlessDone(inRoot("dist", ".marginalia-setup"), sourceFiles(), "not built yet", (why) => {
  say(`${why}: building dist/`);
  rmSync(inRoot("dist"), { recursive: true, force: true }); // else a deleted source would live on in dist/
  run(process.execPath, [inRoot("node_modules", "typescript", "bin", "tsc"), "-p", "src"]);
});
