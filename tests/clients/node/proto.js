// Midway's contract as proto-loader reads it: services to call, and the messages in which errors travel.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const PROTO = join(dirname(fileURLToPath(import.meta.url)), "../../../proto");
const FILES = ["midjourney/v1/midjourney_service.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"];

// Revisions are strings, as 64-bit numbers do not fit into a JavaScript number.
const definition = loader.loadSync(FILES, {
  includeDirs: [PROTO],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
});

export const { MidjourneyService } = grpc.loadPackageDefinition(definition).midjourney.v1;

/** Return the messages of known types in an error's `grpc-status-details-bin`, by type name (AIP-193). */
export function detailsOf(error) {
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const { details } = definition["google.rpc.Status"].deserialize(packed);
  const known = details.map((any) => [any.type_url.split("/").at(-1), any.value]).filter(([type]) => definition[type]);
  return Object.fromEntries(known.map(([type, value]) => [type, definition[type].deserialize(value)]));
}
