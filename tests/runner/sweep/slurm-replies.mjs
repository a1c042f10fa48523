// Stands in for Slurm's commands where a real cluster would have to be broken in just the right moment.
// $SLURM_REPLIES/<program>.json is a list of replies, taken one a call, the last again and again: { out, error, execute
// }. "execute": the script is executed as task 0.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const [program, ...args] = process.argv.slice(2);
const at = (name) => path.join(process.env.SLURM_REPLIES, name);
appendFileSync(at("calls"), `${[program, ...args].join(" ")}\n`);
const replies = existsSync(at(`${program}.json`)) ? JSON.parse(readFileSync(at(`${program}.json`), "utf8")) : [{}];
const [reply, ...rest] = replies;
if (rest.length > 0) writeFileSync(at(`${program}.json`), JSON.stringify(rest));
if (reply.execute) spawnSync("sh", [args.at(-1)], { env: { ...process.env, SLURM_ARRAY_TASK_ID: "0" } });
if (reply.error) console.error(reply.error);
console.log(reply.out ?? "");
process.exitCode = reply.error ? 1 : 0;
