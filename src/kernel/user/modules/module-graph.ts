/**
 * Which local modules import which, and which must be loaded anew because a file has changed. A module whose file
 * changed, and every module that reaches it by imports, gets a new URL (`?marginalia=<version>`), which Node loads as
 * another module: the whole affected graph is new, never half of it. What is not affected keeps its state.
 */
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const VERSION_PARAMETER = "marginalia";

interface Node {
  /** Of the file when it was loaded. */
  stamp: string;
  /** 0 for the first one loaded. */
  version: number;
  readonly importers: Set<string>;
}

export interface Reload {
  /** Files that have changed, and modules that import them: paths. */
  readonly changed: string[];
  readonly affected: string[];
}

export class ModuleGraph {
  /** By URL without version. */
  readonly #nodes = new Map<string, Node>();

  /**
   * The URL to load for a module that `importer` imports; installed packages and Node's own modules stay as they are.
   */
  link(url: string, importer: string | undefined): string {
    if (!isLocal(url)) return url;
    const plain = withoutVersion(url);
    let node = this.#nodes.get(plain);
    if (!node) {
      node = { stamp: stampOf(plain), version: 0, importers: new Set() };
      this.#nodes.set(plain, node);
    }
    if (importer !== undefined && isLocal(importer)) node.importers.add(withoutVersion(importer));
    if (node.version === 0) return url;
    const versioned = new URL(plain);
    versioned.searchParams.set(VERSION_PARAMETER, String(node.version));
    return versioned.href;
  }

  /** Looks which files have changed since they were loaded, and gives new versions to what they affect. */
  refresh(): Reload | undefined {
    const changed: string[] = [];
    for (const [url, node] of this.#nodes) {
      const stamp = stampOf(url);
      if (stamp === node.stamp) continue;
      node.stamp = stamp;
      changed.push(url);
    }
    if (changed.length === 0) return undefined;
    const affected = new Set(changed);
    for (const url of affected)
      // grows while it is walked
      for (const importer of this.#nodes.get(url)?.importers ?? [])
        if (this.#nodes.has(importer)) affected.add(importer);
    for (const url of affected) this.#nodes.get(url)!.version++;
    const others = [...affected].slice(changed.length);
    return { changed: changed.map((url) => fileURLToPath(url)), affected: others.map((url) => fileURLToPath(url)) };
  }
}

function isLocal(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

function withoutVersion(url: string): string {
  if (!url.includes("?")) return url;
  const parsed = new URL(url);
  parsed.searchParams.delete(VERSION_PARAMETER);
  return parsed.href;
}

function stampOf(url: string): string {
  try {
    const { mtimeMs, size } = statSync(fileURLToPath(url));
    return `${mtimeMs} ${size}`;
  } catch {
    return "missing";
  }
}
