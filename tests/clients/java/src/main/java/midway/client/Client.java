package midway.client;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.GsonBuilder;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusException;
import io.grpc.stub.MetadataUtils;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import midway.midjourney.v1.GetTaskRequest;
import midway.midjourney.v1.MidjourneyServiceGrpc;
import midway.midjourney.v1.MidjourneyServiceGrpc.MidjourneyServiceBlockingV2Stub;
import midway.midjourney.v1.SubmitImagineRequest;
import midway.midjourney.v1.SubmitImagineResponse;

/**
 * Submits a picture to Midway, watches it to its end and reads rich errors, with the code generated from proto/.
 *
 * <p>Usage: Client ADDRESS [API_KEY]. It prints what it saw as one line of JSON.
 */
public final class Client {
  private static final long PATIENCE_SECONDS = 60;
  private static final int DROP_AFTER = 2; // messages, before the first stream is dropped on purpose
  private static final String UNKNOWN_TASK = "1000000000000001";
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private Client() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 0) {
      System.err.println("usage: Client ADDRESS [API_KEY]");
      System.exit(1);
    }
    ManagedChannel channel =
        Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    try {
      Metadata headers = new Metadata();
      if (arguments.length > 1) {
        headers.put(AUTHORIZATION, "Bearer " + arguments[1]);
      }
      Seen seen =
          talk(
              MidjourneyServiceGrpc.newBlockingV2Stub(channel)
                  .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                  .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS));
      System.out.println(json(seen));
    } finally {
      channel.shutdownNow();
    }
  }

  /** Does the four things that this program shows. */
  private static Seen talk(MidjourneyServiceBlockingV2Stub midway) throws Exception {
    SubmitImagineRequest request =
        SubmitImagineRequest.newBuilder()
            .setPrompt("a red fox, seen from Java")
            .setRequestId(UUID.randomUUID().toString())
            .build();
    SubmitImagineResponse first = midway.submitImagine(request);
    // As a client does that lost the first answer.
    SubmitImagineResponse second = midway.submitImagine(request);
    String taskId = first.getTask().getId();
    boolean sameTask =
        !first.getExisting() && second.getExisting() && second.getTask().getId().equals(taskId);

    Watched watched = new Watched(midway, taskId);
    watched.messages(DROP_AFTER);
    long resumedAfter = watched.revision();
    watched.toTheEnd();
    String last = watched.states.get(watched.states.size() - 1);
    if (!last.equals("STATE_SUCCEEDED")) {
      throw new IllegalStateException("the stream ended in " + last);
    }
    return new Seen(
        taskId,
        sameTask,
        watched.revisions,
        watched.states,
        resumedAfter,
        refusal(() -> midway.getTask(GetTaskRequest.newBuilder().setTaskId(UNKNOWN_TASK).build())),
        refusal(() -> midway.submitImagine(SubmitImagineRequest.getDefaultInstance())));
  }

  private interface Call {
    Object answer() throws StatusException;
  }

  private static Refusal refusal(Call call) throws Exception {
    try {
      throw new IllegalStateException("answered, not refused: " + call.answer());
    } catch (StatusException refused) {
      return Refusal.of(refused);
    }
  }

  private static String json(Seen seen) {
    return new GsonBuilder()
        .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
        .create()
        .toJson(seen);
  }
}
