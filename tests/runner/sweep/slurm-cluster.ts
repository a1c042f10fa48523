/**
 * A Slurm cluster of two nodes on loopback, in a temporary folder, from Debian's slurm-wlm. Nothing of it outlives the
 * test.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";

// sbatch wants a configuration even to tell its version, so it is asked for help.
export const hasSlurm = [["slurmctld", "-V"], ["slurmd", "-V"], ["sbatch", "--usage"]].every(([program, ask]) => spawnSync(program, [ask]).error === undefined); // prettier-ignore

if (!hasSlurm)
  console.warn("SKIPPED: sweeps over Slurm, which need slurmctld, slurmd and sbatch on PATH (Debian: apt-get install slurm-wlm)"); // prettier-ignore

const NODES = ["node1", "node2"];
/**
 * A controller that was killed just after it had started a task does not know of it when it is back, starts it again on
 * the same node, and drains the node that refuses ("Duplicate jobid"). Slurm leaves it so until somebody has had a
 * look; here somebody does, and lets what is queued again begin at once, not after Slurm's two minutes.
 */
const ADMINISTRATOR = `while sleep 1; do
  for node in $(sinfo --noheader --Node --states=drain --format=%N); do scontrol update nodename=$node state=resume; done
  for task in $(squeue --noheader --array --states=pending --format='%i %r' | sed -n 's/ BeginTime$//p'); do scontrol update jobid=$task StartTime=now; done
done`;

export class SlurmCluster {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "slurm-test-"));
  readonly #processes = new Map<string, ChildProcess>();

  /** Sets SLURM_CONF of this process, which its children inherit. */
  static async start(): Promise<SlurmCluster> {
    const cluster = new SlurmCluster();
    const ports = await freePorts(1 + NODES.length);
    const at = (name: string) => path.join(cluster.#folder, name);
    mkdirSync(at("state"));
    const user = userInfo().username;
    const nodes = NODES.map((name, i) => `NodeName=${name} NodeAddr=127.0.0.1 NodeHostname=localhost Port=${ports[i + 1]} CPUs=1 State=UNKNOWN`); // prettier-ignore
    const lines = [
      "ClusterName=test",
      "SlurmctldHost=localhost(127.0.0.1)",
      `SlurmctldPort=${ports[0]}`,
      `SlurmUser=${user}`,
      `SlurmdUser=${user}`,
      "AuthType=auth/none",
      "CredType=cred/none",
      "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny", // sockets on loopback alone
      `StateSaveLocation=${at("state")}`,
      `SlurmdSpoolDir=${at("spool-%n")}`,
      `SlurmctldPidFile=${at("controller.pid")}`,
      `SlurmdPidFile=${at("%n.pid")}`,
      `SlurmctldLogFile=${at("controller.log")}`,
      `SlurmdLogFile=${at("%n.log")}`,
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_Core",
      "JobAcctGatherType=jobacct_gather/none",
      "MpiDefault=none",
      "ReturnToService=2",
      "SchedulerParameters=sched_interval=1,bf_interval=1",
      "KillWait=2",
      ...nodes,
      "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
    ];
    writeFileSync(at("slurm.conf"), `${lines.join("\n")}\n`);
    process.env.SLURM_CONF = at("slurm.conf");
    cluster.#spawn("controller", "slurmctld", "-D");
    for (const node of NODES) {
      mkdirSync(at(`spool-${node}`));
      cluster.#spawn(node, "slurmd", "-D", "-N", node);
    }
    await until(() => cluster.ask("sinfo", "--noheader", "--format=%T").trim() === "idle");
    cluster.#spawn("administrator", "sh", "-c", ADMINISTRATOR);
    return cluster;
  }

  ask(program: string, ...args: string[]): string {
    const { stdout } = spawnSync(program, args, { encoding: "utf8" });
    return stdout;
  }

  /** What somebody who looks for a mistake wants to know. */
  describe(): string {
    const log = readFileSync(path.join(this.#folder, "controller.log"), "utf8").split("\n").slice(-60).join("\n");
    return `${this.ask("squeue", "--array")}\n${this.ask("sinfo", "--Node", "--long")}\n${log}`;
  }

  /** Ids of array tasks that run: "12_3". */
  running(): string[] {
    return this.ask("squeue", "--noheader", "--array", "--states=running", "--format=%i").split("\n").map((id) => id.trim()).filter(Boolean); // prettier-ignore
  }

  /** The processes on the nodes that execute chunks of the sweep in this folder: other tests may have some, too. */
  chunkProcesses(folder: string): number[] {
    const all = execFileSync("ps", ["-eo", "pid=,stat=,args="], { encoding: "utf8", maxBuffer: 1e8 }).split("\n");
    return all.filter((line) => line.includes(" sweep-chunk ") && line.includes(folder) && !/^\s*\d+ Z/.test(line)).map((line) => Number.parseInt(line, 10)); // prettier-ignore
  }

  /** As Slurm does by itself when a node fails; it would let two minutes go by first. */
  async requeue(id: string): Promise<void> {
    this.ask("scontrol", "requeue", id);
    await until(() => this.ask("squeue", "--noheader", "--array", "--jobs", id, "--format=%T").trim() !== "RUNNING");
  }

  /** Resolves when the queue has nothing left, tasks that are just ending included. */
  async emptyQueue(): Promise<void> {
    await until(() => this.ask("squeue", "--noheader").trim() === "", 15_000);
  }

  async restartController(): Promise<void> {
    await this.#end("controller");
    this.#spawn("controller", "slurmctld", "-D");
    await until(() => this.ask("sinfo", "--noheader", "--format=%T").trim() !== "");
  }

  async stop(): Promise<void> {
    spawnSync("scancel", ["--user", userInfo().username, "--full"]);
    await this.emptyQueue().catch(() => undefined);
    for (const name of ["administrator", ...NODES, "controller"]) await this.#end(name);
    delete process.env.SLURM_CONF;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(name: string, program: string, ...args: string[]): void {
    this.#processes.set(name, spawn(program, args, { stdio: "ignore" }));
  }

  async #end(name: string): Promise<void> {
    const child = this.#processes.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }
}

async function until(isTrue: () => boolean, patience = 30_000): Promise<void> {
  const start = performance.now();
  while (!isTrue()) {
    if (performance.now() - start > patience) throw new Error("the Slurm cluster did not come so far in time");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
