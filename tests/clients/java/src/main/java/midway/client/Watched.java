package midway.client;

import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.ArrayList;
import java.util.List;
import midway.midjourney.v1.MidjourneyServiceGrpc.MidjourneyServiceBlockingV2Stub;
import midway.midjourney.v1.WatchTaskRequest;
import midway.midjourney.v1.WatchTaskResponse;

/** What the streams about one Task told, over however many of them. */
final class Watched {
  final List<Long> revisions = new ArrayList<>();
  final List<String> states = new ArrayList<>();

  private final MidjourneyServiceBlockingV2Stub midway;
  private final String taskId;

  Watched(MidjourneyServiceBlockingV2Stub midway, String taskId) {
    this.midway = midway;
    this.taskId = taskId;
  }

  /** The last revision received; 0 before the first. */
  long revision() {
    return revisions.isEmpty() ? 0 : revisions.get(revisions.size() - 1);
  }

  /** Reads some messages of a new stream and then drops it, as a broken connection does. */
  void messages(int count) throws StatusException, InterruptedException {
    BlockingClientCall<?, WatchTaskResponse> stream = resumed();
    for (int received = 0; received < count; received++) {
      note(stream.read());
    }
    stream.cancel("dropped on purpose", null);
  }

  /** Reads a new stream to its end; throws unless that is OK. */
  void toTheEnd() throws StatusException, InterruptedException {
    BlockingClientCall<?, WatchTaskResponse> stream = resumed();
    for (WatchTaskResponse message = stream.read(); message != null; message = stream.read()) {
      note(message);
    }
  }

  private BlockingClientCall<?, WatchTaskResponse> resumed() {
    return midway.watchTask(
        WatchTaskRequest.newBuilder().setTaskId(taskId).setAfterRevision(revision()).build());
  }

  private void note(WatchTaskResponse message) {
    if (message.getHeartbeat()) {
      return;
    }
    if (message.getRevision() <= revision()) {
      throw new IllegalStateException("revision " + message.getRevision() + " came after " + revision());
    }
    revisions.add(message.getRevision());
    states.add(message.getTask().getState().name());
  }
}
