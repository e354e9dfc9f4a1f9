package midway.client;

import java.util.List;

/** What the program prints. */
record Seen(
    String taskId,
    boolean sameTask,
    List<Long> revisions,
    List<String> states,
    long resumedAfter,
    Refusal unknownTask,
    Refusal emptyPrompt) {}
