package raftstore

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
)

// brittle is a log store and a stable store in memory, which write down what is
// asked of them and can fail.
type brittle struct {
	*raft.InmemStore
	err   error
	calls []string
}

func (b *brittle) Close() error { return nil }

func (b *brittle) StoreLogs(logs []*raft.Log) error {
	b.calls = append(b.calls, "store")
	if b.err != nil {
		return b.err
	}
	return b.InmemStore.StoreLogs(logs)
}

func (b *brittle) DeleteRange(from, to uint64) error {
	b.calls = append(b.calls, fmt.Sprintf("cut %d-%d", from, to))
	return b.InmemStore.DeleteRange(from, to)
}

func (b *brittle) Set(k, v []byte) error {
	b.calls = append(b.calls, "set "+string(k))
	return b.InmemStore.Set(k, v)
}

func (b *brittle) Get(k []byte) ([]byte, error) {
	v, err := b.InmemStore.Get(k)
	if err == nil && v == nil {
		err = errNotFound
	}
	return v, err
}

func testGuard(t *testing.T) (*brittle, *guard, *error) {
	t.Helper()
	b := &brittle{InmemStore: raft.NewInmemStore()}
	var failed error
	g, err := openGuard(b, b, newLogCache(1<<20).group(), func(err error) { failed = err })
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.reconcile(marker{}), g.start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.close() })
	return b, g, &failed
}

func (g *guard) append(t *testing.T, from, to uint64) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := g.StoreLog(&raft.Log{Index: i, Term: 1, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBrokenLogIsNotAskedAgain(t *testing.T) {
	b, g, failed := testGuard(t)
	g.append(t, 1, 3)
	b.err = errors.New("fsync failed")
	if g.StoreLog(&raft.Log{Index: 4, Term: 1}) == nil || !errors.Is(*failed, b.err) {
		t.Fatalf("the error was kept back: %v", *failed)
	}
	b.err, b.calls = nil, nil
	var l raft.Log
	for name, err := range map[string]error{
		"append": g.StoreLog(&raft.Log{Index: 4, Term: 1}),
		"cut":    g.DeleteRange(1, 2),
		"read":   g.GetLog(2, &l),
		"set":    g.stable.Set([]byte("k"), nil),
		"raise":  g.mark.raise(),
	} {
		if err == nil {
			t.Errorf("%s after the first error", name)
		}
	}
	if len(b.calls) != 0 {
		t.Errorf("the store was asked to %v", b.calls)
	}
}

func TestMarkIsLoweredBeforeASuffixIsCut(t *testing.T) {
	b, g, _ := testGuard(t)
	g.append(t, 1, 10)
	if err := g.mark.raise(); err != nil || g.mark.value != 10 {
		t.Fatalf("mark %d, %v", g.mark.value, err)
	}
	b.calls = nil
	if err := g.DeleteRange(6, 10); err != nil {
		t.Fatal(err)
	}
	if want := []string{"set flow.mark", "cut 6-10"}; fmt.Sprint(b.calls) != fmt.Sprint(want) || g.mark.value != 5 {
		t.Errorf("%v, mark %d", b.calls, g.mark.value)
	}
	b.calls = nil
	if err := g.DeleteRange(1, 2); err != nil || fmt.Sprint(b.calls) != "[cut 1-2]" {
		t.Errorf("a prefix was cut by %v, %v", b.calls, err)
	}
	if err := g.mark.raise(); err != nil || g.mark.value != 5 {
		t.Errorf("mark raised to %d beyond the log, %v", g.mark.value, err)
	}
}

func TestChecksumStaysBelowTheGuard(t *testing.T) {
	b, g, _ := testGuard(t)
	g.append(t, 1, 1)
	var stored, read raft.Log
	if err := errors.Join(b.GetLog(1, &stored), g.GetLog(1, &read)); err != nil || len(stored.Extensions) == 0 || len(read.Extensions) != 0 {
		t.Fatalf("stored %x, read %x, %v", stored.Extensions, read.Extensions, err)
	}
	for name, change := range map[string]func(l *raft.Log){
		"data":     func(l *raft.Log) { l.Data = []byte("y") },
		"term":     func(l *raft.Log) { l.Term++ },
		"type":     func(l *raft.Log) { l.Type = raft.LogNoop },
		"checksum": func(l *raft.Log) { l.Extensions = nil },
	} {
		l := *seal(&raft.Log{Index: 1, Term: 1, Data: []byte("x")})
		change(&l)
		if err := unseal(1, &l); !errors.Is(err, ErrCorrupt) {
			t.Errorf("changed %s: %v", name, err)
		}
	}
}

// TestVoteIsOneWrite: a crash between term and candidate must not leave a vote
// for the candidate of an earlier term.
func TestVoteIsOneWrite(t *testing.T) {
	b, g, _ := testGuard(t)
	vote := func(term uint64, who string) {
		t.Helper()
		if err := g.stable.SetUint64([]byte(voteTermKey), term); err != nil {
			t.Fatal(err)
		}
		if who != "" {
			if err := g.stable.Set([]byte(voteCandKey), []byte(who)); err != nil {
				t.Fatal(err)
			}
		}
	}
	vote(3, "b")
	b.calls = nil
	vote(4, "") // and the power goes
	if len(b.calls) != 0 {
		t.Errorf("half a vote was written: %v", b.calls)
	}
	term, err := g.stable.GetUint64([]byte(voteTermKey))
	who, err2 := g.stable.Get([]byte(voteCandKey))
	if term != 3 || string(who) != "b" || err != nil || err2 != nil {
		t.Errorf("voted for %s in %d, %v %v", who, term, err, err2)
	}
}

func TestCacheIsBoundedInBytesOverAllGroups(t *testing.T) {
	c := newLogCache(100 << 10)
	a, b := c.group(), c.group()
	for i := uint64(1); i <= 50; i++ {
		a.add([]*raft.Log{{Index: i, Data: make([]byte, 1<<10)}})
	}
	for i := uint64(1); i <= 80; i++ {
		b.add([]*raft.Log{{Index: i, Data: make([]byte, 1<<10)}})
	}
	var l raft.Log
	if c.size > c.limit || a.get(1, &l) || !b.get(80, &l) || !b.get(1, &l) {
		t.Errorf("%d bytes of %d; the oldest must go first, whosever they are", c.size, c.limit)
	}
	b.drop(70, 80)
	if b.get(75, &l) || !b.get(69, &l) {
		t.Error("dropped the wrong ones")
	}
}

func TestStableValuesAreChecked(t *testing.T) {
	key := []byte("CurrentTerm")
	for i := range 12 {
		b, g, failed := testGuard(t)
		if err := g.stable.SetUint64(key, 7); err != nil {
			t.Fatal(err)
		}
		if n, err := g.stable.GetUint64(key); n != 7 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
		stored, err := b.Get(key)
		if err != nil || len(stored) != 12 {
			t.Fatalf("stored %x, %v", stored, err)
		}
		stored[i] ^= 1
		if err := b.Set(key, stored); err != nil {
			t.Fatal(err)
		}
		if _, err := g.stable.GetUint64(key); !errors.Is(err, ErrCorrupt) || !errors.Is(*failed, ErrCorrupt) {
			t.Errorf("byte %d changed: %v, %v", i, err, *failed)
		}
	}
}
