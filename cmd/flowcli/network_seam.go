package main

import (
	"context"

	"github.com/elasticcode/flow/messages"
)

// network is what the verbs need of a network's API.
type network interface {
	Run(context.Context, *messages.RunRequest) (*messages.CallInfo, error)
	Submit(context.Context, *messages.RunRequest) (*messages.SubmitResponse, error)
	Result(context.Context, *messages.ResultRequest) (*messages.CallInfo, error)
	GetCall(context.Context, *messages.GetCallRequest) (*messages.CallInfo, error)
	ListCalls(context.Context, *messages.ListCallsRequest) (*messages.ListCallsResponse, error)
	CancelCall(context.Context, *messages.CancelCallRequest) (*messages.CallInfo, error)

	Create(context.Context, *messages.CreateRequest) (*messages.ObjectResponse, error)
	Update(context.Context, *messages.UpdateRequest) (*messages.ObjectResponse, error)
	Delete(context.Context, *messages.DeleteRequest) (*messages.ObjectResponse, error)
	Get(context.Context, *messages.GetRequest) (*messages.ObjectResponse, error)
	List(context.Context, *messages.ListRequest) (*messages.ListResponse, error)
	Control(context.Context, *messages.ControlRequest) (*messages.ObjectResponse, error)
	Inspect(context.Context, *messages.InspectRequest) (*messages.InspectResponse, error)
	GetNetwork(context.Context, *messages.GetNetworkRequest) (*messages.NetworkInfo, error)
	// Watch calls see with an object now and each time it changes, until see
	// gives an error or the context ends.
	Watch(ctx context.Context, request *messages.GetRequest, see func(*messages.ObjectResponse) error) error

	Close()
}
