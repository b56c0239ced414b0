package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func queueNamed(name string) *messages.Object {
	return &messages.Object{Name: name, Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}}
}

func processorAt(name, repository string) *messages.Object {
	return &messages.Object{Name: name, Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{Processor: &messages.Processor{
		Gitrepo: repository, Module: "pyfi.processors.sample"}}}
}

func (s *served) get(kind messages.Kind, name string) (*messages.ObjectResponse, error) {
	s.t.Helper()
	response, err := s.objects.Get(s.within(), connect.NewRequest(&messages.GetRequest{Kind: kind, Name: name}))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

func names(objects []*messages.Object) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.Name)
	}
	return strings.Join(all, " ")
}

func TestObjectsAreMadeOverJSON(t *testing.T) {
	s := serve(t)
	status, answer, text := s.post("Objects/Create", `{"object": {"kind": "KIND_QUEUE", "name": "q", "queue": {"qtype": "direct"}}}`)
	object, _ := answer["object"].(map[string]any)
	if status != 200 || object["name"] != "q" || object["owner"] != "postgres" || object["id"] == "" {
		t.Errorf("create: %d %s", status, text)
	}
	if status, answer, text := s.post("Objects/Create", `{"object": {"kind": "KIND_QUEUE", "name": "q", "queue": {}}}`); status != 409 || answer["code"] != "already_exists" {
		t.Errorf("the name again: %d %s", status, text)
	}
	for request, says := range map[string]string{
		`{}`:                                 "no object is given",
		`{"object": {"kind": "KIND_QUEUE"}}`: "holds none",
		`{"object": {"kind": "KIND_QUEUE", "queue": {}}}`:                          "no name",
		`{"object": {"kind": "KIND_TASK", "name": "t", "task": {}}}`:               "read from the code of a processor",
		`{"object": {"kind": "KIND_NODE", "name": "n", "node": {}}}`:               "a node adds itself",
		`{"object": {"kind": "KIND_QUEUE", "name": "r", "queue": {}, "id": "17"}}`: "not a UUID",
		`{"object": {"kind": "KIND_QUEUE", "name": "r", "queue": {"qtype": "x"}}}`: "x",
	} {
		if status, answer, text := s.post("Objects/Create", request); status != 400 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %v; want %q", request, status, answer, says)
		}
	}
}

func TestCreateSentAgainMakesOneObject(t *testing.T) {
	s := serve(t)
	object := queueNamed("q")
	object.Id = "0b8f3c1e-52d4-4c8e-9d5a-3f1f6c1a2b4e"
	first, second := s.create(object), s.create(object)
	if first.Object.Id != object.Id || second.Object.Id != object.Id {
		t.Errorf("first %v, second %v", first, second)
	}
}

func TestProcessorIsInspectedWhenItIsMade(t *testing.T) {
	s := serve(t)
	made := s.create(processorAt("proc1", "https://bob:secret@git.example/repo.git"))
	if made.Pending || made.Object.GetProcessor().ResolvedCommit != s.commit || strings.Contains(made.String(), "secret") {
		t.Errorf("made %v", made)
	}
	got, err := s.get(messages.Kind_KIND_PROCESSOR, "proc1")
	if err != nil {
		t.Fatal(err)
	}
	if related := names(got.Related); !strings.Contains(related, "do_something") || strings.Contains(got.String(), "secret") {
		t.Errorf("got %v", got)
	}
	tasks, err := s.objects.List(s.within(), connect.NewRequest(&messages.ListRequest{Kind: messages.Kind_KIND_TASK, Filter: "processor=proc1"}))
	if err != nil || tasks.Msg.Total != 5 {
		t.Errorf("tasks %v, %v", tasks, err)
	}
	before := len(s.proposed)
	bad := processorAt("proc2", "file:///repo")
	bad.GetProcessor().Branch = "nothing"
	_, err = s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: bad}))
	if !isKind(err, messages.NotFound) || !strings.Contains(err.Error(), "there are: dev, main") || len(s.proposed) != before {
		t.Errorf("a branch that is not there: %v, %d commands", err, len(s.proposed)-before)
	}
}

func TestRepositoryThatCannotBeReachedIsAnAnswer(t *testing.T) {
	s := serve(t)
	p := processorAt("proc1", "https://unreachable.example/repo.git")
	_, created := s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: p}))
	_, looked := s.objects.Inspect(s.within(), connect.NewRequest(&messages.InspectRequest{Processor: p.GetProcessor()}))
	for _, err := range []error{created, looked} {
		if !isKind(err, messages.NotFound) || !strings.Contains(err.Error(), "https://unreachable.example/repo.git") {
			t.Errorf("got %v, want NOT_FOUND, which no client sends again", err)
		}
	}
}

func TestChangeThatDoesNotArriveIsPending(t *testing.T) {
	t.Parallel() // it waits as long as a client would
	s := serve(t)
	s.create(queueNamed("q"))
	s.mu.Lock()
	s.undecided = true
	s.mu.Unlock()
	made := s.create(processorAt("proc1", "file:///repo"))
	if !made.Pending || made.Object.GetName() != "proc1" {
		t.Errorf("made %v, want it pending", made)
	}
}

func TestChangeReturnsWhenItArrives(t *testing.T) {
	s := serve(t)
	s.mu.Lock()
	s.undecided = true
	s.mu.Unlock()
	made := make(chan *messages.ObjectResponse, 1)
	go func() {
		response, err := s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: processorAt("proc1", "file:///repo")}))
		if err != nil {
			t.Error(err)
			close(made)
			return
		}
		made <- response.Msg
	}()
	s.eventually("the command is proposed", func() bool { return len(s.proposed) == 1 })
	s.mu.Lock()
	s.undecided = false
	s.mu.Unlock()
	s.must(messages.Meta, &messages.NodeUp{Node: network.Founder}) // any change carries the outbox on
	if got := <-made; got.GetPending() {
		t.Errorf("made %v, want it in force", got)
	}
}

func TestUpdateReadsTheCodeAgainWhereItChanges(t *testing.T) {
	s := serve(t)
	s.create(processorAt("proc1", "file:///repo"))
	update := func(m *messages.UpdateRequest) (*messages.Object, error) {
		m.Kind, m.Name = messages.Kind_KIND_PROCESSOR, "proc1"
		response, err := s.objects.Update(s.within(), connect.NewRequest(m))
		if err != nil {
			return nil, err
		}
		return response.Msg.Object, nil
	}
	changed := func(p *messages.Processor, fields ...string) *messages.UpdateRequest {
		return &messages.UpdateRequest{Object: &messages.Object{Spec: &messages.Object_Processor{Processor: p}}, Fields: fields}
	}
	inspected := s.inspected
	if object, err := update(changed(&messages.Processor{Concurrency: 3}, "processor.concurrency")); err != nil || object.GetProcessor().Concurrency != 3 || s.inspected != inspected {
		t.Errorf("concurrency: %v, %v, %d inspections", object, err, s.inspected-inspected)
	}
	s.mu.Lock()
	s.commit = strings.Repeat("ab", 20)
	s.functions = append(s.functions, &messages.Function{Name: "fresh"})
	s.mu.Unlock()
	object, err := update(changed(&messages.Processor{Branch: "dev"}, "processor.branch"))
	if p := object.GetProcessor(); err != nil || p.GetBranch() != "dev" || p.ResolvedCommit != s.commit || p.Gitrepo != "file:///repo" || p.Concurrency != 3 {
		t.Errorf("branch: %v, %v", object, err)
	}
	if tasks, err := s.objects.List(s.within(), connect.NewRequest(&messages.ListRequest{Kind: messages.Kind_KIND_TASK, Filter: "processor=proc1"})); err != nil || tasks.Msg.Total != 6 {
		t.Errorf("tasks %v, %v", tasks, err)
	}
	for says, m := range map[string]*messages.UpdateRequest{
		"no such module":           changed(&messages.Processor{Module: "x"}, "processor.module"),
		"no field to change":       changed(&messages.Processor{Branch: "dev"}),
		"there is no field":        changed(&messages.Processor{Branch: "dev"}, "processor.branch", "processor.nothing"),
		"read from the repository": changed(&messages.Processor{ResolvedCommit: "x"}, "processor.resolved_commit"),
	} {
		if object, err := update(m); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", says, object, err)
		}
	}
	m := changed(&messages.Processor{Concurrency: 4}, "processor.concurrency")
	m.Expect = 1
	if _, err := update(m); connect.CodeOf(err) != connect.CodeFailedPrecondition || !isKind(err, messages.Conflict) {
		t.Errorf("a version that moved on: %v", err)
	}
}

func TestControlAsksForAStatus(t *testing.T) {
	s := serve(t)
	s.create(processorAt("proc1", "file:///repo"))
	for _, test := range []struct{ action, status string }{
		{"stop", "stopped"}, {"start", "running"}, {"pause", "paused"}, {"resume", "running"}, {"stop", "stopped"}, {"restart", "running"},
	} {
		s.mu.Lock()
		inspected := s.inspected
		if test.action == "restart" {
			s.commit = strings.Repeat("cd", 20)
		}
		s.mu.Unlock()
		response, err := s.objects.Control(s.within(), connect.NewRequest(&messages.ControlRequest{Processor: "proc1", Action: test.action}))
		if err != nil || response.Msg.Object.RequestedStatus != test.status {
			t.Errorf("%s: %v, %v", test.action, response, err)
			continue
		}
		if read := s.inspected - inspected; read != 0 != (test.action == "restart") {
			t.Errorf("%s: the code was read %d times", test.action, read)
		}
		if commit := response.Msg.Object.GetProcessor().ResolvedCommit; commit != s.commit {
			t.Errorf("%s: commit %s, want %s", test.action, commit, s.commit)
		}
	}
	for processor, action := range map[string]string{"proc1": "explode", "proc2": "stop"} {
		if response, err := s.objects.Control(s.within(), connect.NewRequest(&messages.ControlRequest{Processor: processor, Action: action})); err == nil {
			t.Errorf("%s %s: %v", action, processor, response)
		}
	}
}

func TestWhatHoldsCallsIsNotDeletedWithoutForce(t *testing.T) {
	s := serve(t)
	s.quickstart(1) // one of the calls runs, the other waits
	for range 2 {
		if _, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"})); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(kind messages.Kind, name string, force bool) error {
		_, err := s.objects.Delete(s.within(), connect.NewRequest(&messages.DeleteRequest{Kind: kind, Name: name, Force: force}))
		return err
	}
	for kind, name := range map[messages.Kind]string{messages.Kind_KIND_SOCKET: "sample.hold", messages.Kind_KIND_QUEUE: "q", messages.Kind_KIND_PROCESSOR: "proc1"} {
		got, err := s.get(kind, name)
		if err != nil || got.Held != 2 {
			t.Errorf("%s holds %v, %v; want 2", name, got.GetHeld(), err)
		}
		err = remove(kind, name, false)
		if !isKind(err, messages.Conflict) || connect.CodeOf(err) != connect.CodeFailedPrecondition || !strings.Contains(err.Error(), "holds 2 calls") || !strings.Contains(err.Error(), "--force") {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if err := remove(messages.Kind_KIND_SOCKET, "sample.hold", true); err != nil {
		t.Errorf("with force: %v", err)
	}
	if err := remove(messages.Kind_KIND_SOCKET, "sample.hold", true); !isKind(err, messages.NotFound) {
		t.Errorf("once more: %v", err)
	}
	if err := remove(messages.Kind_KIND_SOCKET, "sample.fails", false); err != nil {
		t.Errorf("one that holds nothing: %v", err)
	}
}

func TestListsArePaged(t *testing.T) {
	s := serve(t)
	for _, name := range []string{"d", "a", "c", "b", "e"} {
		s.create(queueNamed(name))
	}
	var pages []string
	m := &messages.ListRequest{Kind: messages.Kind_KIND_QUEUE, Rows: 2}
	for {
		page, err := s.objects.List(s.within(), connect.NewRequest(m))
		if err != nil || page.Msg.Total != 5 {
			t.Fatalf("page %v, %v", page, err)
		}
		pages = append(pages, names(page.Msg.Objects))
		if m.PageToken = page.Msg.NextPageToken; m.PageToken == "" {
			break
		}
	}
	if got := strings.Join(pages, ", "); got != "a b, c d, e" {
		t.Errorf("pages %s", got)
	}
	for request, says := range map[string]string{
		`{"kind": "KIND_QUEUE", "rows": 1001}`:                  "1 to 1000 rows",
		`{"kind": "KIND_QUEUE", "filter": "colour=red"}`:        "colour",
		`{"kind": "KIND_SOCKET", "filter": "processor=nobody"}`: "no such processor",
		`{"kind": "KIND_QUEUE", "page_token": "%"}`:             "page token",
		`{}`: "no kind",
	} {
		if status, _, text := s.post("Objects/List", request); status < 400 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", request, status, text)
		}
	}
}

func TestGetNamesWhatIsNear(t *testing.T) {
	s := serve(t)
	s.create(queueNamed("orders"))
	status, answer, text := s.post("Objects/Get", `{"kind": "KIND_QUEUE", "name": "order"}`)
	if message, _ := answer["message"].(string); status != 404 || message != "get queue order: there is no such queue; did you mean orders?" {
		t.Errorf("%d %s", status, text)
	}
}

func TestWatchGivesEachChangeOfAnObjectAndWhatHangsOnIt(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	stream, err := s.objects.Watch(s.within(), connect.NewRequest(&messages.GetRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: "proc1"}))
	if err != nil {
		t.Fatal(err)
	}
	next := func(what string) *messages.ObjectResponse {
		t.Helper()
		if !stream.Receive() {
			t.Fatalf("%s: %v", what, stream.Err())
		}
		return stream.Msg()
	}
	if got := next("now"); got.Object.RequestedStatus != "running" {
		t.Errorf("now: %v", got)
	}
	s.create(queueNamed("another")) // of no concern
	if _, err := s.objects.Control(s.within(), connect.NewRequest(&messages.ControlRequest{Processor: "proc1", Action: "stop"})); err != nil {
		t.Fatal(err)
	}
	if got := next("stopped"); got.Object.RequestedStatus != "stopped" {
		t.Errorf("after stop: %v", got)
	}
	if _, err := s.objects.Delete(s.within(), connect.NewRequest(&messages.DeleteRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: "proc1", Force: true})); err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
	}
	if err := stream.Err(); !isKind(err, messages.NotFound) {
		t.Errorf("at the end: %v", err)
	}
}

func TestInspectAndNetworkAnswerOverJSON(t *testing.T) {
	s := serve(t)
	status, answer, text := s.post("Objects/Inspect", `{"processor": {"gitrepo": "file:///repo", "module": "pyfi.processors.sample"}}`)
	if functions, _ := answer["functions"].([]any); status != 200 || answer["commit"] != s.commit || len(functions) != 5 {
		t.Errorf("inspect: %d %s", status, text)
	}
	if status, answer, text := s.post("Objects/GetNetwork", `{}`); status != 200 || answer["cpus"] != 4.0 {
		t.Errorf("network: %d %s", status, text)
	}
}
