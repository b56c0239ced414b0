package api_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/messages"
)

func isKind(err error, kind messages.KindError) bool { return errors.Is(restored(err), kind) }

// restored gives the error that a client reads from the wire.
func restored(err error) error {
	var e *connect.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, detail := range e.Details() {
		if value, err := detail.Value(); err == nil {
			if info, ok := value.(*messages.ErrorInfo); ok {
				return info.Err()
			}
		}
	}
	return err
}

func TestRunGivesTheResult(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["HI!!!"]`), Owner: "postgres"})
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, e := range call.Events {
		events = append(events, e.Name)
	}
	if call.GetResult() != `"HI!!!"` || call.State != "finished" || call.Owner != "postgres" || call.Socket != "sample.do_something" ||
		call.Attempts != 1 || call.Tracking != call.Id || call.Node != "alpha" || call.Position.GetIndex() == 0 {
		t.Errorf("call %v", call)
	}
	if got := strings.Join(events, " "); got != "received prerun postrun" {
		t.Errorf("events %s", got)
	}
}

func TestValuesStayAsTheyAreOverJSON(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	for _, value := range []string{`9223372036854775809`, `1`, `1.0`, `{\"b\" : [1,  2.50]}`} {
		status, answer, text := s.post("Tasks/Run", `{"socket": "sample.do_something", "data": "[`+value+`]"}`)
		if want := strings.ReplaceAll(value, `\`, ""); status != 200 || answer["result"] != want || answer["owner"] != "postgres" {
			t.Errorf("%s: %d %s", value, status, text)
		}
	}
	if status, answer, text := s.post("Tasks/Run", `{"socket": "sample.add_two", "named": {"two": "3", "one": "2"}}`); status != 200 || answer["result"] != "2" {
		t.Errorf("named: %d %s", status, text)
	}
}

func TestFailedCallIsAnAnswer(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	call, err := s.run(&messages.RunRequest{Socket: "sample.fails"})
	if err != nil || call.State != "failed" || call.Error.GetType() != "ValueError" {
		t.Errorf("call %v, %v", call, err)
	}
}

func TestSameKeyMakesOneCall(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	m := &messages.RunRequest{Socket: "sample.do_something", Data: data(`"x"`), Id: "order 17"}
	first, err := s.run(m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.tasks.Submit(s.within(), connect.NewRequest(m))
	if err != nil || again.Msg.Id != first.Id || !again.Msg.Duplicate || again.Msg.State != "finished" {
		t.Errorf("the same again: %v, %v", again, err)
	}
	if same, err := s.run(m); err != nil || same.Id != first.Id || !same.Duplicate || first.Duplicate || same.GetResult() != first.GetResult() {
		t.Errorf("run again: %v, %v", same, err)
	}
	m.Data = data(`"y"`)
	if _, err := s.run(m); !isKind(err, messages.Conflict) || connect.CodeOf(err) != connect.CodeAlreadyExists {
		t.Errorf("another content gave %v", err)
	}
}

func TestSubmitReturnsBeforeTheEnd(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
	if err != nil {
		t.Fatal(err)
	}
	early, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: sent.Msg.Id, Timeout: 20}))
	if err != nil || early.Msg.State != "running" || early.Msg.Result != nil {
		t.Errorf("after 20 ms: %v, %v", early, err)
	}
	s.letGo()
	late, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: sent.Msg.Id}))
	if err != nil || late.Msg.State != "finished" || late.Msg.GetResult() != `"held"` {
		t.Errorf("at the end: %v, %v", late, err)
	}
}

func TestTimeoutGivesTheStateThatWasReached(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data("1"), Timeout: 30})
	if err != nil || call.State != "queued" || call.Waiting == "" {
		t.Errorf("call %v, %v", call, err)
	}
}

// TestWaitForRoomThatIsOver: a call that was refused to the end was not accepted,
// and the answer says why.
func TestWaitForRoomThatIsOver(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	s.create(&messages.Object{Name: "small", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{MaxLength: 1}}})
	s.create(&messages.Object{Name: "narrow", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
		Processor: "proc1", Queue: "small", Task: "do_something"}}})
	m := func() *messages.RunRequest {
		return &messages.RunRequest{Socket: "narrow", Data: data("1"), WaitFull: true, Timeout: 50}
	}
	if _, err := s.tasks.Submit(s.within(), connect.NewRequest(m())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(m()); !isKind(err, messages.Exhausted) || !strings.Contains(err.Error(), "full") {
		t.Errorf("run: %v", err)
	}
	if _, err := s.tasks.Submit(s.within(), connect.NewRequest(m())); !isKind(err, messages.Exhausted) || !strings.Contains(err.Error(), "full") {
		t.Errorf("submit: %v", err)
	}
}

func TestTimeoutBeforeACallIsAcceptedIsAnError(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	if _, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data("1")}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.leaderless = true
	s.mu.Unlock()
	_, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.do_something", Data: data("1"), Timeout: 30}))
	if !isKind(err, messages.Unavailable) {
		t.Errorf("submit gave %v", err)
	}
}

// TestResultOfACallThatCannotBeRead: it was accepted, and nothing is to be sent
// again.
func TestResultOfACallThatCannotBeRead(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.letGo()
	s.mu.Lock()
	s.leaderless = true
	s.mu.Unlock()
	_, err = s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: sent.Msg.Id, Timeout: 30}))
	if !isKind(err, messages.Deadline) || !strings.Contains(err.Error(), "ask again") || strings.Contains(err.Error(), "send it again") {
		t.Errorf("result gave %v", err)
	}
}

func TestBadRequestsAreRefusedWithWhatToDo(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	before := len(s.proposed)
	for _, test := range []struct{ request, code, says string }{
		{`{"socket": "sample.do_somethin", "data": "1"}`, "not_found", "did you mean sample.do_something"},
		{`{"data": "1"}`, "invalid_argument", "no name is given"},
		{`{"socket": "sample.add_two", "data": "NaN"}`, "invalid_argument", "not JSON"},
		{`{"socket": "sample.add_two", "data": "[1,2,3]"}`, "invalid_argument", "add_two(one, two=0): it takes 2 positional arguments, and 3 came"},
		{`{"socket": "sample.add_two"}`, "invalid_argument", "missing one"},
		{`{"socket": "sample.add_two", "data": "{\"three\": 1}"}`, "invalid_argument", "no argument named three"},
		{`{"socket": "sample.add_two", "data": "{\"one\": 1, \"one\": 2}"}`, "invalid_argument", `"one" is there twice`},
		{`{"socket": "sample.add_two", "positional": ["1"], "named": {"one": "2"}}`, "invalid_argument", "one is given twice"},
		{`{"socket": "sample.add_two", "data": "1", "timeout": -1}`, "invalid_argument", "timeout"},
		{`{"socket": "sample.add_two", "data": "1", "tracking": "x"}`, "invalid_argument", "tracking x"},
		{`{"socket": "sample.add_two", "data": "1", "id": "` + strings.Repeat("k", 300) + `"}`, "invalid_argument", "256 bytes"},
	} {
		status, answer, text := s.post("Tasks/Run", test.request)
		message, _ := answer["message"].(string)
		if status < 400 || answer["code"] != test.code || !strings.Contains(message, test.says) {
			t.Errorf("%.80s: %d %.300s; want %s, %q", test.request, status, text, test.code, test.says)
		}
	}
	if len(s.proposed) != before {
		t.Errorf("%d commands were proposed", len(s.proposed)-before)
	}
}

func TestBatchIsOneUnit(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	m := &messages.SubmitBatchRequest{Socket: "sample.do_something", Data: []string{"1", "[2.0]", `{"message":"x"}`}, Id: "batch"}
	sent, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(m))
	if err != nil || sent.Msg.Count != 3 || sent.Msg.Duplicate {
		t.Fatalf("batch %v, %v", sent, err)
	}
	first, err := messages.ParseCallID(sent.Msg.First)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"1", "2.0", `"x"`} {
		call, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: first.At(i).String()}))
		if err != nil || call.Msg.GetResult() != want {
			t.Errorf("call %d: %v, %v; want %s", i, call, err, want)
		}
	}
	var known messages.Known
	for _, more := range []bool{true, true, true, false} {
		got, err := s.tasks.Results(s.within(), connect.NewRequest(&messages.ResultsRequest{First: sent.Msg.First, Count: 3, Known: known, Timeout: 5000}))
		if !more || len(known) > 0 && known[0] == 0b111 {
			if err == nil {
				t.Errorf("all is known, and it answers %v", got.Msg)
			}
			break
		}
		if err != nil || len(got.Msg.Calls) == 0 {
			t.Fatalf("results: %v", err)
		}
		for _, c := range got.Msg.Calls {
			id, err := messages.ParseCallID(c.Id)
			if err != nil || c.State != "finished" || known.Has(id.Index()) {
				t.Errorf("result %v, %v", c, err)
			}
			known = known.With(id.Index())
		}
	}
	for _, wrong := range []*messages.ResultsRequest{{First: sent.Msg.First}, {First: sent.Msg.First, Count: 5000}, {First: "x", Count: 1}} {
		if _, err := s.tasks.Results(s.within(), connect.NewRequest(wrong)); err == nil {
			t.Errorf("%v is answered", wrong)
		}
	}
	again, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(m))
	if err != nil || again.Msg.First != sent.Msg.First || !again.Msg.Duplicate {
		t.Errorf("the same again: %v, %v", again, err)
	}
	for name, bad := range map[string][]string{
		"1 to 4096":             nil,
		"call 1":                {"1", "nan"},
		"wrong arguments":       {"1", `{"nothing":1}`},
		"the batch has":         {`"` + strings.Repeat("x", 200<<10) + `"`, `"` + strings.Repeat("x", 200<<10) + `"`, `"` + strings.Repeat("x", 200<<10) + `"`, `"` + strings.Repeat("x", 200<<10) + `"`},
		"1 to 4096 calls, and ": make([]string, messages.MaxBatch+1),
	} {
		_, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(&messages.SubmitBatchRequest{Socket: "sample.do_something", Data: bad}))
		if !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStreamAnswersInAnyOrderAndOutlivesFailures(t *testing.T) {
	for name, send := range map[string]func([]*messages.StreamRequest) []*messages.StreamRequest{
		"each in a frame of its own": func(all []*messages.StreamRequest) []*messages.StreamRequest { return all },
		"in one frame": func(all []*messages.StreamRequest) []*messages.StreamRequest {
			all[0].More = all[1:]
			return all[:1]
		},
	} {
		t.Run(name, func(t *testing.T) { streamOutlivesFailures(t, send) })
	}
}

func streamOutlivesFailures(t *testing.T, framed func([]*messages.StreamRequest) []*messages.StreamRequest) {
	s := serve(t)
	s.quickstart(8)
	stream := s.tasks.Stream(s.within())
	large := `"` + strings.Repeat("x", messages.MaxInline+1) + `"`
	for _, frame := range framed([]*messages.StreamRequest{
		{Tag: 1, Run: &messages.RunRequest{Socket: "sample.hold"}},
		{Tag: 2, Run: &messages.RunRequest{Socket: "nothing"}},
		{Tag: 3},
		{Tag: 4, Run: &messages.RunRequest{Socket: "sample.do_something", Data: data("4")}},
		{Tag: 5, NoWait: true, Run: &messages.RunRequest{Socket: "sample.hold"}},
		{Tag: 6, Run: &messages.RunRequest{Socket: "sample.do_something", Data: data(large)}},
		{Tag: 7, Run: &messages.RunRequest{Socket: "sample.do_something", Data: data("nan")}},
		{Tag: 8, Run: &messages.RunRequest{Socket: "sample.do_something", Id: "eight", Data: data("8")}},
		{Tag: 9, Run: &messages.RunRequest{Socket: "sample.hold", Timeout: 50}},
	}) {
		if err := stream.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
	answers := map[uint64]*messages.StreamResponse{}
	receive := func(n int) {
		for len(answers) < n {
			m, err := stream.Receive()
			if err != nil {
				t.Fatalf("after %d answers: %v", len(answers), err)
			}
			for _, one := range append([]*messages.StreamResponse{m}, m.More...) {
				answers[one.Tag] = one
			}
		}
	}
	receive(8)
	if answers[1] != nil {
		t.Errorf("the call that is held has ended: %v", answers[1])
	}
	s.letGo()
	receive(9)
	again := &messages.StreamRequest{Tag: 10, Run: &messages.RunRequest{Socket: "sample.do_something", Id: "eight", Data: data("8")}}
	if err := stream.Send(again); err != nil {
		t.Fatal(err)
	}
	receive(10)
	if err := stream.CloseRequest(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
	if answers[1].Call.GetResult() != `"held"` || answers[4].Call.GetResult() != "4" || answers[5].Call.GetId() == "" || answers[6].Call.GetResult() != large ||
		!isKind(answers[2].Error.Err(), messages.NotFound) || !isKind(answers[3].Error.Err(), messages.Invalid) || !isKind(answers[7].Error.Err(), messages.Invalid) {
		t.Errorf("answers %v", answers)
	}
	if one, two := answers[8].Call, answers[10].Call; one.GetResult() != "8" || one.Duplicate || !two.GetDuplicate() || one.Id != two.Id || one.Position.GetIndex() == 0 {
		t.Errorf("a key and the same key again: %v and %v", one, two)
	}
	if call := answers[9].Call; call.GetState() == "finished" || call.GetState() == "" {
		t.Errorf("the time-out of a held call gave %v, %v", call, answers[9].Error)
	}
}

// TestStreamBeginsWithThoseThatHaveAPlace: the others of their frame wait for one.
func TestStreamBeginsWithThoseThatHaveAPlace(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	stream := s.tasks.Stream(s.within())
	held := api.MaxInFlight - 4
	for sent := 0; sent < held; {
		frame := &messages.StreamRequest{Tag: 1, Run: &messages.RunRequest{Socket: "sample.hold"}}
		for sent++; sent < held && len(frame.More) < messages.MaxTogether-1; sent++ {
			frame.More = append(frame.More, &messages.StreamRequest{Tag: 1, Run: frame.Run})
		}
		if err := stream.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
	frame := &messages.StreamRequest{Tag: 2, Run: &messages.RunRequest{Socket: "nothing"}}
	for range 9 {
		frame.More = append(frame.More, &messages.StreamRequest{Tag: 2, Run: frame.Run})
	}
	if err := stream.Send(frame); err != nil {
		t.Fatal(err)
	}
	for refused := 0; refused < 10; {
		m, err := stream.Receive()
		if err != nil {
			t.Fatalf("after %d refusals: %v", refused, err)
		}
		for _, one := range append([]*messages.StreamResponse{m}, m.More...) {
			if refused++; one.Tag != 2 || !isKind(one.Error.Err(), messages.NotFound) {
				t.Errorf("got %v", one)
			}
		}
	}
	_ = stream.CloseRequest()
	_ = stream.CloseResponse()
}

func TestStreamRefusesFramesThatNoClientSends(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	run := func(bytes int) *messages.StreamRequest {
		text := `"` + strings.Repeat("x", bytes) + `"`
		return &messages.StreamRequest{Run: &messages.RunRequest{Socket: "sample.do_something", Data: &text}}
	}
	many := run(1)
	for range messages.MaxTogether {
		many.More = append(many.More, run(1))
	}
	nested := run(1)
	nested.More = []*messages.StreamRequest{run(1)}
	for name, frame := range map[string]*messages.StreamRequest{
		"257 requests":    many,
		"over 1048576":    {Run: run(1).Run, More: []*messages.StreamRequest{run(3 << 20)}},
		"has more itself": {Run: run(1).Run, More: []*messages.StreamRequest{nested}},
	} {
		stream := s.tasks.Stream(s.within())
		if err := stream.Send(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Receive(); !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		_ = stream.CloseResponse()
	}
}

func TestCallsCanBeCancelled(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		request := connect.NewRequest(&messages.CancelCallRequest{Id: sent.Msg.Id, Reason: strings.Repeat("no more ", 1000)})
		request.Header().Set(api.UserHeader, "ann")
		call, err := s.tasks.CancelCall(s.within(), request)
		if err != nil || call.Msg.State != "cancelled" {
			t.Errorf("cancel: %v, %v", call, err)
		}
	}
	why, err := s.tasks.Explain(s.within(), connect.NewRequest(&messages.ExplainRequest{Id: sent.Msg.Id}))
	if err != nil || !strings.HasPrefix(why.Msg.Text, "by ann: no more no more") || why.Msg.Cause != "ended" {
		t.Errorf("explained: %v, %v", why, err)
	}
}

func TestUnknownCallsAreNotFound(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	for _, id := range []string{messages.NewCallID("x", 1, 0).String(), messages.NewCallID("x", 99, 0).String()} {
		for _, method := range []string{"GetCall", "Result", "CancelCall"} {
			if status, answer, text := s.post("Tasks/"+method, fmt.Sprintf(`{"id": %q}`, id)); status != 404 || answer["code"] != "not_found" {
				t.Errorf("%s %s: %d %s", method, id, status, text)
			}
		}
	}
	if status, answer, text := s.post("Tasks/GetCall", `{"id": "17"}`); status != 400 || answer["code"] != "invalid_argument" {
		t.Errorf("an id that is none: %d %s", status, text)
	}
}

func TestGetCallShowsArgumentsWhenAsked(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`[1.0]`)})
	if err != nil {
		t.Fatal(err)
	}
	without, err := s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: call.Id}))
	if err != nil || without.Msg.Arguments != nil || without.Msg.Log != "a line\n" {
		t.Errorf("without arguments: %v, %v", without, err)
	}
	with, err := s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: call.Id, Arguments: true}))
	if err != nil || string(with.Msg.GetArguments().GetPositional()[0]) != "1.0" {
		t.Errorf("with arguments: %v, %v", with, err)
	}
}

func TestSocketThatWasMadeAgainIsFoundUnderItsNewID(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	m := &messages.RunRequest{Socket: "sample.do_something", Data: data("1")}
	if _, err := s.run(m); err != nil {
		t.Fatal(err)
	}
	reads := s.reads
	if _, err := s.run(m); err != nil || s.reads != reads {
		t.Errorf("the model was read %d times more, %v: what is known of a socket is to be kept", s.reads-reads, err)
	}
	if _, err := s.objects.Delete(s.within(), connect.NewRequest(&messages.DeleteRequest{Kind: messages.Kind_KIND_SOCKET, Name: m.Socket})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(m); !isKind(err, messages.NotFound) {
		t.Errorf("a deleted socket: %v", err)
	}
	s.create(&messages.Object{Name: m.Socket, Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
		Processor: "proc1", Queue: "q", Task: "do_something"}}})
	if _, err := s.run(m); err != nil {
		t.Errorf("made again: %v", err)
	}
}
