package raftstore

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/raftstore/wire"
)

// accept serves peers until the connections are ended.
func (t *transport) accept() {
	for {
		conn, err := t.lent.Accept()
		if err == nil {
			t.done.Go(func() { t.serve(conn) })
			continue
		}
		select {
		case <-t.lent.closed:
			return
		case <-time.After(acceptRetry):
		}
	}
}

// serve hands raft what a peer asks, and answers.
func (t *transport) serve(conn net.Conn) {
	defer conn.Close()
	stream := wire.New(conn)
	answers := make(chan raft.RPCResponse, 1)
	for {
		command, err := stream.ReadRequest()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				t.logger.Debug("a peer's connection ends", "error", err)
			}
			return
		}
		rpc := raft.RPC{Command: command, RespChan: answers}
		snapshot, last := command.(*raft.InstallSnapshotRequest)
		if last {
			rpc.Reader = stream.Snapshot(snapshot)
		}
		if !t.hand(rpc) {
			return
		}
		select {
		case a := <-answers:
			err = stream.WriteAnswer(a.Response, a.Error)
		case <-t.closed:
			return
		}
		if err != nil || last {
			return
		}
	}
}
