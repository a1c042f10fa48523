/** NODE_OPTIONS with more options behind those that are there. */
export function nodeOptions(more: string, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: [environment.NODE_OPTIONS, more].filter(Boolean).join(" ") };
}

/** For a kernel's process and its worker threads: V8 ends a process whose heap grows beyond. */
export function memoryLimit(mebibytes: number): NodeJS.ProcessEnv {
  return nodeOptions(`--max-old-space-size=${Math.round(mebibytes)}`);
}
