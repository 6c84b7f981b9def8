// A process that does with BullMQ or Bull what a test tells it, one JSON object a line:
//   in:  {"id": 1, "do": "add", "queue": "q", …}
//   out: {"id": 1, "at": <ms>, "result": …} and {"event": "start" | "end" | "lost", "queue", "job", "at"}
// Usage: node actor.js <package> <port> [<ms that its clock is ahead of the true one>]
"use strict";
const readline = require("node:readline");

const [packageName, port, aheadMs = "0"] = process.argv.slice(2);
const trueNow = Date.now;
Date.now = () => trueNow() + Number(aheadMs);
const library = require(packageName);
const isBull = packageName === "bull";
const db = Number(process.env.ACTOR_DATABASE ?? 0);
const connection = { host: "127.0.0.1", port: Number(port), db, maxRetriesPerRequest: null };
const queues = new Map();
const workers = new Map();
const say = (message) => process.stdout.write(JSON.stringify({ at: trueNow(), ...message }) + "\n");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function queueOf({ queue, prefix = "bull" }) {
  const key = `${prefix}:${queue}`;
  if (!queues.has(key)) {
    const made = isBull
      ? new library(queue, { redis: connection, prefix })
      : new library.Queue(queue, { connection, prefix });
    made.on("error", () => {});
    queues.set(key, made);
  }
  return queues.get(key);
}

// A job's data says how long it takes ("ms") and how often it fails first ("fails").
const process_ = (queue) => async (job) => {
  say({ event: "start", queue, job: job.id });
  await sleep(job.data.ms ?? 0);
  say({ event: "end", queue, job: job.id });
  if (job.attemptsMade < (job.data.fails ?? 0)) throw new Error(job.data.reason ?? "planned");
};

const actions = {
  async worker({ name, queue, prefix = "bull", options = {} }) {
    if (isBull) {
      queueOf({ queue, prefix }).process(options.concurrency ?? 1, process_(queue));
      await queueOf({ queue, prefix }).isReady();
      return;
    }
    const worker = new library.Worker(queue, process_(queue), { connection, prefix, ...options });
    worker.on("error", () => say({ event: "lost", queue, job: "" }));
    workers.set(name ?? queue, worker);
    await worker.waitUntilReady();
  },
  async add({ queue, prefix, name = "job", data = {}, options = {} }) {
    const added = queueOf({ queue, prefix });
    return (await (isBull ? added.add(data, options) : added.add(name, data, options))).id;
  },
  async addBulk({ queue, prefix, jobs }) {
    await queueOf({ queue, prefix }).addBulk(jobs);
  },
  async flow({ tree }) {
    const flows = new library.FlowProducer({ connection });
    return (await flows.add(tree)).job.id;
  },
  async listen({ queue }) {
    await new library.QueueEvents(queue, { connection }).waitUntilReady();
  },
  async queue({ queue, prefix, call, args = [] }) {
    await queueOf({ queue, prefix })[call](...args);
  },
  async ask({ queue, prefix, call, args = [] }) {
    return await queueOf({ queue, prefix })[call](...args);
  },
  async job({ queue, prefix, job, call, args = [] }) {
    await (await queueOf({ queue, prefix }).getJob(job))[call](...args);
  },
  async work({ name, call, args = [] }) {
    await workers.get(name)[call](...args);
  },
};

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const asked = JSON.parse(line);
  try {
    say({ id: asked.id, result: await actions[asked.do](asked) });
  } catch (error) {
    say({ id: asked.id, error: String(error) });
  }
}).on("close", () => process.exit(0));
