package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// network is what all nodes of a test share: the calls that were accepted, by
// key, and what each was asked with.
type network struct {
	mu      sync.Mutex
	calls   map[string]*messages.RunRequest
	sent    map[string]int // requests that named a key
	objects map[string]*messages.Object
	changed chan struct{}
	foreign bool // its nodes do not speak HTTP/1.1
}

func newNetwork() *network {
	return &network{calls: map[string]*messages.RunRequest{}, sent: map[string]int{}, objects: map[string]*messages.Object{}, changed: make(chan struct{})}
}

// accept is an enqueue: a key that is known makes no second call.
func (n *network) accept(m *messages.RunRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent[m.Id]++
	n.calls[m.Id] = m
}

func (n *network) counts() (calls, requests int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, times := range n.sent {
		requests += times
	}
	return len(n.calls), requests
}

// node is one node of a test: it echoes the first argument.
type node struct {
	messagesconnect.UnimplementedTasksHandler
	messagesconnect.UnimplementedObjectsHandler
	network *network
	address string
	kill    func()

	user     func(string)                                      // gets the user that a request states
	before   func(context.Context, *messages.RunRequest) error // runs when a call was accepted, before its answer
	refuse   func() error                                      // runs before anything is accepted
	deadline func(time.Duration)
	listen   func(*messages.ListenRequest) []*messages.Notice

	streamless bool // streams do not get through to it

	alone   atomic.Int32   // calls that were requests of their own
	apart   map[string]int // requests that came over each connection of HTTP/1.1
	asked   atomic.Int32   // times, whether it is there
	streams atomic.Int32   // that are open
}

// start serves a node on a free port.
func start(t *testing.T, n *network) *node {
	t.Helper()
	s, err := serve(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func serve(n *network) (*node, error) { return serveAt(n, "127.0.0.1:0") }

func serveAt(n *network, address string) (*node, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return serveOn(n, listener), nil
}

func serveOn(n *network, listener net.Listener) *node {
	s := &node{network: n, address: listener.Addr().String(), apart: map[string]int{}}
	mux := http.NewServeMux()
	mux.Handle(messagesconnect.NewTasksHandler(s))
	mux.Handle(messagesconnect.NewObjectsHandler(objects{s}))
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) { s.asked.Add(1) })
	server := &http.Server{Handler: s.notice(mux), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(!n.foreign)
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	s.kill = sync.OnceFunc(func() { _ = server.Close(); <-ended })
	return s
}

// notice keeps how requests came.
func (s *node) notice(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			s.network.mu.Lock()
			s.apart[r.RemoteAddr]++
			s.network.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// cameApart gives the connections of HTTP/1.1 that have carried requests, and how many.
func (s *node) cameApart() (connections, requests int) {
	s.network.mu.Lock()
	defer s.network.mu.Unlock()
	for _, n := range s.apart {
		requests += n
	}
	return len(s.apart), requests
}

func (s *node) Run(ctx context.Context, r *connect.Request[messages.RunRequest]) (*connect.Response[messages.CallInfo], error) {
	s.alone.Add(1)
	info, err := s.run(ctx, r.Header(), r.Msg)
	if err != nil {
		return nil, wire(err)
	}
	return connect.NewResponse(info), nil
}

func (s *node) run(ctx context.Context, header http.Header, m *messages.RunRequest) (*messages.CallInfo, error) {
	if s.user != nil {
		s.user(header.Get(client.UserHeader))
	}
	if s.refuse != nil {
		if err := s.refuse(); err != nil {
			return nil, err
		}
	}
	s.network.accept(m)
	if s.before != nil {
		if err := s.before(ctx, m); err != nil {
			return nil, err
		}
	}
	result := "null"
	if len(m.Positional) > 0 {
		result = m.Positional[0]
	}
	return &messages.CallInfo{Id: m.Id, Socket: m.Socket, State: "finished", Result: &result}, nil
}

func (s *node) Stream(ctx context.Context, stream *connect.BidiStream[messages.StreamRequest, messages.StreamResponse]) error {
	s.streams.Add(1)
	defer s.streams.Add(-1)
	if s.streamless {
		return connect.NewError(connect.CodeUnimplemented, errors.New("no streams here"))
	}
	for {
		m, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response := &messages.StreamResponse{}
		s.answer(ctx, stream.RequestHeader(), m, response)
		for _, more := range m.More {
			response.More = append(response.More, &messages.StreamResponse{})
			s.answer(ctx, stream.RequestHeader(), more, response.More[len(response.More)-1])
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func (s *node) answer(ctx context.Context, header http.Header, m *messages.StreamRequest, response *messages.StreamResponse) {
	var err error
	response.Tag = m.Tag
	response.Call, err = s.run(ctx, header, m.Run)
	response.Error = messages.InfoOf(err)
}

// objects is the node's other service; the two have no method in common.
type objects struct{ *node }

func (o objects) Create(_ context.Context, r *connect.Request[messages.CreateRequest]) (*connect.Response[messages.ObjectResponse], error) {
	if o.refuse != nil {
		if err := o.refuse(); err != nil {
			return nil, wire(err)
		}
	}
	o.network.mu.Lock()
	object := r.Msg.Object
	if there := o.network.objects[object.Name]; there != nil && there.Id != object.Id {
		o.network.mu.Unlock()
		return nil, wire(messages.Errorf(messages.Conflict, "add", object.Name, "the name is taken"))
	}
	o.network.objects[object.Name] = object
	o.network.mu.Unlock()
	if o.before != nil {
		if err := o.before(nil, nil); err != nil {
			return nil, wire(err)
		}
	}
	return connect.NewResponse(&messages.ObjectResponse{Object: object, Position: &messages.Position{Index: 7}}), nil
}

func (o objects) Watch(ctx context.Context, r *connect.Request[messages.GetRequest], stream *connect.ServerStream[messages.ObjectResponse]) error {
	for {
		o.network.mu.Lock()
		object, changed := o.network.objects[r.Msg.Name], o.network.changed
		o.network.mu.Unlock()
		if object == nil {
			return wire(messages.Errorf(messages.NotFound, "watch", r.Msg.Name, "there is no such queue"))
		}
		if err := stream.Send(&messages.ObjectResponse{Object: object}); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// put changes an object, and wakes those who watch.
func (n *network) put(name string, object *messages.Object) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.objects[name] = object; object == nil {
		delete(n.objects, name)
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// wire is the form in which a node sends an error.
func wire(err error) error {
	info := messages.InfoOf(err)
	codes := map[messages.ErrorKind]connect.Code{
		messages.ErrorKind_INVALID: connect.CodeInvalidArgument, messages.ErrorKind_NOT_FOUND: connect.CodeNotFound,
		messages.ErrorKind_CONFLICT: connect.CodeAlreadyExists, messages.ErrorKind_UNAVAILABLE: connect.CodeUnavailable,
		messages.ErrorKind_EXHAUSTED: connect.CodeResourceExhausted, messages.ErrorKind_DEADLINE: connect.CodeDeadlineExceeded,
	}
	e := connect.NewError(codes[info.Kind], err)
	if detail, err := connect.NewErrorDetail(info); err == nil {
		e.AddDetail(detail)
	}
	return e
}

func connectTo(t *testing.T, options client.Options, nodes ...*node) *client.Client {
	t.Helper()
	for _, n := range nodes {
		options.Addresses = append(options.Addresses, n.address)
	}
	c, err := client.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}
