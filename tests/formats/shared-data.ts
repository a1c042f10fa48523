/**
 * Public data that the repository does not contain: from MARGINALIA_SHARED_DATA, or ../shared/data beside the project.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const root = process.env.MARGINALIA_SHARED_DATA ?? resolve(import.meta.dirname, "../../../shared/data");

/** The folder of the shared data, or undefined. */
export const sharedData: string | undefined = existsSync(root) ? root : undefined;

/** For titles: says loudly what a skipped test would have needed. */
export const needsSharedData = sharedData
  ? ""
  : ` [SKIPPED: no shared data at MARGINALIA_SHARED_DATA or ../shared/data]`;

/** Files below a folder of the shared data whose name ends so; none if there is no data. */
export function sharedFiles(folder: string, ending: string): string[] {
  if (sharedData === undefined) return [];
  return readdirSync(join(sharedData, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(sharedData, folder, name));
}
