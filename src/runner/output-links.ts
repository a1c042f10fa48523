/**
 * Symbolic links below an output root that lead out of it: what is written there would land, or overwrite something,
 * elsewhere. The root itself may be a link, since whoever names it means where it leads.
 */
import { readdir, readlink, realpath } from "node:fs/promises";
import path from "node:path";
import { InputError } from "../base/input-error.ts";

/**
 * Throws an InputError that names a link which leads out of `root`, on the way from there to `place` (a file or a
 * folder that is to be written, if it is there) or anywhere in it.
 */
export async function refuseLinksOut(root: string, place: string): Promise<void> {
  const inside = await realPlace(root);
  const refuse = async (link: string) => {
    const target = await linkTarget(link);
    if (target === undefined || isBelow(inside, target)) return;
    throw new InputError(`${link} is a link to ${target}, outside ${root}: nothing is written through it; remove it, or name another folder with --out`); // prettier-ignore
  };
  const parts = path.relative(root, place).split(path.sep).filter(Boolean);
  for (let i = 1; i <= parts.length; i++) await refuse(path.join(root, ...parts.slice(0, i)));
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isSymbolicLink()) await refuse(path.join(entry.parentPath, entry.name));
}

/** Where a link leads, be anything there or not; undefined for what is no link. */
async function linkTarget(file: string): Promise<string | undefined> {
  const target = await readlink(file).catch(() => undefined);
  return target === undefined ? undefined : realPlace(path.resolve(await realPlace(path.dirname(file)), target));
}

/** The place with all links on the way followed, as far as it is there. */
async function realPlace(place: string): Promise<string> {
  const whole = path.resolve(place);
  const real = await realpath(whole).catch(() => undefined);
  if (real !== undefined || whole === path.dirname(whole)) return real ?? whole;
  return path.join(await realPlace(path.dirname(whole)), path.basename(whole));
}

function isBelow(folder: string, place: string): boolean {
  const relative = path.relative(folder, place);
  return !relative.startsWith(`..${path.sep}`) && relative !== ".." && !path.isAbsolute(relative);
}
