package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// Times at which everything in a fake network happens: 2021-09-13, as in the
// tables that the golden files show.
const (
	fakeReceived = 1631561419844512
	fakeStarted  = 1631561419847282
	fakeFinished = 1631561419885440
	fakeUpdated  = 1631561419885993
)

// fake is a network in memory behind the real API.
type fake struct {
	problem string // why partition 1 serves nobody
	messagesconnect.UnimplementedTasksHandler
	messagesconnect.UnimplementedObjectsHandler

	mu      sync.Mutex
	objects []*messages.Object
	calls   []*messages.CallInfo // oldest first
	atGates int64                // messages at gates
	asked   []proto.Message      // the requests that came, in order
	users   []string             // the user whom each named

	functions []string                                               // what Inspect finds
	statuses  []*messages.Object                                     // what Watch shows of a processor, one after the other
	related   []*messages.Object                                     // with each of them
	answer    func(*messages.RunRequest) (*messages.CallInfo, error) // what a call gives
	redriven  bool                                                   // the first dead letter was sent again before
	ends      <-chan struct{}                                        // Run answers when it is closed; nil: at once
	looked    func(*messages.CallInfo) *messages.CallInfo            // what GetCall shows of a call
	notices   []*messages.Notice                                     // what a listener hears
	conflicts int                                                    // updates that are refused since the version moved on
}

// serve starts a fake network and gives its address.
func (f *fake) serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(messagesconnect.NewTasksHandler(f, connect.WithInterceptors(wireErrors{f})))
	mux.Handle(messagesconnect.NewObjectsHandler(f, connect.WithInterceptors(wireErrors{f})))
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// wireErrors sends errors as the real API does, and notes what was asked.
type wireErrors struct{ fake *fake }

func (w wireErrors) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		w.fake.note(r.Any().(proto.Message), r.Header().Get("Flow-User"))
		answer, err := next(ctx, r)
		return answer, onTheWire(err)
	}
}

// onTheWire is an error with its kind as a detail; nil stays nil, and so does what
// the protocol's own layer says.
func onTheWire(err error) error {
	if err == nil || errors.As(err, new(*connect.Error)) {
		return err
	}
	wire := connect.NewError(connect.CodeUnknown, err)
	if detail, bad := connect.NewErrorDetail(messages.InfoOf(err)); bad == nil {
		wire.AddDetail(detail)
	}
	return wire
}

func (w wireErrors) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (w wireErrors) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error { return onTheWire(next(ctx, conn)) }
}

func (f *fake) note(m proto.Message, user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, proto.Clone(m))
	f.users = append(f.users, user)
}

// last is the latest request of a type.
func last[M proto.Message](t *testing.T, f *fake) M {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range slices.Backward(f.asked) {
		if found, ok := m.(M); ok {
			return found
		}
	}
	var none M
	t.Fatalf("nobody sent a %T", none)
	return none
}

func (f *fake) find(kind messages.Kind, name string) (*messages.Object, error) {
	for _, o := range f.objects {
		if o.Kind == kind && (o.Name == name || o.Id == name) {
			return o, nil
		}
	}
	word := strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
	return nil, messages.Errorf(messages.NotFound, "get", word+" "+name, "there is no such %s", word)
}

func (f *fake) add(o *messages.Object) *messages.Object {
	o.Id = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(f.objects)+1)
	o.Created, o.Lastupdated, o.Version = fakeReceived, fakeUpdated, uint64(len(f.objects)+1)
	o.Status = cmp.Or(o.Status, "ready")
	f.objects = append(f.objects, o)
	return o
}

func (f *fake) Create(_ context.Context, r *connect.Request[messages.CreateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := proto.CloneOf(r.Msg.Object)
	if _, err := f.find(o.Kind, o.Name); err == nil {
		return nil, messages.Errorf(messages.Conflict, "add", o.Name, "the name is taken")
	}
	if o.Kind == messages.Kind_KIND_SOCKET {
		if _, err := f.find(messages.Kind_KIND_PROCESSOR, o.GetSocket().Processor); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(&messages.ObjectResponse{Object: f.add(o)}), nil
}

func (f *fake) Update(_ context.Context, r *connect.Request[messages.UpdateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.find(r.Msg.Kind, r.Msg.Name)
	if err != nil {
		return nil, err
	}
	if f.conflicts > 0 {
		f.conflicts--
		return nil, messages.Errorf(messages.Conflict, "update", o.Name, "its version moved on")
	}
	for _, path := range r.Msg.Fields {
		to, from := o.ProtoReflect(), r.Msg.Object.ProtoReflect()
		name := path
		if spec, rest, nested := strings.Cut(path, "."); nested {
			step := to.Descriptor().Fields().ByName(protoreflect.Name(spec))
			to, from, name = to.Mutable(step).Message(), from.Get(step).Message(), rest
		}
		field := to.Descriptor().Fields().ByName(protoreflect.Name(name))
		to.Set(field, from.Get(field))
	}
	if o.Kind == messages.Kind_KIND_TASK { // as the API does: the code is the processor's
		if o, err = f.find(messages.Kind_KIND_PROCESSOR, o.GetTask().GetProcessor()); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(&messages.ObjectResponse{Object: o}), nil
}

func (f *fake) Delete(_ context.Context, r *connect.Request[messages.DeleteRequest]) (*connect.Response[messages.ObjectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.find(r.Msg.Kind, r.Msg.Name)
	if err != nil {
		return nil, err
	}
	f.objects = slices.DeleteFunc(f.objects, func(other *messages.Object) bool { return other == o })
	return connect.NewResponse(&messages.ObjectResponse{Object: o}), nil
}

func (f *fake) Get(_ context.Context, r *connect.Request[messages.GetRequest]) (*connect.Response[messages.ObjectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.find(r.Msg.Kind, r.Msg.Name)
	if err != nil {
		return nil, err
	}
	response := &messages.ObjectResponse{Object: o}
	for _, other := range f.objects {
		if d := other.GetDeployment(); d != nil && d.Processor == o.Id {
			response.Related = append(response.Related, other)
		}
	}
	return connect.NewResponse(response), nil
}

func (f *fake) List(_ context.Context, r *connect.Request[messages.ListRequest]) (*connect.Response[messages.ListResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	response := &messages.ListResponse{}
	for _, o := range f.objects {
		if o.Kind == r.Msg.Kind && f.passes(o, r.Msg.Filter) {
			response.Objects = append(response.Objects, o)
		}
	}
	slices.SortFunc(response.Objects, func(a, b *messages.Object) int { return cmp.Compare(a.Name, b.Name) })
	response.Total = int64(len(response.Objects))
	for r.Msg.PageToken != "" && len(response.Objects) > 0 && response.Objects[0].Name <= r.Msg.PageToken {
		response.Objects = response.Objects[1:]
	}
	if rows := int(r.Msg.Rows); rows > 0 && len(response.Objects) > rows {
		response.Objects = response.Objects[:rows]
		response.NextPageToken = response.Objects[rows-1].Name
	}
	return connect.NewResponse(response), nil
}

func (f *fake) passes(o *messages.Object, filter string) bool {
	name, ok := strings.CutPrefix(filter, "processor=")
	return !ok || o.GetSocket().GetProcessor() == name
}

func (f *fake) Control(_ context.Context, r *connect.Request[messages.ControlRequest]) (*connect.Response[messages.ObjectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.find(messages.Kind_KIND_PROCESSOR, r.Msg.Processor)
	if err != nil {
		return nil, err
	}
	o.RequestedStatus = map[string]string{"stop": "stopped", "pause": "paused"}[r.Msg.Action]
	o.RequestedStatus = cmp.Or(o.RequestedStatus, "running")
	return connect.NewResponse(&messages.ObjectResponse{Object: o}), nil
}

func (f *fake) Inspect(context.Context, *connect.Request[messages.InspectRequest]) (*connect.Response[messages.InspectResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.functions == nil {
		return nil, messages.Errorf(messages.NotFound, "inspect", "module", "there is no such module").WithHint("there are: pyfi.processors.sample")
	}
	response := &messages.InspectResponse{Commit: "0123456789abcdef0123456789abcdef01234567"}
	for _, name := range f.functions {
		response.Functions = append(response.Functions, &messages.Function{Name: name})
	}
	return connect.NewResponse(response), nil
}

func (f *fake) Watch(ctx context.Context, r *connect.Request[messages.GetRequest], stream *connect.ServerStream[messages.ObjectResponse]) error {
	for _, o := range f.statuses {
		if err := stream.Send(&messages.ObjectResponse{Object: o, Related: f.related}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) GetNetwork(context.Context, *connect.Request[messages.GetNetworkRequest]) (*connect.Response[messages.NetworkInfo], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := &messages.NetworkInfo{NetworkId: "6f1c", Name: "flow", LossesTolerated: 1, Version: "1.0", Cpus: 6, CpusUsed: 5}
	for _, o := range f.objects {
		if o.Kind == messages.Kind_KIND_NODE {
			info.Nodes = append(info.Nodes, o)
		}
	}
	info.Groups = []*messages.GroupInfo{
		{Group: 0, Leader: "node1", Voters: []string{"node1", "node2", "node3"}, Applied: 12, LossesTolerated: 1},
		{Group: 1, Leader: "node2", Voters: []string{"node1", "node2", "node3"}, Applied: 40, LossesTolerated: 1, Calls: 7, Queued: 2, Running: 1},
	}
	if f.problem != "" {
		info.SeenBy, info.Age, info.Unreachable = "node1", 2500, []string{"node2", "node3"}
		info.Groups[1].Problem = f.problem
	}
	return connect.NewResponse(info), nil
}

// run carries out a call: by default it gives the first argument back.
func (f *fake) run(r *messages.RunRequest) (*messages.CallInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find(messages.Kind_KIND_SOCKET, r.Socket); err != nil {
		return nil, err
	}
	if f.answer != nil {
		return f.answer(r)
	}
	call := fakeCall(r.Socket, len(f.calls)+1)
	result := r.GetData()
	if len(r.Positional) > 0 {
		result = r.Positional[0]
	}
	call.Result = &result
	f.calls = append(f.calls, call)
	return call, nil
}

// fakeCall is a call that has finished.
func fakeCall(socket string, n int) *messages.CallInfo {
	result := fmt.Sprint(n)
	return &messages.CallInfo{
		Id: fmt.Sprintf("0193a1b2-c3d4-7001-8f00-%012d", n), Name: socket, Socket: socket, State: "finished", Owner: "postgres",
		Received: fakeReceived, Started: fakeStarted, Finished: fakeFinished, Lastupdated: fakeUpdated,
		Tracking: fmt.Sprintf("0193a1b2-c3d4-7001-8f00-%012d", n), Attempts: 1, Result: &result,
		Events: []*messages.Event{
			{Name: "received", Time: fakeReceived},
			{Name: "prerun", Time: fakeStarted, Attempt: 1, Node: "node1"},
			{Name: "postrun", Time: fakeFinished, Note: "ran 98µs", Attempt: 1, Node: "node1"},
		},
	}
}

func (f *fake) Run(ctx context.Context, r *connect.Request[messages.RunRequest]) (*connect.Response[messages.CallInfo], error) {
	call, err := f.run(r.Msg)
	if err != nil {
		return nil, err
	}
	if f.ends != nil {
		select {
		case <-f.ends:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return connect.NewResponse(call), nil
}

func (f *fake) Submit(_ context.Context, r *connect.Request[messages.RunRequest]) (*connect.Response[messages.SubmitResponse], error) {
	call, err := f.run(r.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.SubmitResponse{Id: call.Id, State: "queued"}), nil
}

func (f *fake) call(id string) (*messages.CallInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.Id == id {
			return c, nil
		}
	}
	return nil, messages.Errorf(messages.NotFound, "get", "call "+id, "there is no such call")
}

func (f *fake) Result(_ context.Context, r *connect.Request[messages.ResultRequest]) (*connect.Response[messages.CallInfo], error) {
	call, err := f.call(r.Msg.Id)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(call), nil
}

func (f *fake) GetCall(_ context.Context, r *connect.Request[messages.GetCallRequest]) (*connect.Response[messages.CallInfo], error) {
	call, err := f.call(r.Msg.Id)
	if err != nil {
		return nil, err
	}
	if f.looked != nil {
		call = f.looked(call)
	}
	return connect.NewResponse(call), nil
}

func (f *fake) CancelCall(_ context.Context, r *connect.Request[messages.CancelCallRequest]) (*connect.Response[messages.CallInfo], error) {
	call, err := f.call(r.Msg.Id)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(call), nil
}

func (f *fake) ListCalls(_ context.Context, r *connect.Request[messages.ListCallsRequest]) (*connect.Response[messages.ListCallsResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var chosen []*messages.CallInfo
	for _, c := range slices.Backward(f.calls) {
		if (r.Msg.Socket == "" || c.Socket == r.Msg.Socket) && (r.Msg.Tracking == "" || c.Tracking == r.Msg.Tracking) &&
			(!r.Msg.Unfinished || c.State != "finished") && (len(r.Msg.States) == 0 || slices.Contains(r.Msg.States, c.State)) {
			chosen = append(chosen, c)
		}
	}
	if r.Msg.Ascend {
		slices.Reverse(chosen)
	}
	total := len(chosen)
	chosen = chosen[min(total, int((max(r.Msg.Page, 1)-1)*r.Msg.Rows)):]
	chosen = chosen[:min(len(chosen), int(r.Msg.Rows))]
	return connect.NewResponse(&messages.ListCallsResponse{Calls: chosen, Total: int64(total), AtGates: f.atGates}), nil
}
