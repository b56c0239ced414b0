//go:build e2e

package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/elasticcode/flow/messages"
)

const (
	middleKills   = 4
	middleLetters = 200 // in two partitions; each dies again as often as it is sent
	middlePiece   = 20  // letters in one request
	middleSockets = 8   // of a fanout queue, in two partitions
	middleSent    = 24  // publishes of a round, and messages to each side of the gate
)

// TestKillsInTheMiddle kills a node in the middle of what is many writes for
// whoever asked for it: sending dead letters again, publishing to a fanout queue,
// and filling a gate. Clients repeat what got no answer, under the same keys.
func TestKillsInTheMiddle(t *testing.T) {
	m := &middle{lab: newLab(t, 3), payloads: map[string]bool{}}
	m.wire()
	for round := range middleKills {
		m.round(round)
	}
	m.lettersOnce()
	m.copiesOnce()
	m.matchedInOrder()
}

type middle struct {
	*lab
	fails    []string
	takers   []string
	payloads map[string]bool // what was published
}

func (m *middle) wire() {
	m.cli("add", "queue", "-n", "all", "-t", "fanout")
	for i, name := range []string{"near", "far"} {
		m.processor(name, "-c", "1")
		m.fails = append(m.fails, m.socket(name, "fail"))
		for k := range middleSockets / 2 {
			socket := fmt.Sprint("all.", 2*k+i)
			m.cli("add", "socket", "-n", socket, "-q", "all", "-pn", name, "-t", "emit_one")
			m.takers = append(m.takers, socket)
		}
	}
	slices.Sort(m.takers)
	gate := m.socket("near", "add_two", "--ordered")
	m.cli("add", "plug", "-n", "one", "-q", "q", "-s", m.socket("far", "emit_one"), "-t", gate, "--argument", "one")
	m.cli("add", "plug", "-n", "two", "-q", "q", "-s", m.socket("far", "emit_two"), "-t", gate, "--argument", "two")
	for _, socket := range m.fails {
		batch := &messages.SubmitBatchRequest{Socket: socket}
		for range middleLetters / 2 {
			batch.Data = append(batch.Data, "[]")
		}
		if _, err := m.c.SubmitBatch(m.t.Context(), batch); err != nil {
			m.t.Fatal(err)
		}
	}
}

// strike is when a node dies: some requests after all have come to their middle.
type strike struct {
	met   sync.WaitGroup
	mu    sync.Mutex
	left  int
	once  sync.Once
	until chan struct{}
}

// request is called before each of n requests: at the middle one all meet.
func (s *strike) request(i, n int) {
	if i == n/2 {
		s.met.Done()
		s.met.Wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= n/2 {
		s.left--
	}
	if s.left == 0 {
		s.once.Do(func() { close(s.until) })
	}
}

// round does everything once more, and kills the leader of one of the partitions
// meanwhile.
func (m *middle) round(round int) {
	group := m.get(messages.Kind_KIND_SOCKET, m.fails[round%2]).GetSocket().GetPartition()
	letters := m.died()
	victim := m.node(m.leader(group))
	s := &strike{left: 1 + rand.IntN(8), until: make(chan struct{})}
	works := []func(round int, s *strike){
		func(_ int, s *strike) { m.redrive(letters, s) }, m.publishes,
		func(round int, s *strike) { m.fill("one", round, s) }, func(round int, s *strike) { m.fill("two", round, s) },
	}
	s.met.Add(len(works))
	var all sync.WaitGroup
	after := s.left
	for _, work := range works {
		all.Go(func() { work(round, s) })
	}
	<-s.until
	victim.Kill()
	if err := victim.Start(); err != nil {
		m.t.Error(err)
	}
	all.Wait()
	ready(m.lab)
	m.t.Logf("kill %d: %s, the leader of partition %d, %d requests after the middle", round+1, victim.Name, group, after)
}

// died waits until all letters have died again, and gives them.
func (m *middle) died() (ids []string) {
	m.until("all calls to have died", soon, func() bool {
		page, err := m.c.ListDead(m.t.Context(), &messages.ListDeadRequest{Type: "ValueError", Rows: messages.MaxDead})
		if err != nil {
			m.t.Fatal(err)
		}
		if len(page.Letters) > middleLetters || page.NextPageToken != "" {
			m.t.Fatalf("%d letters, and there were %d", len(page.Letters), middleLetters)
		}
		ids = ids[:0]
		for _, l := range page.Letters {
			ids = append(ids, l.GetCall().GetId())
		}
		return len(ids) == middleLetters
	})
	return ids
}

// redrive sends the letters again, some at a time.
func (m *middle) redrive(ids []string, s *strike) {
	pieces := slices.Collect(slices.Chunk(ids, middlePiece))
	for i, piece := range pieces {
		s.request(i, len(pieces))
		answers, err := m.c.RedriveDead(m.t.Context(), piece, "")
		if err != nil || len(answers) != len(piece) {
			m.t.Errorf("redrive: %d answers, %v", len(answers), err)
		}
		for _, a := range answers {
			if a.GetError() != nil {
				m.t.Errorf("letter %s is not sent again: %v", a.GetId(), a.GetError())
			}
		}
	}
}

// publishes publishes under keys, and then everything under its key again.
func (m *middle) publishes(round int, s *strike) {
	first := map[string]*messages.PublishResponse{}
	for again := range 2 {
		for i := range middleSent {
			key := fmt.Sprintf("publish %d of round %d", i, round)
			if again == 0 {
				s.request(i, middleSent)
			}
			data := strconv.Quote(key)
			published, err := m.c.Publish(m.t.Context(), &messages.PublishRequest{Queue: "all", Data: &data, Id: key})
			if err != nil {
				m.t.Errorf("%s: %v", key, err)
				continue
			}
			if before := first[key]; again == 1 && (!published.GetDuplicate() || published.GetId() != before.GetId() || !slices.EqualFunc(published.GetCalls(), before.GetCalls(), sameCopy)) {
				m.t.Errorf("%s, again: %v, and before: %v", key, published, before)
			}
			first[key], m.payloads[data] = published, true
		}
	}
}

func sameCopy(a, b *messages.PublishedCall) bool {
	return a.GetId() == b.GetId() && a.GetSocket() == b.GetSocket()
}

// fill sends messages to one side of the gate, one after the other.
func (m *middle) fill(argument string, round int, s *strike) {
	for i := range middleSent {
		s.request(i, middleSent)
		n := round*middleSent + i
		value := strconv.Itoa(map[string]int{"one": n, "two": 1000 * n}[argument])
		_, err := m.c.Submit(m.t.Context(), &messages.RunRequest{Socket: "near.add_two", ToGate: true, Named: map[string]string{argument: value}, Id: fmt.Sprintf("%s %d", argument, n)})
		if err != nil {
			m.t.Errorf("message %d for %s: %v", n, argument, err)
		}
	}
}

// records gives all calls of a socket, the oldest first, when all have ended.
func (m *middle) records(socket string, want int) (calls []*messages.CallInfo) {
	m.t.Helper()
	m.until(fmt.Sprintf("%d calls of %s to end", want, socket), soon, func() bool {
		calls = calls[:0]
		for request := (&messages.ListCallsRequest{Socket: socket, Rows: 100, Ascend: true, Results: true}); ; {
			page, err := m.c.ListCalls(m.t.Context(), request)
			if err != nil {
				m.t.Fatal(err)
			}
			calls = append(calls, page.GetCalls()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return len(calls) >= want && !slices.ContainsFunc(calls, func(c *messages.CallInfo) bool { return c.GetFinished() == 0 })
	})
	if len(calls) != want {
		m.t.Errorf("socket %s has %d calls, want %d", socket, len(calls), want)
	}
	return calls
}

// lettersOnce: each letter became one call, which died too; those of the last
// round are the letters that are left.
func (m *middle) lettersOnce() {
	left, parents := m.died(), map[string]int{}
	for _, socket := range m.fails {
		for _, c := range m.records(socket, middleLetters/2*(middleKills+1)) {
			if c.GetState() != "failed" {
				m.t.Errorf("call %s is %s", c.GetId(), c.GetState())
			}
			if c.GetParent() != "" {
				parents[c.GetParent()]++
			}
		}
	}
	for id, n := range parents {
		if n != 1 || slices.Contains(left, id) {
			m.t.Errorf("letter %s was sent again %d times", id, n)
		}
	}
	if len(parents) != middleLetters*middleKills {
		m.t.Errorf("%d letters were sent again, want %d", len(parents), middleLetters*middleKills)
	}
}

// copiesOnce: each socket ran each publish once.
func (m *middle) copiesOnce() {
	for _, socket := range m.takers {
		seen := map[string]int{}
		for _, c := range m.records(socket, middleKills*middleSent) {
			if seen[c.GetResult()]++; c.GetState() != "finished" || seen[c.GetResult()] > 1 || !m.payloads[c.GetResult()] {
				m.t.Errorf("socket %s: call %s is %s with %s", socket, c.GetId(), c.GetState(), c.GetResult())
			}
		}
	}
}

// matchedInOrder: the n-th of one side was joined with the n-th of the other.
func (m *middle) matchedInOrder() {
	for n, c := range m.records("near.add_two", middleKills*middleSent) {
		if c.GetState() != "finished" || c.GetResult() != strconv.Itoa(1001*n) {
			m.t.Errorf("joined call %d is %s with %s", n, c.GetState(), c.GetResult())
		}
	}
}
