package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

var header = raft.RPCHeader{ProtocolVersion: 3, ID: []byte("n/1"), Addr: []byte("n")}

// requests are one of each kind, some of them with all that one can have.
func requests() []any {
	large := bytes.Repeat([]byte("x"), 5*apart)
	return []any{
		&raft.AppendEntriesRequest{RPCHeader: header, Term: 7, Leader: []byte("n")},
		&raft.AppendEntriesRequest{RPCHeader: header, Term: 7, Leader: []byte("n"), PrevLogEntry: 300, PrevLogTerm: 6, LeaderCommitIndex: 299, Entries: []*raft.Log{
			{Index: 301, Term: 7, Type: raft.LogCommand, Data: []byte("small"), AppendedAt: time.Unix(12, 34)},
			{Index: 302, Term: 7, Type: raft.LogNoop},
			{Index: 303, Term: 7, Type: raft.LogConfiguration, Data: large, Extensions: []byte("more")},
			{Index: 304, Term: 1 << 60, Type: raft.LogBarrier, Data: large[:apart]},
		}},
		&raft.RequestVoteRequest{RPCHeader: header, Term: 8, Candidate: []byte("m"), LastLogIndex: 5, LastLogTerm: 4, LeadershipTransfer: true},
		&raft.RequestPreVoteRequest{RPCHeader: header, Term: 8, LastLogIndex: 5, LastLogTerm: 4},
		&raft.InstallSnapshotRequest{RPCHeader: header, SnapshotVersion: 1, Term: 9, Leader: []byte("n"), LastLogIndex: 1, LastLogTerm: 2,
			Peers: []byte("p"), Configuration: []byte("c"), ConfigurationIndex: 3, Size: 4},
		&raft.TimeoutNowRequest{RPCHeader: header},
	}
}

func answers() []any {
	return []any{
		&raft.AppendEntriesResponse{RPCHeader: header, Term: 7, LastLog: 8, Success: true},
		&raft.AppendEntriesResponse{RPCHeader: header, Term: 7, LastLog: 8, NoRetryBackoff: true},
		&raft.RequestVoteResponse{RPCHeader: header, Term: 7, Peers: []byte("p"), Granted: true},
		&raft.RequestPreVoteResponse{RPCHeader: header, Term: 7, Granted: true},
		&raft.InstallSnapshotResponse{RPCHeader: header, Term: 7, Success: true},
		&raft.TimeoutNowResponse{RPCHeader: header},
	}
}

// TestWhatIsAskedArrives: all requests one behind the other on one connection.
func TestWhatIsAskedArrives(t *testing.T) {
	var line bytes.Buffer
	from, to := New(&line), New(&line)
	for _, q := range requests() {
		if err := from.WriteRequest(q); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range requests() {
		got, err := to.ReadRequest()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("asked %+v, arrived %+v, %v", want, got, err)
		}
	}
	if _, err := to.ReadRequest(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestWhatIsAnsweredArrives(t *testing.T) {
	var line bytes.Buffer
	from, to := New(&line), New(&line)
	for _, failed := range []error{nil, errors.New("it cannot be"), errors.New(strings.Repeat("long ", maxFailure))} {
		for _, want := range answers() {
			if err := from.WriteAnswer(want, failed); err != nil {
				t.Fatal(err)
			}
			got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
			err := to.ReadAnswer(got)
			if !reflect.DeepEqual(got, want) || (err == nil) != (failed == nil) {
				t.Errorf("answered %+v and %v, arrived %+v and %v", want, failed, got, err)
			}
			if refused := Refusal(""); failed != nil && (!errors.As(err, &refused) || !strings.HasPrefix(failed.Error(), string(refused))) {
				t.Errorf("it arrives that %v", err)
			}
		}
	}
	from.WriteAnswer(nil, errors.New("shut down"))
	if err := to.ReadAnswer(new(raft.TimeoutNowResponse)); err == nil || err.Error() != "shut down" {
		t.Errorf("an answer without a response arrives as %v", err)
	}
}

// TestWhatNobodyWroteIsRefused: and memory is not taken for what is not there.
func TestWhatNobodyWroteIsRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"too long a head":  {255, 255, 255, 255, 1},
		"an unknown kind":  {0, 0, 0, 1, 99},
		"nothing":          {0, 0, 0, 0},
		"cut in the head":  {0, 0, 0, 9, 1, 3},
		"fields left over": {0, 0, 0, 5, 5, 0, 0, 0, 0},
		"too many entries": append([]byte{0, 0, 0, 13, 1, 3, 0, 0, 0, 7, 0, 0, 0}, 255, 255, 255, 1),
	} {
		if got, err := New(bytes.NewBuffer(b)).ReadRequest(); err == nil {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, q := range requests() {
		b, _ := appendRequest(nil, q)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, _, err := readRequest(b)
		if err != nil {
			return
		}
		again, err := appendRequest(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := q.(*raft.AppendEntriesRequest); ok {
			return // the lengths of data that were not read are lost
		}
		if q2, _, err := readRequest(again); err != nil || !reflect.DeepEqual(q, q2) {
			t.Errorf("%+v is read again as %+v, %v", q, q2, err)
		}
	})
}

func FuzzStream(f *testing.F) {
	for _, q := range requests() {
		var b bytes.Buffer
		New(&b).WriteRequest(q)
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := New(bytes.NewBuffer(b)).ReadRequest()
		if err != nil {
			return
		}
		var line bytes.Buffer
		if err := New(&line).WriteRequest(q); err != nil {
			t.Fatal(err)
		}
		if again, err := New(&line).ReadRequest(); err != nil || !reflect.DeepEqual(q, again) {
			t.Errorf("%+v arrives as %+v, %v", q, again, err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, a := range answers() {
		b, _ := appendAnswer(nil, a, errors.New("no"))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range answers() {
			into := reflect.New(reflect.TypeOf(a).Elem()).Interface()
			readAnswer(b, into) // must not panic
		}
	})
}
