/**
 * What each room of src may import; `npm run lint` holds it (dependency-cruiser). Floors run downwards: a room stands
 * after all that it imports. `kernel` and `runner` serve any TypeScript notebook, so they know no inference.
 */
const { readdirSync } = require("node:fs");
const path = require("node:path");

const rooms = {
  base: [],
  graph: [],
  formats: ["base", "graph"],
  tensor: ["base", "graph"],
  inference: ["base", "graph"],
  learning: ["base", "graph", "tensor", "inference"],
  report: ["base", "graph"],
  papers: ["base", "graph", "tensor", "inference", "learning"],
  kernel: ["base"],
  runner: ["base", "kernel"],
  cli: ["base", "graph", "formats", "tensor", "inference", "learning", "report", "kernel", "runner"],
};

const source = path.join(__dirname, "../src");
const found = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const unknown = found.filter(({ name }) => !(name in rooms)).map(({ name }) => name);
const absent = Object.keys(rooms).filter((room) => !found.some(({ name }) => name === room));
if (unknown.length || absent.length)
  throw new Error(
    `.ci/imports.cjs lists the rooms of src: without rules ${unknown.join(", ") || "none"}, not there ${absent.join(", ") || "none"}`,
  );

const group = (names) => `(${names.join("|")})`;

module.exports = {
  forbidden: [
    {
      name: "no-circle",
      severity: "error",
      comment: "Files that import each other cannot be read one by one.",
      from: {},
      to: { circular: true },
    },
    { name: "resolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...Object.entries(rooms).map(([room, below]) => ({
      name: `room-${room}`,
      severity: "error",
      comment: `src/${room} may import from ${below.join(", ") || "no other room"}: .ci/imports.cjs`,
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: `^src/${group([room, ...below])}/` },
    })),
    {
      name: "face",
      severity: "error",
      comment: "The face offers models, inference, files and experiments; loading it must not load the tensor engine.",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/", pathNot: "^src/(base|graph|formats|inference|report)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules|^dist/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ["marginalia-source", "import", "node", "types", "default"],
      exportsFields: ["exports"],
    },
  },
};
