// A BullMQ worker that does what DocuGen's do: it takes bundles, has a scheduler, and logs when it is back.
"use strict";
const { Queue, Worker } = require("bullmq");

const connection = { url: process.env.REDIS_QUEUE_URL, maxRetriesPerRequest: null };
const say = (text) => console.log(`${new Date().toISOString()} ${text}`);
let lost = false;

const queue = new Queue("render", { connection, prefix: "bull:bundle" });
const worker = new Worker(
  "render",
  async () => new Promise((resolve) => setTimeout(resolve, 20)),
  { connection, prefix: "bull:bundle", concurrency: 2, removeOnComplete: { count: 100 } },
);

const losing = () => {
  if (!lost) say("Queue connection lost");
  lost = true;
};
worker.on("error", losing);
worker.on("ioredis:close", losing); // a quick restart closes the connection without an error
worker.on("ready", () => {
  say(lost ? "Queue connection restored" : "Queue connection ready");
  lost = false;
});
queue.on("error", () => {});

setInterval(() => queue.add("bundle", {}, { removeOnComplete: 100 }).catch(() => {}), 500);
queue
  .upsertJobScheduler("nightly", { every: 3_600_000 }, { name: "cleanup" })
  .then(() => say("scheduled"), (error) => say(error.message));
