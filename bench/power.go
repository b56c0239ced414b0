package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
	"github.com/elasticcode/flow/sim/chaos/disk"
)

const (
	powerSenders = 4
	powerBatch   = 16
	powerLoad    = 5 * time.Second // at most: each sync of a traced process is read back
)

// powerLoss lets calls be accepted, kills all nodes in the middle, drops what
// they had not synced, starts them again, and counts: each call that was accepted
// must finish. Figures that were bought by syncing less fail here.
func powerLoss(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("power loss") {
		return nil
	}
	for _, n := range o.nodes {
		err := losePower(ctx, o, filepath.Join(dir, fmt.Sprintf("power-%d", n)), n, r)
		if errors.Is(err, disk.ErrNotTraced) {
			progress("power loss: not measured: %v", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("power loss of %d nodes: %w", n, err)
		}
	}
	return nil
}

func losePower(ctx context.Context, o options, dir string, n int, r *Report) error {
	w, err := startPrepared(ctx, o, dir, n, func(n *chaos.Node) { n.Disk = disk.NewImage(n.Data) })
	if err != nil {
		return err
	}
	defer w.Close()
	accepted := w.acceptUntilKilled(ctx, min(o.each, powerLoad))
	syncs := 0
	for _, n := range w.Nodes {
		syncs += n.Disk.Syncs()
		if err := dropUnsynced(n); err != nil {
			return err
		}
	}
	if err := w.Start(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := w.WaitReady(limited, 0); err != nil {
		return err
	}
	lost, calls, err := w.missing(limited, accepted)
	r.addResource(n, "power loss: calls accepted before it", float64(calls), "")
	r.addResource(n, "power loss: of those, lost", float64(lost), "")
	if err == nil && (lost > 0 || calls == 0 || syncs == 0) {
		err = fmt.Errorf("%d of %d accepted calls are lost, after %d syncs", lost, calls, syncs)
	}
	return err
}

// acceptUntilKilled sends batches until the nodes are killed, and gives those
// that were accepted.
func (w *network) acceptUntilKilled(ctx context.Context, after time.Duration) (accepted []*messages.SubmitBatchResponse) {
	sending, stop := context.WithCancel(ctx)
	var mu sync.Mutex
	var all sync.WaitGroup
	data := make([]string, powerBatch)
	for i := range data {
		data[i] = payload
	}
	for i := range powerSenders {
		all.Go(func() {
			for sending.Err() == nil {
				b, err := w.clients[i%len(w.clients)].SubmitBatch(sending, &messages.SubmitBatchRequest{Socket: socketEcho, Data: data})
				if err != nil {
					continue // the power has gone; or it will be tried again
				}
				mu.Lock()
				accepted = append(accepted, b)
				mu.Unlock()
			}
		})
	}
	_ = pause(ctx, after)
	chaos.KillAll(w.Nodes)
	stop()
	all.Wait()
	return accepted
}

// dropUnsynced leaves a node that does not run what it had made durable.
func dropUnsynced(n *chaos.Node) error {
	image := n.Disk
	n.Disk = nil
	synced := n.Data + "-synced"
	if err := image.Write(synced); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(n.Data), os.Rename(synced, n.Data))
}

// missing waits for the end of each accepted call, and counts those that are not
// known any more, or gave something else than they had to.
func (w *network) missing(ctx context.Context, accepted []*messages.SubmitBatchResponse) (lost, calls int, err error) {
	for _, b := range accepted {
		calls += int(b.GetCount())
		came := 0
		for call, err := range w.clients[0].Results(ctx, b) {
			if ctx.Err() != nil {
				return lost, calls, fmt.Errorf("wait for calls that were accepted: %w", ctx.Err())
			}
			if err != nil {
				progress("batch %s: %v", b.GetFirst(), err)
			} else if judge(socketEcho, call) == nil {
				came++
			}
		}
		lost += int(b.GetCount()) - came
	}
	return lost, calls, nil
}
