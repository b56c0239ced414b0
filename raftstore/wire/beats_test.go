package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hashicorp/raft"
)

func beats() []Beat {
	return []Beat{
		{Number: 1, Group: 0, Request: &raft.AppendEntriesRequest{RPCHeader: header, Term: 3, Leader: []byte("n")}},
		{Number: 300, Group: 2, Request: &raft.AppendEntriesRequest{RPCHeader: header, Term: 1 << 40, Leader: []byte("n")}},
	}
}

func echoes() []Echo {
	return []Echo{
		{Number: 1, Response: &raft.AppendEntriesResponse{RPCHeader: header, Term: 3, LastLog: 12, Success: true}},
		{Number: 300, Failed: "there is no replica here"},
		{Number: 301, Failed: "it shuts down", Response: &raft.AppendEntriesResponse{RPCHeader: header, NoRetryBackoff: true}},
	}
}

func TestHeartbeatsOfSeveralGroupsAreOneMessage(t *testing.T) {
	var line bytes.Buffer
	from, to := New(&line), New(&line)
	if err := from.WriteBeats(beats()); err != nil {
		t.Fatal(err)
	}
	if got, err := to.ReadBeats(); err != nil || !reflect.DeepEqual(got, beats()) {
		t.Errorf("arrived %+v, %v", got, err)
	}
	if err := to.WriteEchoes(echoes()); err != nil {
		t.Fatal(err)
	}
	if got, err := from.ReadEchoes(); err != nil || !reflect.DeepEqual(got, echoes()) {
		t.Errorf("came back %+v, %v", got, err)
	}
}

func FuzzBeats(f *testing.F) {
	f.Add(appendBeats(nil, beats()))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readBeats(b)
		if err != nil {
			return
		}
		if again, err := readBeats(appendBeats(nil, got)); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%+v is read again as %+v, %v", got, again, err)
		}
	})
}

func FuzzEchoes(f *testing.F) {
	f.Add(appendEchoes(nil, echoes()))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readEchoes(b)
		if err != nil {
			return
		}
		for i := range got {
			got[i].Failed = got[i].Failed[:min(len(got[i].Failed), maxFailure)]
		}
		if again, err := readEchoes(appendEchoes(nil, got)); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%+v is read again as %+v, %v", got, again, err)
		}
	})
}
