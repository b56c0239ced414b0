//go:build e2e

package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/sim/audit"
)

// stormCode fails one call in ten for good and one in ten the first time, and
// gives what no other call gives.
const stormCode = `
import os

def work(value=None):
    return outcome()

def join(one, two):
    return outcome()

def outcome():
    call = os.environ["FLOW_CALL"]
    lot = sum(call.encode()) % 10
    if lot == 0 or lot == 1 and os.environ["FLOW_ATTEMPT"] == "1":
        raise ValueError("call %s drew %d" % (call, lot))
    return call
`

func stormRepository(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	code := filepath.Join(dir, "storm")
	if err := os.MkdirAll(code, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(code, "storm.py"), []byte(stormCode), 0o644); err != nil {
		t.Fatal(err)
	}
	repository, err := MakeRepository(ctx, code, filepath.Join(dir, "storm.git"))
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

// planOf gives the sockets and plugs of a network.
func planOf(l *lab) audit.Plan {
	p := audit.Plan{}
	for _, o := range l.list(messages.Kind_KIND_SOCKET, "") {
		s := o.GetSocket()
		p[o.GetId()] = &audit.Socket{ID: o.GetId(), Name: o.GetName(), Partition: messages.GroupID(s.GetPartition()), ByRun: s.GetCorrelate() != ""}
		if s.GetFunction() == "join" {
			p[o.GetId()].Inputs = []string{"one", "two"}
		}
	}
	for _, o := range l.list(messages.Kind_KIND_PLUG, "") {
		plug := o.GetPlug()
		p[plug.GetSource()].Plugs = append(p[plug.GetSource()].Plugs, audit.Plug{
			ID: o.GetId(), Name: o.GetName(), Error: plug.GetType() == "ERROR", Target: plug.GetTarget(), Argument: plug.GetArgument()})
	}
	return p
}

// atRest reads all records from the disks of nodes that have stopped, one after
// the other. The state of each partition must hold together, and its records be
// the same on all of them.
func atRest(t *testing.T, w *Network) (all audit.Records) {
	t.Helper()
	hashes := map[messages.GroupID][sha256.Size]byte{}
	for i, n := range w.Nodes {
		store, err := pebblekv.Open(filepath.Join(n.Data, "state"), nil)
		if err != nil {
			t.Fatal(err)
		}
		snapshot := store.Snapshot()
		for g := messages.GroupID(1); g <= 2; g++ {
			view := raftstore.StateOf(snapshot, g)
			if err := flow.Check(view); err != nil {
				t.Errorf("partition %d on node %s: %v", g, n.Name, err)
			}
			r := audit.Records{Calls: callsOf(t, view), Arrivals: gate.All(view)}
			hash := hashOf(r)
			if i == 0 {
				hashes[g] = hash
				all.Calls, all.Arrivals = append(all.Calls, r.Calls...), append(all.Arrivals, r.Arrivals...)
			} else if hash != hashes[g] {
				t.Errorf("the records of partition %d on node %s are not those on node %s", g, n.Name, w.Nodes[0].Name)
			}
		}
		snapshot.Close()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func callsOf(t *testing.T, view kv.View) (all []*messages.Call) {
	q := &messages.ListCallsRequest{Ascend: true, Rows: messages.MaxPageRows}
	for cursor := []byte(nil); ; {
		page := flow.ListCalls(view, q, cursor, 0, 0)
		for _, c := range page.Calls {
			call, ok := flow.GetCall(view, messages.CallIDFrom(c.Id), true, 0)
			if !ok {
				t.Errorf("call %s is listed and cannot be had", messages.CallIDFrom(c.Id))
				continue
			}
			all = append(all, call)
		}
		if cursor = page.Next; cursor == nil {
			return all
		}
	}
}

func hashOf(r audit.Records) (hash [sha256.Size]byte) {
	sum := sha256.New()
	write := func(m proto.Message) {
		value, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		sum.Write(binary.AppendUvarint(nil, uint64(len(value))))
		sum.Write(value)
	}
	for _, c := range r.Calls {
		write(c)
	}
	for _, a := range r.Arrivals {
		write(a)
	}
	sum.Sum(hash[:0])
	return hash
}
