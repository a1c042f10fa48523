/** The command on models: infer. */
import { Option, type Command } from "commander";
import { EXIT_HELP } from "./exit-codes.ts";
import type { InferOptions } from "./infer/infer.ts";
import { lazily, MAX_SECONDS, positive, wholeNumber } from "./option-values.ts";

const INFER_HELP = `
Without --method an exact method answers; if the graph is too wide for it, or half of the time limit is gone, an approximation does, and
says so on stderr. The answer alone goes to stdout:
  uai    the competitions' result format: PR is log10 Z; MAR and MAP list every variable of the file, observed ones too
  json   { task, method, logZ, log10Z, bound, marginals, map, score, converged, iterations, seconds }: natural logs unless the name says
         log10; bound is exact, lower, upper or none (for MAP: of the score); what a method does not give is absent; ln 0 is "-Infinity";
         variables: the file's own numbers where they are not 0, 1, 2, ...; bestScore: [lower, upper] where the best score is bounded;
         logZInterval: what is proven about ln Z, beside an estimate
Evidence that makes Z = 0 is answered by -inf for PR; for MAR and MAP there is no answer then (exit code 1).`;

export function addModelCommands(root: Command): void {
  root
    .command("infer [model]")
    .description("answer PR, MAR or MAP about a model file (.uai, .fg, .cnf, also .gz; - reads it from standard input)")
    .option("--evidence <file>", "observed variables (.evid)")
    .addOption(
      new Option("--task <task>", "log10 Z, marginals, or a most probable state").choices(["PR", "MAR", "MAP"]),
    )
    .option("--method <spec>", "e.g. bp[schedule=residual,damping=0.5] (default: exact where the graph allows it)")
    .addOption(new Option("--format <format>", "UAI result file or JSON").choices(["uai", "json"]).default("uai"))
    .option("--seed <n>", "for methods that draw", wholeNumber, 0)
    .option("--time-limit <seconds>", "end by then, in the middle of any loop", positive(MAX_SECONDS, false))
    .option("--quiet", "no progress on stderr")
    .option("--methods", "list every method with its options and the tasks that it answers")
    .addHelpText("after", INFER_HELP)
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (model: string | undefined, options: InferOptions) =>
        (await import("./infer/infer.ts")).infer(model, options),
      ),
    );
}
