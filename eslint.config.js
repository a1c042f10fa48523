import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Floors run downwards (environment.md): a room imports only from rooms below it. */
const floors = [
  "files",
  "graph",
  "formats",
  "tensor",
  "inference",
  "datasets",
  "learning",
  "report",
  "index.ts",
  "kernel",
  "runner",
  "cli",
];
/** These rooms serve any TypeScript notebook, so they know no inference. */
const knowNoInference = ["kernel", "runner"];
const inferenceRooms = ["graph", "formats", "tensor", "inference", "datasets", "learning", "report", "index.ts"];

const roomRules = floors
  .filter((room) => !room.endsWith(".ts"))
  .map((room) => {
    const above = floors.slice(floors.indexOf(room) + 1);
    const forbidden = knowNoInference.includes(room) ? [...above, ...inferenceRooms] : above;
    const group = forbidden.map((name) => (name.endsWith(".ts") ? `**/../${name}` : `**/../${name}/**`));
    return {
      files: [`src/${room}/**/*.ts`],
      rules: group.length
        ? {
            "no-restricted-imports": [
              "error",
              {
                patterns: [
                  { group, message: `src/${room} may not import from there; see the rooms in environment.md.` },
                ],
              },
            ],
          }
        : {},
    };
  });

export default tseslint.config(
  { ignores: ["dist/", "figures/", "data/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "no-restricted-properties": [
        "error",
        {
          object: "Math",
          property: "random",
          message: "Randomness comes only from an explicit generator: src/graph/random.ts.",
        },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      eqeqeq: "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["**/*.d.ts"],
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          paths: ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-cpu"].map((name) => ({
            name,
            allowTypeImports: true,
            message: "Import values from src/tensor/tf.ts, which loads them in a fifth of the time.",
          })),
        },
      ],
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: { process: "readonly", console: "readonly", URL: "readonly", require: "readonly", module: "writable" },
    },
  },
  {
    // Cells, as `marginalia check` lints them: arquero's expressions have rows of no type.
    files: ["notebooks/**/*.ts"],
    rules: { "@typescript-eslint/no-explicit-any": "off" },
  },
  ...roomRules,
);
