/** What commands' options take, refused in words that say what is expected. */
import { InvalidArgumentError } from "commander";
import type { GivenParameters } from "../runner/notebook/parameter-value.ts";
import { parseParameter } from "../runner/notebook/parameters.ts";

export const MEMORY_HELP = "most memory for a kernel's heap; its process may hold 256 MiB more";

/** Longer timers overflow and fire at once. */
export const MAX_SECONDS = 2 ** 31 / 1000 - 1;

export function positive(most: number, isWhole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value > 0 && value <= most && (!isWhole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Expected a ${isWhole ? "whole " : ""}number above 0, at most ${Math.floor(most)}.`);
  };
}

export function collectParameter(pair: string, earlier: GivenParameters = {}): GivenParameters {
  try {
    const [name, value] = parseParameter(pair);
    return { ...earlier, [name]: value };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

export function collectText(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

/** Which names a notebook knows is for its parameter `profile` to say. */
export function profileName(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("Expected a name, such as quick or paper.");
}

/** Part of a folder's name. */
export function sweepName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text)) return text;
  throw new InvalidArgumentError('Expected letters, digits, "-", "_" and ".", beginning with a letter or digit.');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a whole number.");
}

/** An action that loads its command first; the number it returns is the exit code. */
export function lazily<T extends unknown[]>(action: (...args: T) => Promise<number>) {
  return async (...args: T) => {
    process.exitCode = await action(...args);
  };
}
