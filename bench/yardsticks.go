package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/raftstore/wallog"
	"github.com/elasticcode/flow/sim/chaos"
)

// yardsticks measures what everything else stands on.
func yardsticks(ctx context.Context, o options, dir string, r *Report) error {
	if o.wants("disk") {
		f, err := fsyncRate(ctx, dir, o.each)
		if err != nil {
			return err
		}
		r.add(0, f)
	}
	if o.wants("raft") {
		if err := bareRaft(ctx, o, filepath.Join(dir, "raft"), r); err != nil {
			return fmt.Errorf("measure a bare raft log: %w", err)
		}
	}
	if o.wants("pipe") {
		if err := barePipe(ctx, o, filepath.Join(dir, "pipe"), r); err != nil {
			return fmt.Errorf("measure a bare pipe: %w", err)
		}
	}
	return nil
}

// puts is a state machine that does next to nothing.
func puts(tx kv.Tx, index uint64, _ int64, c messages.Command) (messages.Result, error) {
	tx.Set(c.Body[:8], c.Body)
	return messages.Result{}, nil
}

// alone is the network of a group of one.
type alone struct{ net.Listener }

func (alone) Dial(address raft.ServerAddress, _ time.Duration) (net.Conn, error) {
	return nil, fmt.Errorf("connect to %s: this group is alone", address)
}

const raftPayload = 256 // bytes

// bareRaft proposes small commands to a group of one replica: batcher, log,
// sync and state store, without anything on top.
func bareRaft(ctx context.Context, o options, dir string, r *Report) error {
	group, end, err := startGroup(ctx, dir, raftstore.OneByOne(puts))
	if err != nil {
		return err
	}
	defer end()
	for _, inFlight := range inFlights {
		f := closedLoop(ctx, inFlight, o.each, 1, func(ctx context.Context, caller int) error {
			body := make([]byte, raftPayload)
			copy(body, fmt.Sprintf("%08d", caller))
			_, _, err := group.Propose(ctx, messages.Command{Type: 1, Body: body})
			return err
		})
		f.What = fmt.Sprintf("raft: append %d bytes to a group of one", raftPayload)
		r.add(0, f)
	}
	return nil
}

// startGroup starts a group of one replica on the disk.
func startGroup(ctx context.Context, dir string, machine raftstore.Machine) (group *raftstore.Group, end func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	state, err := pebblekv.Open(filepath.Join(dir, "state"), nil)
	if err != nil {
		return nil, nil, err
	}
	store, err := raftstore.Open(raftstore.Config{Dir: dir, Node: "bench"}, raftstore.Parts{KV: state, Logs: wallog.Logs{}, Now: time.Now})
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = store.Close(context.WithoutCancel(ctx)) }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		end()
		return nil, nil, err
	}
	group, err = store.OpenGroup(raftstore.GroupConfig{ID: 1, Incarnation: 1, Bootstrap: true, Machine: machine, Layer: alone{listener}})
	if err == nil {
		err = chaos.Until(ctx, "the group to lead itself", group.IsLeader)
	}
	if err != nil {
		end()
	}
	return group, end, err
}
