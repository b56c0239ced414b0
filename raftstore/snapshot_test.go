package raftstore_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/wire"
)

// often makes a node take snapshots often, and keep no log behind them.
func often(n *node) { n.config.SnapshotBytes, n.config.TrailingBytes = 32<<10, 1 }

// fill writes enough to have several snapshots taken.
func fill(t *testing.T, n *node, round int) {
	t.Helper()
	for i := range 60 {
		n.must("put k%d %d.%s", i, round, strings.Repeat("x", 2<<10))
		n.must("add x 1")
	}
	eventually(t, "the log has been cut", func() bool {
		first, _ := n.group.LogBounds()
		return n.group.SnapshotIndex() > 30 && first > 30
	})
}

func TestSnapshotsAreTakenByBytesAndCutTheLog(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		a := alone(t, func(n *node) { often(n); n.parts.Logs = logs })
		fill(t, a, 1)
		for round, keep := range []int{0, 10} {
			a.crash(keep)
			a.start(true)
			eventually(t, "it leads", a.leads)
			if got, want := a.get("x"), fmt.Sprint(60*(round+1)); got != want {
				t.Fatalf("sum %s after a crash, want %s", got, want)
			}
			fill(t, a, round+2)
		}
	})
}

func TestLogBehindASnapshotIsKeptByBytes(t *testing.T) {
	a := alone(t, func(n *node) { n.config.SnapshotBytes, n.config.TrailingBytes = 256<<10, 2<<20 })
	for range 40 {
		a.must("put k %s", strings.Repeat("x", 128<<10))
	}
	eventually(t, "the log has been cut", func() bool { first, _ := a.group.LogBounds(); return first > 1 })
	first, last := a.group.LogBounds()
	if kept := (last - first + 1) * 128 << 10; kept > 4<<20 || kept < 1<<20 {
		t.Errorf("%d MiB of log are kept behind the snapshot", kept>>20)
	}
}

func TestFollowerCatchesUpByLog(t *testing.T) {
	_, nodes := trio(t, nil)
	nodes[2].stop()
	for range 50 {
		nodes[0].must("add x 1")
	}
	nodes[2].start(false)
	agree(t, nodes...)
	if nodes[2].group.SnapshotIndex() != 0 {
		t.Error("it was sent a snapshot")
	}
}

func TestFollowerCatchesUpBySnapshot(t *testing.T) {
	eachKind(t, func(t *testing.T, logs raftstore.Logs) {
		_, nodes := trio(t, func(n *node) {
			n.parts.Logs = logs
			if n.id != "c" { // whose snapshots can then only come from a peer
				often(n)
			}
		})
		c := nodes[2]
		nodes[0].must("put gone yes")
		eventually(t, "c has it", func() bool { return c.get("gone") == "yes" })
		c.stop()
		fill(t, nodes[0], 1)
		c.start(false)
		agree(t, nodes...)
		// raft-wal can still read what was cut off within a segment.
		if logs.Kind() != "wal" {
			eventually(t, "it was sent a snapshot", func() bool { return c.group.SnapshotIndex() > 0 })
		}
		fill(t, nodes[0], 2) // and goes on by log
		agree(t, nodes...)
		for keep := range 3 {
			c.crash(keep)
			c.start(false)
			agree(t, nodes...)
		}
	})
}

func TestNewMemberIsSentASnapshot(t *testing.T) {
	n, nodes := trio(t, often)
	fill(t, nodes[0], 1)
	d := newNode(t, n, "d")
	d.start(false)
	join(t, nodes[0], d)
	agree(t, append(nodes, d)...)
	eventually(t, "it was sent a snapshot", func() bool { return d.group.SnapshotIndex() > 0 })
	if got := len(d.group.Members()); got != 4 {
		t.Errorf("it knows %d members", got)
	}
}

func TestStateBehindItsSnapshotIsLost(t *testing.T) {
	a := alone(t, often)
	a.stop()
	before := a.kv.Crash(0)
	a.kv = before.Crash(0)
	a.start(true)
	eventually(t, "it leads", a.leads)
	fill(t, a, 1)
	a.stop()
	a.kv = before.Crash(0) // the flush that the marker speaks of never reached the disk
	if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) || !strings.Contains(err.Error(), "snapshot took it to") {
		t.Errorf("started behind its snapshot: %v", err)
	}
	a.kv = raftstore.NewMemory() // or the whole store was replaced
	if err := a.try(true); !errors.Is(err, raftstore.ErrLostState) {
		t.Errorf("started on another store: %v", err)
	}
}

// fakeLeader speaks to a replica as the leader "x" of a group of two.
type fakeLeader struct {
	t     *testing.T
	layer *pipeLayer
	to    *node
}

var pair = raft.Configuration{Servers: []raft.Server{
	{ID: "x/1", Address: "x"}, {ID: "a/1", Address: "a"}}}

// follower is a node that waits for a leader and would never be one.
func follower(t *testing.T, logs raftstore.Logs) (*node, *fakeLeader) {
	t.Helper()
	n := newNetwork()
	a := newNode(t, n, "a")
	a.parts.Logs = logs
	a.config.Heartbeat, a.config.Election, a.config.Lease = time.Hour, time.Hour, time.Hour
	a.start(false)
	return a, &fakeLeader{t, n.layer("x"), a}
}

// ask asks on a connection of its own; what is sent behind the request may be none.
func (f *fakeLeader) ask(req any, behind []byte, resp any) error {
	conn, err := f.layer.Dial("a", 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	stream := wire.New(conn)
	if err := stream.WriteRequest(req); err != nil {
		return err
	}
	if len(behind) > 0 {
		if _, err := conn.Write(behind); err != nil {
			return err
		}
	}
	return stream.ReadAnswer(resp)
}

func (f *fakeLeader) header() raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: 3, ID: []byte("x/1"), Addr: []byte("x")}
}

// append sends entries [from, to] of a term, each adding 1 to x.
func (f *fakeLeader) append(term, prev, prevTerm, from, to, commit uint64) {
	f.t.Helper()
	req := &raft.AppendEntriesRequest{RPCHeader: f.header(), Term: term, PrevLogEntry: prev, PrevLogTerm: prevTerm, LeaderCommitIndex: commit}
	for i := from; i <= to; i++ {
		l := &raft.Log{Index: i, Term: term, Data: entry("add x 1")}
		if i == 1 {
			l.Type, l.Data = raft.LogConfiguration, raft.EncodeConfiguration(pair)
		}
		req.Entries = append(req.Entries, l)
	}
	eventually(f.t, fmt.Sprintf("entries %d to %d are taken", from, to), func() bool {
		var resp raft.AppendEntriesResponse
		err := f.ask(req, nil, &resp)
		return err == nil && resp.Success
	})
}

func (f *fakeLeader) install(term, index, snapTerm uint64, stream []byte, size int) error {
	req := &raft.InstallSnapshotRequest{RPCHeader: f.header(), SnapshotVersion: 1, Term: term, LastLogIndex: index, LastLogTerm: snapTerm,
		Configuration: raft.EncodeConfiguration(pair), ConfigurationIndex: 1, Size: int64(size)}
	var resp raft.InstallSnapshotResponse
	err := f.ask(req, stream, &resp)
	if err == nil && !resp.Success {
		err = errors.New("refused")
	}
	return err
}

// state is a snapshot with x = sum.
func state(index, term uint64, sum int) []byte {
	m := kv.NewMap()
	m.Set([]byte("x"), fmt.Append(nil, sum))
	for i := range 100 {
		m.Set(fmt.Appendf(nil, "pad%d", i), make([]byte, 20<<10))
	}
	return raftstore.Stream(index, term, 1, pair, m)
}

func (f *fakeLeader) expect(sum int) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("x is %d", sum), func() bool { return f.to.get("x") == fmt.Sprint(sum) })
	if err := f.to.group.Err(); err != nil {
		f.t.Fatal(err)
	}
}

// wentAnotherWay sends a snapshot of a later term than the log's up to an end.
func wentAnotherWay(end uint64) func(*fakeLeader) {
	return func(f *fakeLeader) {
		f.append(2, 1, 1, 2, end, 1)
		f.install(3, 10, 3, state(10, 3, 100), len(state(10, 3, 100)))
		f.expect(100)
		f.append(3, 10, 3, 11, 12, 12)
	}
}

// TestSnapshotAgainstALogThatIsThereAlready are the cases in which raft panics
// or never ends, depending on the log store (hashicorp/raft issue 697).
func TestSnapshotAgainstALogThatIsThereAlready(t *testing.T) {
	for _, c := range []struct {
		name  string
		play  func(f *fakeLeader)
		final int
	}{
		{"log ends before", func(f *fakeLeader) {
			f.append(2, 1, 1, 2, 5, 1)
			if err := f.install(3, 10, 3, state(10, 3, 100), len(state(10, 3, 100))); err != nil {
				f.t.Fatal(err)
			}
			f.expect(100)
			f.append(3, 10, 3, 11, 12, 12)
		}, 102},
		{"log goes past, same history", func(f *fakeLeader) {
			f.append(2, 1, 1, 2, 20, 5)
			f.expect(4)
			f.install(3, 10, 2, state(10, 2, 9), len(state(10, 2, 9)))
			f.expect(9)
			f.append(3, 20, 2, 21, 21, 21)
		}, 20},
		{"log went another way", wentAnotherWay(20), 102},
		{"log went another way and ends there", wentAnotherWay(10), 102},
		{"state is ahead", func(f *fakeLeader) {
			f.append(2, 1, 1, 2, 20, 20)
			f.expect(19)
			f.install(2, 10, 2, state(10, 2, 9), len(state(10, 2, 9)))
			f.append(2, 20, 2, 21, 21, 21)
		}, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, logs raftstore.Logs) {
				a, f := follower(t, logs)
				f.append(1, 0, 0, 1, 1, 1)
				c.play(f)
				f.expect(c.final)
				a.crash(0) // what is on the disk must say the same
				a.start(false)
				last := a.group.LastIndex()
				f.append(4, last, map[bool]uint64{true: 3, false: 2}[c.name != "state is ahead"], last+1, last+1, last+1)
				f.expect(c.final + 1)
			})
		})
	}
}

func TestSnapshotCutShortOrDamagedChangesNothing(t *testing.T) {
	whole := state(10, 3, 100)
	damaged := append([]byte(nil), whole...)
	damaged[len(damaged)/2] ^= 1
	for name, s := range map[string][]byte{"cut short": whole[:len(whole)/2], "damaged": damaged} {
		t.Run(name, func(t *testing.T) {
			a, f := follower(t, kinds[0])
			f.append(1, 0, 0, 1, 1, 1)
			f.append(1, 1, 1, 2, 5, 5)
			done := make(chan error, 1)
			go func() { done <- f.install(3, 10, 3, s, len(whole)) }()
			if name == "cut short" {
				eventually(t, "half of it is there", func() bool {
					_, err := os.Stat(a.path("received.snapshot"))
					return err == nil
				})
				a.net.isolate("x", true)
			}
			if err := <-done; err == nil {
				t.Fatal("it was taken")
			}
			a.net.isolate("x", false)
			f.expect(4)
			if err := f.install(3, 10, 3, whole, len(whole)); err != nil {
				t.Fatal(err)
			}
			f.expect(100)
		})
	}
}

// TestInterruptedInstallationStartsOver breaks an installation after each of its
// writes, and crashes so that the state keeps what was written, or less.
func TestInterruptedInstallationStartsOver(t *testing.T) {
	whole := state(10, 3, 100)
	for after := range int64(5) {
		for _, keep := range []int{0, 1, 1000} {
			t.Run(fmt.Sprintf("after %d writes keeping %d", after, keep), func(t *testing.T) {
				a, f := follower(t, kinds[0])
				f.append(1, 0, 0, 1, 1, 1)
				f.append(1, 1, 1, 2, 5, 5)
				f.expect(4)
				a.stop()
				disk := &faultyKV{}
				a.wrap = func(k raftstore.KV) raftstore.KV { disk.KV = k; return disk }
				disk.left.Store(1000)
				a.start(false)
				f.append(1, 5, 1, 6, 6, 6)
				f.expect(5)
				disk.left.Store(after)
				err := f.install(3, 10, 3, whole, len(whole))
				if err == nil && after < 3 {
					t.Fatal("it was installed on a broken disk")
				}
				if err != nil {
					eventually(t, "the replica has failed", func() bool { return errors.Is(a.group.Err(), errDisk) })
					if a.get("x") == "100" {
						t.Error("half a state can be read")
					}
				}
				a.wrap = nil
				a.crash(keep)
				a.start(false)
				// It was received whole, and is what a majority holds.
				f.expect(100)
				f.append(3, 10, 3, 11, 11, 11)
				f.expect(101)
			})
		}
	}
}

func TestStreamNoticesDamage(t *testing.T) {
	m := kv.NewMap()
	m.Set([]byte("key"), []byte("value"))
	m.Set([]byte{}, []byte{})
	whole := raftstore.Stream(7, 2, 1, pair, m)
	if err := raftstore.VerifyStream(whole); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		bad := append([]byte(nil), whole...)
		bad[i] ^= 0x10
		if raftstore.VerifyStream(bad) == nil {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
		if raftstore.VerifyStream(whole[:i]) == nil {
			t.Errorf("cut at %d and nobody noticed", i)
		}
	}
	if raftstore.VerifyStream(append(whole, 0)) == nil {
		t.Error("a byte was added and nobody noticed")
	}
}
