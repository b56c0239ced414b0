package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// fill makes calls in both partitions: of proc1 in one, of proc2 in the other,
// by turns of irregular length. It gives their ids, the newest first.
func (s *served) fill(n int) (newest []string) {
	s.t.Helper()
	s.quickstart(0)
	s.create(processorAt("proc2", "file:///repo"))
	s.create(&messages.Object{Name: "other", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
		Processor: "proc2", Queue: "q", Task: "do_something"}}})
	partitions := map[messages.GroupID]bool{}
	for i := range n {
		socket := "other"
		if i%7 < 4 || i > n*2/3 {
			socket = "sample.do_something"
		}
		sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: socket, Data: data(fmt.Sprint(i))}))
		if err != nil {
			s.t.Fatal(err)
		}
		id, _ := messages.ParseCallID(sent.Msg.Id)
		partitions[id.Partition()] = true
		newest = append(newest, sent.Msg.Id)
	}
	if len(partitions) != 2 {
		s.t.Fatalf("the calls are in %d partitions, want 2", len(partitions))
	}
	slices.Reverse(newest)
	return newest
}

func (s *served) list(m *messages.ListCallsRequest) *messages.ListCallsResponse {
	s.t.Helper()
	page, err := s.tasks.ListCalls(s.within(), connect.NewRequest(m))
	if err != nil {
		s.t.Fatal(err)
	}
	return page.Msg
}

func ids(page *messages.ListCallsResponse) (all []string) {
	for _, call := range page.Calls {
		all = append(all, call.Id)
	}
	return all
}

func TestPagesOfCallsAreMergedNewestFirst(t *testing.T) {
	const n = 701
	s := serve(t)
	newest := s.fill(n)
	oldest := slices.Clone(newest)
	slices.Reverse(oldest)

	for _, rows := range []int{1, 10, 97, 1000} {
		for _, page := range []int{1, 2, 3, 7, 30, 70, 71, 72} {
			for ascend, want := range map[bool][]string{false: newest, true: oldest} {
				begin, end := min((page-1)*rows, n), min(page*rows, n)
				got := s.list(&messages.ListCallsRequest{Rows: int32(rows), Page: int32(page), Ascend: ascend})
				if !slices.Equal(ids(got), want[begin:end]) || got.Total != n || (got.NextPageToken != "") != (end < n) {
					t.Errorf("page %d of %d rows, ascending %v: %d rows of %d, token %q", page, rows, ascend, len(got.Calls), got.Total, got.NextPageToken)
				}
			}
		}
	}
	if got := s.list(&messages.ListCallsRequest{}); len(got.Calls) != 10 || len(got.AsOf) != 2 {
		t.Errorf("without a number of rows: %d, as of %v", len(got.Calls), got.AsOf)
	}
}

func TestPageTokensGoOnWhereThePageEndedAlthoughCallsCome(t *testing.T) {
	const n = 60
	s := serve(t)
	newest := s.fill(n)
	var got []string
	m := &messages.ListCallsRequest{Rows: 7, Results: true}
	for {
		page := s.list(m)
		got = append(got, ids(page)...)
		if m.PageToken = page.NextPageToken; m.PageToken == "" {
			break
		}
		if _, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "other", Data: data("1")})); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, newest) {
		t.Errorf("%d calls, want the %d that were there, in order", len(got), n)
	}
}

func TestCallsAreChosenBySocketStateAndRun(t *testing.T) {
	s := serve(t)
	newest := s.fill(50)
	of := func(m *messages.ListCallsRequest) (int, int64) {
		got := s.list(m)
		return len(got.Calls), got.Total
	}
	others := 0
	for _, id := range newest {
		if parsed, _ := messages.ParseCallID(id); parsed.Partition() == 2 {
			others++
		}
	}
	if rows, total := of(&messages.ListCallsRequest{Socket: "other", Rows: 100}); rows != others || total != int64(others) {
		t.Errorf("of a socket: %d rows of %d, want %d", rows, total, others)
	}
	if _, err := s.tasks.CancelCall(s.within(), connect.NewRequest(&messages.CancelCallRequest{Id: newest[3]})); err != nil {
		t.Fatal(err)
	}
	for want, m := range map[int]*messages.ListCallsRequest{
		1:  {States: []string{"cancelled"}, Rows: 100},
		49: {Unfinished: true, Rows: 100},
	} {
		if rows, total := of(m); rows != want || total != int64(want) {
			t.Errorf("%v: %d rows of %d, want %d", m, rows, total, want)
		}
	}
	if got := s.list(&messages.ListCallsRequest{Tracking: newest[5]}); len(got.Calls) != 1 || got.Calls[0].Id != newest[5] {
		t.Errorf("of a run: %v", ids(got))
	}
	for request, says := range map[string]string{
		`{"socket": "othr"}`:              "did you mean other",
		`{"states": ["done"]}`:            "no state",
		`{"rows": 1001}`:                  "1 to 1000 rows",
		`{"rows": 101, "results": true}`:  "1 to 100 rows",
		`{"page": -1}`:                    "counted from 1",
		`{"page": 2, "page_token": "AA"}`: "one is enough",
		`{"page_token": "/"}`:             "page token",
		`{"page_token": "` + `AQ` + `"}`:  "page token",
		`{"tracking": "17"}`:              "tracking 17",
	} {
		if status, _, text := s.post("Tasks/ListCalls", request); status < 400 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s; want %q", request, status, text, says)
		}
	}
}
