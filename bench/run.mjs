// `npm run bench -- <room> [--json]`: runs bench/<room>/main.ts from the sources. Each is a program that compares with
// peers in one run and names a peer that is not installed as absent; rows are { case, ours, peer, peerName, unit, ratio
// }.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const main = (room) => path.join(here, room, "main.ts");
const rooms = readdirSync(here).filter((room) => existsSync(main(room)));
const [room, ...options] = process.argv.slice(2);

if (!rooms.includes(room)) {
  console.error(
    `usage: npm run bench -- <${rooms.join("|")}> [--json]; got ${room === undefined ? "nothing" : `"${room}"`}`,
  );
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ["--import", "tsx", main(room), ...options], {
  cwd: path.dirname(here),
  env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --conditions=marginalia-source` },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
