/** Imports by cells. V8's evaluate cannot import, so emitted cells call these functions instead (cell-transform.ts). */
import Module, { createRequire, register } from "node:module";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { MessageChannel, receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { CompiledModules } from "./compiled-modules.ts";
import type { Reload } from "./module-graph.ts";
import type { HooksData, HooksNews } from "./module-hooks.ts";
import { requireTypeScript } from "./required-modules.ts";
import { CELL_IMPORT } from "../../protocol/names.ts";

// User code may shadow globals; these stay what they are.
const { Map, Object, String, SyntaxError } = globalThis;

type Namespace = Record<string, unknown>;

export class CellModules {
  /** `import.meta` of every cell. */
  readonly meta: ImportMeta;
  /** What every cell has of CommonJS, in the notebook's folder, as Node's own REPL has it. */
  readonly commonJs: Readonly<Record<"require" | "module" | "exports" | "__filename" | "__dirname", unknown>>;
  /** By URL: the source map, as JSON text, of each compiled module whose code has not been asked for. */
  readonly maps = new Map<string, string>();
  readonly #news: MessagePort;
  readonly #folder: string;
  #hooks: { readonly data: HooksData; readonly transferList: MessagePort[] } | undefined;
  #count = 0;

  /**
   * @param folder the notebook's folder
   * @param packageRoot the folder of the package that the kernel belongs to
   */
  constructor(folder: string, packageRoot: string) {
    const filename = path.join(folder, "__cell__.mts");
    const cell = pathToFileURL(filename).href;
    const { port1, port2 } = new MessageChannel();
    const own = pathToFileURL(path.join(packageRoot, "__cell__.mts")).href;
    this.#hooks = { data: { cell, own, news: port2 }, transferList: [port2] };
    port1.unref();
    this.#news = port1;
    this.#folder = folder;
    const require = createRequire(filename);
    const module = Object.assign(new Module(filename), { filename, require });
    Object.assign(require, { main: module });
    this.commonJs = { require, module, exports: module.exports, __filename: filename, __dirname: folder };
    requireTypeScript(new CompiledModules(packageRoot), (url, map) => this.maps.set(url, map));
    const resolve = (specifier: string) => import.meta.resolve(this.#mark(specifier));
    this.meta = Object.assign(Object.create(null) as ImportMeta, { dirname: folder, filename, url: cell, resolve });
  }

  /** Starts the hooks' thread, which this one waits for; kernels start faster when that is done at the first import. */
  start(): void {
    if (this.#hooks) register<HooksData>("./module-hooks.js", import.meta.url, this.#hooks);
    this.#hooks = undefined;
  }

  /** `import(specifier, options)` as the cell's own. */
  async import(specifier: unknown, options?: ImportCallOptions): Promise<Namespace> {
    const namespace = (await import(this.#mark(String(specifier)), options)) as Namespace;
    this.hear();
    return namespace;
  }

  /** Takes in what the hooks' thread has told so far, and says what was loaded anew. */
  hear(): void {
    for (let arrived = receiveMessageOnPort(this.#news); arrived; arrived = receiveMessageOnPort(this.#news)) {
      const news = arrived.message as HooksNews;
      if ("map" in news) this.maps.set(news.url, news.map);
      else process.stderr.write(this.#notice(news.reload));
    }
  }

  #notice({ changed, affected }: Reload): string {
    const names = (files: readonly string[]) => files.map((file) => path.relative(this.#folder, file)).join(", ");
    const importers = affected.length > 0 ? `, and what imports it (${names(affected)})` : "";
    return (
      `Loaded anew, since it has changed: ${names(changed)}${importers}. ` +
      `Names that earlier cells imported from there, and values made with them, are still the old ones.\n`
    );
  }

  /** The named exports of a module. Throws SyntaxError for one that is not there, as an import declaration does. */
  async imports(specifier: string, names: readonly string[]): Promise<Namespace> {
    const namespace = await this.import(specifier);
    const found: Namespace = {};
    for (const name of names) {
      const whole = namespace.default as Namespace | null | undefined;
      if (name in namespace) found[name] = namespace[name];
      // Exports of CommonJS packages that Node's lexer does not see.
      else if ((typeof whole === "object" || typeof whole === "function") && whole && name in whole)
        found[name] = whole[name];
      else throw new SyntaxError(`The module "${specifier}" has no export named "${name}"`);
    }
    return found;
  }

  #mark(specifier: string): string {
    this.start();
    return `${CELL_IMPORT}${++this.#count}:${specifier}`;
  }
}
