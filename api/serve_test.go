package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// served is the API of a world on a port of its own.
type served struct {
	*world
	url     string
	stop    context.CancelFunc
	stopped chan error
	tasks   messagesconnect.TasksClient // gRPC
	objects messagesconnect.ObjectsClient
}

func serve(t *testing.T, configure ...func(*api.Config)) *served {
	t.Helper()
	w := newWorld(t)
	config := api.Config{Node: nodeID, Name: "alpha", Version: "test"}
	for _, c := range configure {
		c(&config)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &served{world: w, url: "http://" + listener.Addr().String(), stop: stop, stopped: make(chan error, 1)}
	handler := api.New(config, w, w, w, w)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.stopped <- api.Serve(ctx, listener, handler, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { stop(); <-done })

	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	h2c := &http.Client{Transport: transport}
	s.tasks = messagesconnect.NewTasksClient(h2c, s.url, connect.WithGRPC())
	s.objects = messagesconnect.NewObjectsClient(h2c, s.url, connect.WithGRPC())
	return s
}

// quickstart adds a queue, the sample processor with n slots, and a socket for
// each of its functions.
func (s *served) quickstart(slots int) {
	s.t.Helper()
	s.create(&messages.Object{Name: "q", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}})
	s.create(&messages.Object{Name: "proc1", Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{Processor: &messages.Processor{
		Gitrepo: "file:///repo", Module: "pyfi.processors.sample", Concurrency: 2}}})
	for _, f := range sample() {
		s.create(&messages.Object{Name: "sample." + f.Name, Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
			Processor: "proc1", Queue: "q", Task: f.Name}}})
	}
	if slots > 0 {
		s.grant("proc1", slots)
	}
}

func (s *served) create(object *messages.Object) *messages.ObjectResponse {
	s.t.Helper()
	response, err := s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: object}))
	if err != nil {
		s.t.Fatalf("create %s: %v", object.Name, err)
	}
	return response.Msg
}

func (s *served) within() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	s.t.Cleanup(cancel)
	return ctx
}

// post is what curl does: JSON over HTTP/1.1.
func (s *served) post(method, body string) (status int, answer map[string]any, text string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.within(), http.MethodPost, s.url+"/flow.v1."+method, bytes.NewBufferString(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(api.UserHeader, "postgres")
	return s.send(request)
}

func (s *served) send(request *http.Request) (status int, answer map[string]any, text string) {
	s.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = json.Unmarshal(b, &answer) // what is not JSON is looked at as text
	return response.StatusCode, answer, string(b)
}

func data(text string) *string { return &text }

func (s *served) run(m *messages.RunRequest) (*messages.CallInfo, error) {
	s.t.Helper()
	response, err := s.tasks.Run(s.within(), connect.NewRequest(m))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

func TestHealthIsToldWithPlainGETs(t *testing.T) {
	ready := false
	s := serve(t, func(c *api.Config) {
		c.Ready = func() (bool, any) { return ready, map[string]any{"ready": ready, "losses_tolerated": 1} }
	})
	get := func(path string) (int, map[string]any, string) {
		request, _ := http.NewRequestWithContext(s.within(), http.MethodGet, s.url+path, nil)
		return s.send(request)
	}
	if status, answer, text := get("/healthz"); status != 200 || answer["alive"] != true || answer["node"] != "alpha" {
		t.Errorf("/healthz: %d %s", status, text)
	}
	if status, answer, text := get("/readyz"); status != 503 || answer["ready"] != false {
		t.Errorf("/readyz before: %d %s", status, text)
	}
	ready = true
	if status, answer, text := get("/readyz"); status != 200 || answer["losses_tolerated"] != 1.0 {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if status, _, text := get("/"); status != 200 || !bytes.Contains([]byte(text), []byte("docs/API.md")) {
		t.Errorf("/: %d %s", status, text)
	}
	if status, _, _ := get("/nothing"); status != 404 {
		t.Errorf("/nothing: %d", status)
	}
}

func TestPagesOfOtherSitesMayNotCall(t *testing.T) {
	s := serve(t)
	call := func(host string, header ...string) int {
		request, _ := http.NewRequestWithContext(s.within(), http.MethodPost, s.url+"/flow.v1.Objects/GetNetwork", bytes.NewBufferString("{}"))
		request.Header.Set("Content-Type", "application/json")
		if host != "" {
			request.Host = host
		}
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		status, _, _ := s.send(request)
		return status
	}
	if got := call(""); got != 200 {
		t.Errorf("a program: %d", got)
	}
	if got := call("node-a.example:80"); got != 200 {
		t.Errorf("a program that uses a name: %d", got)
	}
	if got := call("", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got != 403 {
		t.Errorf("another site's page: %d", got)
	}
	if got := call("evil.example", "Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"); got != 403 {
		t.Errorf("a page under a name that points here: %d", got)
	}
}

func TestNodeThatStopsSendsWaitingClientsElsewhere(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	defer s.letGo()
	stream := s.tasks.Stream(s.within())
	if err := stream.Send(&messages.StreamRequest{Tag: 1, Run: &messages.RunRequest{Socket: "sample.hold"}}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.tasks.Run(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
		ended <- err
	}()
	s.eventually("two calls wait", func() bool { return len(s.waiting) == 2 })
	s.stop()
	if err := <-ended; connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("the call that waited got %v, want unavailable", err)
	}
	if m, err := stream.Receive(); err == nil && !isKind(m.Error.Err(), messages.Unavailable) {
		t.Errorf("the stream got %v", m)
	}
	if err := <-s.stopped; err != nil {
		t.Errorf("it did not stop in time: %v", err)
	}
}

// eventually waits for a condition on the world.
func (s *served) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		ok := holds()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			s.t.Fatalf("it did not come about that %s", what)
		}
	}
}
