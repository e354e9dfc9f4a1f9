package midway.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;

/** A status with the details that Midway puts into it (AIP-193); the field is null where none is at fault. */
record Refusal(String code, String reason, String domain, String field) {
  static Refusal of(StatusException refused) throws InvalidProtocolBufferException {
    String reason = null;
    String domain = null;
    String field = null;
    for (Any detail : StatusProto.fromThrowable(refused).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        ErrorInfo told = detail.unpack(ErrorInfo.class);
        reason = told.getReason();
        domain = told.getDomain();
      } else if (detail.is(BadRequest.class)) {
        field = detail.unpack(BadRequest.class).getFieldViolations(0).getField();
      }
    }
    return new Refusal(refused.getStatus().getCode().name(), reason, domain, field);
  }
}
