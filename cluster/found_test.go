package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/messages"
)

func TestDecide(t *testing.T) {
	nobody := []Seen(nil)
	for name, c := range map[string]struct {
		s    Situation
		want Decision
	}{
		"it belongs to one already":        {Situation{Network: "mine", Expect: 3}, Decision{Action: Join, Network: "mine"}},
		"its own, even beside another":     {Situation{Network: "mine", Others: []Seen{{Node: "b", Network: "other"}}}, Decision{Action: Join, Network: "mine"}},
		"alone":                            {Situation{Alone: true}, Decision{Action: Found}},
		"alone no more":                    {Situation{Alone: true, Others: []Seen{{Node: "b", Network: "n"}}}, Decision{Action: Join, Network: "n"}},
		"somebody has one":                 {Situation{Expect: 3, Others: []Seen{{Node: "b"}, {Node: "c", Network: "n"}}}, Decision{Action: Join, Network: "n"}},
		"told to join, nothing expected":   {Situation{Others: []Seen{{Node: "b"}, {Node: "c"}}}, Decision{}},
		"below what is expected":           {Situation{Expect: 3, Others: []Seen{{Node: "b"}}}, Decision{}},
		"nobody there":                     {Situation{Expect: 2, Others: nobody}, Decision{}},
		"expected to be one":               {Situation{Expect: 1, Vote: "a"}, Decision{Action: Found, Vote: "a"}},
		"all there: the lowest":            {Situation{Expect: 3, Others: []Seen{{Node: "b"}, {Node: "c"}}}, Decision{Vote: "a"}},
		"all there: another is the lowest": {Situation{Expect: 3, Others: []Seen{{Node: "b"}, {Node: "A"}}}, Decision{Vote: "A"}},
		"votes are missing":                {Situation{Expect: 3, Vote: "a", Others: []Seen{{Node: "b", Vote: "a"}, {Node: "c"}}}, Decision{Vote: "a"}},
		"all votes":                        {Situation{Expect: 3, Vote: "a", Others: []Seen{{Node: "b", Vote: "a"}, {Node: "c", Vote: "a"}}}, Decision{Action: Found, Vote: "a"}},
		"enough votes, a lower one came":   {Situation{Expect: 3, Vote: "a", Others: []Seen{{Node: "b", Vote: "a"}, {Node: "c", Vote: "a"}, {Node: "A"}}}, Decision{Action: Found, Vote: "a"}},
		"too few votes, a lower one came":  {Situation{Expect: 3, Vote: "a", Others: []Seen{{Node: "b", Vote: "a"}, {Node: "A", Vote: "A"}}}, Decision{Vote: "A"}},
		"a vote stays":                     {Situation{Expect: 3, Vote: "c", Others: []Seen{{Node: "b"}, {Node: "c", Vote: "c"}}}, Decision{Vote: "c"}},
		"unless who has it gave up":        {Situation{Expect: 3, Vote: "c", Others: []Seen{{Node: "b"}, {Node: "c", Vote: "a"}}}, Decision{Vote: "a"}},
		"or died":                          {Situation{Expect: 3, Vote: "c", Others: []Seen{{Node: "b"}, {Node: "d"}}}, Decision{Vote: "a"}},
	} {
		c.s.Self = "a"
		if got := Decide(c.s); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestOneFounder lets nodes arrive, hear each other late and out of step, and
// looks that one of them founds, and only one.
func TestOneFounder(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		expect := 1 + rng.IntN(4)
		n := expect + rng.IntN(expect) // below 2 × expect
		vote := make([]messages.NodeID, n)
		heard := make([]map[int]messages.NodeID, n) // what each node has heard of others
		for i := range heard {
			heard[i] = map[int]messages.NodeID{}
		}
		id := func(i int) messages.NodeID { return messages.NodeID(fmt.Sprint(i)) }
		founders := map[int]bool{}
		for range 400 * n {
			i, from := rng.IntN(n), rng.IntN(n)
			if i != from && rng.IntN(2) == 0 {
				heard[i][from] = vote[from] // a founder's network may be heard of last
				continue
			}
			s := Situation{Self: id(i), Expect: expect, Vote: vote[i]}
			for o, v := range heard[i] {
				s.Others = append(s.Others, Seen{Node: id(o), Vote: v})
			}
			d := Decide(s)
			vote[i] = d.Vote
			if d.Action == Found {
				founders[i] = true
			}
		}
		if len(founders) != 1 {
			t.Fatalf("seed %d: %d nodes, %d expected, founders %v", seed, n, expect, founders)
		}
	}
}

// rumour is a fake Gossip.
type rumour struct {
	others  []Seen
	votes   []messages.NodeID
	changed chan struct{}
	refusal error
	onVote  func(*rumour)
}

func (r *rumour) Members() []gossip.Member {
	var all []gossip.Member
	for _, s := range r.others {
		all = append(all, gossip.Member{Info: &messages.NodeInfo{Id: string(s.Node)}, NetworkID: s.Network, Vote: s.Vote, Alive: true})
	}
	return all
}
func (r *rumour) Subscribe() <-chan struct{} { return r.changed }
func (r *rumour) Refusal() error             { return r.refusal }
func (r *rumour) SetVote(n messages.NodeID) error {
	r.votes = append(r.votes, n)
	if r.onVote != nil {
		r.onVote(r)
	}
	return nil
}

func TestSettle(t *testing.T) {
	three := []Seen{{Node: "b"}, {Node: "c"}}
	never := func(context.Context) (bool, error) { return false, nil }
	t.Run("votes and founds", func(t *testing.T) {
		r := &rumour{others: three, changed: make(chan struct{}), onVote: func(r *rumour) {
			r.others = []Seen{{Node: "b", Vote: "a"}, {Node: "c", Vote: "a"}}
		}}
		d, err := Settle(t.Context(), Situation{Self: "a", Expect: 3}, r, nil)
		if err != nil || d.Action != Found || len(r.votes) != 1 || r.votes[0] != "a" {
			t.Errorf("%+v, %v, voted %v", d, err, r.votes)
		}
	})
	t.Run("claims on its machine", func(t *testing.T) {
		tries := 0
		d, err := Settle(t.Context(), Situation{Self: "a"}, &rumour{changed: make(chan struct{})}, func(context.Context) (bool, error) {
			tries++
			return tries == 2, nil // the founder before it died
		})
		if err != nil || d.Action != Found {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("is told why it is kept out", func(t *testing.T) {
		why := messages.Errorf(messages.Denied, "join", "", "another key")
		if _, err := Settle(t.Context(), Situation{Self: "a"}, &rumour{refusal: why}, never); err != why {
			t.Errorf("got %v", err)
		}
	})
	t.Run("gives up with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if d, err := Settle(ctx, Situation{Self: "a"}, &rumour{}, never); err == nil || d.Action != Wait {
			t.Errorf("%+v, %v", d, err)
		}
	})
}
