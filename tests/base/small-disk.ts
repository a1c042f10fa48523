/** A file system that is soon full, where one may be mounted (Linux, as root). */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";

/** Does `work` with `folder` on a disk of `kilobytes`. False, and says so, where none can be mounted. */
export async function onSmallDisk(folder: string, kilobytes: number, work: () => unknown): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder]).status !== 0) {
    console.warn("SKIPPED: a full disk, since no small file system can be mounted here");
    return false;
  }
  try {
    await work();
  } finally {
    spawnSync("umount", [folder]);
  }
  return true;
}

/** Takes what is left of the disk, or all but so much of it; the function gives it back. */
export function fill(folder: string, butKilobytes = 0): () => void {
  const file = path.join(folder, "filler");
  spawnSync("dd", ["if=/dev/zero", `of=${file}`, "bs=1k"]);
  if (butKilobytes > 0) spawnSync("truncate", ["-s", `-${butKilobytes}K`, file]);
  return () => rmSync(file);
}
