/** Module hooks for trace.ts: every file that an import leads to is one that the process reads. */
import { appendFileSync } from "node:fs";
import type { InitializeHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";

let log: string;
const told = new Set<string>();

export const initialize: InitializeHook<{ log: string }> = (data) => {
  log = data.log;
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  const found = await next(specifier, context);
  const { url } = found;
  if (url.startsWith("file:") && !told.has(url)) {
    told.add(url);
    appendFileSync(log, `${JSON.stringify(["read", fileURLToPath(url)])}\n`);
  }
  return found;
};
