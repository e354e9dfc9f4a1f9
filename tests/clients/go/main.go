// Client submits a picture to Midway, watches it to its end and reads rich errors, with the code generated from proto/.
//
// Usage: client ADDRESS [API_KEY]. It prints what it saw as one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "midway/midjourney/v1"
)

const (
	patience    = 60 * time.Second
	dropAfter   = 2 // messages, before the first stream is dropped on purpose
	unknownTask = "1000000000000001"
)

// seen is what the program prints.
type seen struct {
	TaskID       string   `json:"task_id"`
	SameTask     bool     `json:"same_task"`
	Revisions    []int64  `json:"revisions"`
	States       []string `json:"states"`
	ResumedAfter int64    `json:"resumed_after"`
	UnknownTask  refusal  `json:"unknown_task"`
	EmptyPrompt  refusal  `json:"empty_prompt"`
}

// refusal is a status with the details that Midway puts into it.
type refusal struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Domain string `json:"domain"`
	Field  string `json:"field,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 1 {
		return fmt.Errorf("usage: client ADDRESS [API_KEY]")
	}
	channel, err := grpc.NewClient(arguments[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if len(arguments) > 1 {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+arguments[1])
	}
	saw, err := talk(ctx, pb.NewMidjourneyServiceClient(channel))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(saw)
}

// talk does the four things that this program shows.
func talk(ctx context.Context, midway pb.MidjourneyServiceClient) (*seen, error) {
	saw := &seen{}
	if err := saw.submitTwice(ctx, midway); err != nil {
		return nil, err
	}
	if err := saw.watch(ctx, midway, 0, dropAfter); err != nil {
		return nil, err
	}
	saw.ResumedAfter = saw.revision()
	if err := saw.watch(ctx, midway, saw.ResumedAfter, 0); err != nil {
		return nil, err
	}
	if last := saw.States[len(saw.States)-1]; last != pb.Task_STATE_SUCCEEDED.String() {
		return nil, fmt.Errorf("the stream ended in %s", last)
	}
	_, err := midway.GetTask(ctx, &pb.GetTaskRequest{TaskId: unknownTask})
	saw.UnknownTask = refusalFrom(err)
	_, err = midway.SubmitImagine(ctx, &pb.SubmitImagineRequest{})
	saw.EmptyPrompt = refusalFrom(err)
	return saw, nil
}

// submitTwice sends the same request twice, as a client does that lost the first answer.
func (saw *seen) submitTwice(ctx context.Context, midway pb.MidjourneyServiceClient) error {
	request := &pb.SubmitImagineRequest{
		Prompt:    "a red fox, seen from Go",
		RequestId: fmt.Sprintf("go-%d", time.Now().UnixNano()),
	}
	first, err := midway.SubmitImagine(ctx, request)
	if err != nil {
		return err
	}
	second, err := midway.SubmitImagine(ctx, request)
	if err != nil {
		return err
	}
	saw.TaskID = first.Task.Id
	saw.SameTask = !first.Existing && second.Existing && second.Task.Id == first.Task.Id
	return nil
}

// watch follows the Task to the end of the stream, or drops it after some messages (0: never).
func (saw *seen) watch(ctx context.Context, midway pb.MidjourneyServiceClient, after int64, messages int) error {
	ctx, drop := context.WithCancel(ctx)
	defer drop()
	stream, err := midway.WatchTask(ctx, &pb.WatchTaskRequest{TaskId: saw.TaskID, AfterRevision: after})
	if err != nil {
		return err
	}
	for received := 1; ; received++ {
		message, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := saw.note(message); err != nil {
			return err
		}
		if received == messages {
			return nil
		}
	}
}

func (saw *seen) note(message *pb.WatchTaskResponse) error {
	if message.Heartbeat {
		return nil
	}
	if message.Revision <= saw.revision() {
		return fmt.Errorf("revision %d came after %d", message.Revision, saw.revision())
	}
	saw.Revisions = append(saw.Revisions, message.Revision)
	saw.States = append(saw.States, message.Task.State.String())
	return nil
}

// revision is the last one received; 0 before the first.
func (saw *seen) revision() int64 {
	if len(saw.Revisions) == 0 {
		return 0
	}
	return saw.Revisions[len(saw.Revisions)-1]
}

// refusalFrom reads the details that travel with a gRPC status (AIP-193).
func refusalFrom(err error) refusal {
	refused := status.Convert(err)
	read := refusal{Code: code.Code(refused.Code()).String()}
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			read.Reason, read.Domain = detail.Reason, detail.Domain
		case *errdetails.BadRequest:
			read.Field = detail.FieldViolations[0].Field
		}
	}
	return read
}
