// Submits a picture to Midway, watches it to its end and reads rich errors, with the contract loaded from proto/.
//
// Usage: node client.js ADDRESS [API_KEY]. It prints what it saw as one line of JSON.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";

import grpc from "@grpc/grpc-js";

import { detailsOf, MidjourneyService } from "./proto.js";

const PATIENCE_MS = 60_000;
const DROP_AFTER = 2; // messages, before the first stream is dropped on purpose
const UNKNOWN_TASK = "1000000000000001";

class Client {
  #midway;
  #headers = new grpc.Metadata();
  #options = { deadline: Date.now() + PATIENCE_MS };

  constructor(address, key) {
    this.#midway = new MidjourneyService(address, grpc.credentials.createInsecure());
    if (key) this.#headers.set("authorization", `Bearer ${key}`);
  }

  call(method, request) {
    return promisify(this.#midway[method]).call(this.#midway, request, this.#headers, this.#options);
  }

  watch(taskId, afterRevision) {
    const request = { task_id: taskId, after_revision: afterRevision };
    return this.#midway.WatchTask(request, this.#headers, this.#options);
  }

  close() {
    this.#midway.close();
  }
}

/** What the streams about one Task told, over however many of them. */
class Watched {
  revisions = [];
  states = [];

  get revision() {
    return this.revisions.at(-1) ?? 0;
  }

  /** Read a stream to its end, which must be OK, or drop it after some messages. */
  async read(stream, messages = Infinity) {
    for await (const message of stream) {
      this.#note(message);
      if (--messages === 0) return drop(stream);
    }
  }

  #note(message) {
    if (message.heartbeat) return;
    const revision = Number(message.revision);
    assert(revision > this.revision, `revision ${revision} came after ${this.revision}`);
    this.revisions.push(revision);
    this.states.push(message.task.state);
  }
}

/** Cancel the call; to leave the loop alone would keep it open until its deadline. */
function drop(stream) {
  stream.on("error", () => {}); // CANCELLED, as asked for
  stream.cancel();
}

/** Send the same request twice, as a client does that lost the first answer. */
async function submitTwice(client) {
  const request = { prompt: "a red fox, seen from Node", request_id: randomUUID() };
  const first = await client.call("SubmitImagine", request);
  const second = await client.call("SubmitImagine", request);
  const same = !first.existing && second.existing && first.task.id === second.task.id;
  return { task_id: first.task.id, same_task: same };
}

async function refusal(call) {
  const error = await call.then(() => assert.fail("answered, not refused"), (refused) => refused);
  if (!(error.metadata instanceof grpc.Metadata)) throw error;
  const details = detailsOf(error);
  const { reason, domain } = details["google.rpc.ErrorInfo"];
  const field = details["google.rpc.BadRequest"]?.field_violations[0].field;
  return { code: grpc.status[error.code], reason, domain, field };
}

async function talk(client) {
  const submitted = await submitTwice(client);
  const watched = new Watched();
  await watched.read(client.watch(submitted.task_id, 0), DROP_AFTER);
  const resumedAfter = watched.revision;
  await watched.read(client.watch(submitted.task_id, resumedAfter));
  assert.equal(watched.states.at(-1), "STATE_SUCCEEDED");
  return {
    ...submitted,
    ...watched,
    resumed_after: resumedAfter,
    unknown_task: await refusal(client.call("GetTask", { task_id: UNKNOWN_TASK })),
    empty_prompt: await refusal(client.call("SubmitImagine", {})),
  };
}

const [address, key] = process.argv.slice(2);
assert(address, "usage: node client.js ADDRESS [API_KEY]");
const client = new Client(address, key);
try {
  console.log(JSON.stringify(await talk(client)));
} finally {
  client.close();
}
