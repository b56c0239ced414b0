package api

import (
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// chunks is a partition whose replica gives its list in chunks of its own size:
// empty ones too, when it had to look at many calls that did not match.
type chunks struct {
	Cluster
	given map[string]*messages.CallPage // by the place they are behind
}

func (c chunks) Query(_ context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	return &messages.QueryResponse{Index: 7, Page: c.given[q.GetList().PageToken]}, nil
}

func behind(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func TestChunksThatEndEarlyAreFollowed(t *testing.T) {
	row := func(seq uint64) *messages.Call { return &messages.Call{Seq: seq, Received: int64(seq)} }
	c := chunks{given: map[string]*messages.CallPage{
		"":   {Next: behind(90)},
		"90": {Calls: []*messages.Call{row(85)}, Next: behind(60)},
		"60": {Next: behind(30)},
		"30": {Calls: []*messages.Call{row(20)}},
	}}
	m := newMerge(c, &messages.ListCallsRequest{}, []messages.GroupID{1}, places{}, nil)
	calls, err := m.take(t.Context(), 1, false)
	if err != nil || len(calls) != 1 || calls[0].Seq != 85 || !m.more() || m.places()[1] != "30" {
		t.Fatalf("first %v, %v, more %v, places %v", calls, err, m.more(), m.places())
	}
	calls, err = m.take(t.Context(), 5, false)
	if err != nil || len(calls) != 1 || calls[0].Seq != 20 || m.more() {
		t.Errorf("then %v, %v, more %v", calls, err, m.more())
	}
}

func TestSkipThatANodeDoesNotKnowIsAnError(t *testing.T) {
	m := newMerge(chunks{given: map[string]*messages.CallPage{"": {}}}, &messages.ListCallsRequest{}, []messages.GroupID{1, 2}, places{}, nil)
	if err := m.skip(t.Context(), 10_000); err == nil {
		t.Error("rows were not skipped, and nobody noticed")
	}
}

// skipping gives what it was asked to skip back, as a replica of this version.
type skipping struct{ chunks }

func (s skipping) Query(ctx context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	response, err := s.chunks.Query(ctx, q)
	if q.Skip > 0 {
		response.Page = &messages.CallPage{Skipped: q.Skip} // no row is so far behind
	}
	return response, err
}

func TestAPageFarBehindTheEndIsEmpty(t *testing.T) {
	c := skipping{chunks{given: map[string]*messages.CallPage{"": {Calls: []*messages.Call{{Seq: 4}, {Seq: 3}}}, "3": {}}}}
	m := newMerge(c, &messages.ListCallsRequest{}, []messages.GroupID{1}, places{}, nil)
	// The last page that a request can name: memory for all its rows is more than a machine has.
	_, skip, err := pageOf("list", &messages.ListCallsRequest{Page: math.MaxInt32, Rows: messages.MaxPageRows})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.skip(t.Context(), skip); err != nil {
		t.Fatal(err)
	}
	calls, err := m.take(t.Context(), 10, false)
	if err != nil || len(calls) != 0 || m.more() {
		t.Errorf("%d calls, %v, more %v", len(calls), err, m.more())
	}
}

func TestPageTokensReadBack(t *testing.T) {
	for _, p := range []places{{}, {1: "17"}, {1: "0", 2: "18446744073709551615", 64: "1"}} {
		back, err := decodePlaces("list", encodePlaces(p))
		if err != nil || len(back) != len(p) {
			t.Errorf("%v read back as %v, %v", p, back, err)
		}
		for group, place := range p {
			if back[group] != place {
				t.Errorf("%v read back as %v", p, back)
			}
		}
	}
}

func FuzzPageToken(f *testing.F) {
	f.Add(encodePlaces(places{1: "17", 2: "3"}))
	f.Fuzz(func(t *testing.T, token string) {
		p, err := decodePlaces("list", token)
		if err != nil {
			return
		}
		again, err := decodePlaces("list", encodePlaces(p))
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
		for group := range again {
			if again[group] != p[group] {
				t.Fatalf("%q: %v, then %v", token, p, again)
			}
		}
	})
}
