/** Module hooks for trace.ts: every file that an import leads to is one that the process reads. */
import { appendFileSync } from "node:fs";
import type { InitializeHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { tellOpening } from "./trace-beyond.ts";
import type { Tell } from "./trace-lines.ts";

let log: string;
const tell: Tell = (kind, what) => appendFileSync(log, `${JSON.stringify([kind, what])}\n`);
const told = new Set<string>();

export const initialize: InitializeHook<{ log: string }> = (data) => {
  log = data.log;
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  const found = await next(specifier, context);
  const { url } = found;
  if (told.has(url)) return found;
  told.add(url);
  if (url.startsWith("file:")) tell("read", fileURLToPath(url));
  else tellOpening(url, tell);
  return found;
};
