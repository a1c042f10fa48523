/** The global names that cells find beside Node's own and those of display.ts, input.ts and progress.ts. */
import process from "node:process";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { CellModules } from "./modules/modules.ts";
import { RUNTIME_GLOBAL } from "../protocol/names.ts";

const { Error, Object } = globalThis;

/**
 * @param calls what emitted cells (cell-transform.ts) and the kernel's own evaluations call, beside imports
 * @param isCell whether a cell's own code has called a function
 */
export function installCellGlobals(
  modules: CellModules,
  calls: Record<string, (value: unknown) => void>,
  isCell: (callee: () => unknown) => boolean,
): void {
  const runtime = {
    import: (specifier: unknown, options?: ImportCallOptions) => modules.import(specifier, options),
    imports: (specifier: string, names: readonly string[]) => modules.imports(specifier, names),
    meta: modules.meta,
    ...calls,
    collectGarbage: garbageCollector(),
    oldObjects,
  };
  process.exit = refuseExit;
  Object.defineProperty(globalThis, RUNTIME_GLOBAL, { value: runtime, writable: true, configurable: true });
  // Cells alone have these names: to ES modules, which see the same globals, they would tell that the module is a
  // CommonJS one.
  for (const [name, value] of Object.entries(modules.commonJs)) {
    const get = () => (isCell(get) ? value : undefined);
    const set = (other: unknown) =>
      void Object.defineProperty(globalThis, name, { value: other, writable: true, configurable: true });
    Object.defineProperty(globalThis, name, { get, set, configurable: true, enumerable: false });
  }
}

function refuseExit(code?: number | string | null): never {
  const error = new Error(
    `process.exit(${code ?? ""}) was called in a cell. The kernel goes on; restart it to end it.`,
  );
  error.name = "ProcessExit";
  throw error;
}

/** V8 gives it to contexts that are made while the flag is set. Not before it is needed: contexts take time. */
function garbageCollector(): () => void {
  let collect: (() => void) | undefined;
  return () => {
    if (!collect) {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as () => void;
      setFlagsFromString("--no-expose-gc");
    }
    collect();
  };
}

/** Bytes in V8's spaces but the ones of new objects. */
function oldObjects(): number {
  let bytes = 0;
  for (const { space_name, space_used_size } of getHeapSpaceStatistics())
    if (!space_name.startsWith("new_")) bytes += space_used_size;
  return bytes;
}
