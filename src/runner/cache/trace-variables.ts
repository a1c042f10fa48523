/** For the tracer: which environment variables a process reads, before it sets them itself. */
import { callers, isCalledByPackage } from "./trace-callers.ts";
import { ALL_NAMES, type Tell } from "./trace-lines.ts";

export function traceVariables(tell: Tell): void {
  const told = new Set<string>();
  const tellOnce = (name: string | symbol) => {
    if (typeof name === "symbol" || told.has(name)) return;
    // A child gets all of them: it is told as what it is. The package debug looks through all names for its own.
    const [caller = ""] = callers();
    if (isCalledByPackage() || caller === "node:child_process" || /[/\\]node_modules[/\\]debug[/\\]/.test(caller))
      return;
    told.add(name);
    tell("variable", name);
  };
  process.env = new Proxy(process.env, {
    get(target, name) {
      tellOnce(name);
      return Reflect.get(target, name) as unknown;
    },
    has(target, name) {
      tellOnce(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor(target, name) {
      tellOnce(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
    ownKeys(target) {
      tellOnce(ALL_NAMES);
      return Reflect.ownKeys(target);
    },
    set(target, name, value) {
      told.add(String(name));
      return Reflect.set(target, name, value);
    },
    deleteProperty(target, name) {
      told.add(String(name));
      return Reflect.deleteProperty(target, name);
    },
  });
}
