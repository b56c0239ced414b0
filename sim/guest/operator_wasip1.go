package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// operator does to the network what needs a client.
type operator struct {
	stop chan struct{}
	wait sync.WaitGroup
}

// operate carries out orders until end is called.
func (l load) operate(ctx context.Context) *operator {
	o := &operator{stop: make(chan struct{})}
	o.wait.Go(func() {
		for {
			select {
			case order := <-twin.Orders():
				if name, ok := strings.CutPrefix(order, "delete "); ok {
					l.delete(ctx, name)
				}
			case <-o.stop:
				return
			}
		}
	})
	return o
}

// end waits for the order that is being carried out.
func (o *operator) end() {
	close(o.stop)
	o.wait.Wait()
}

// deleteAgain is how long to wait before a node that is not found down yet is
// deleted again.
const deleteAgain = 500 * time.Millisecond

// delete removes a node for good.
func (l load) delete(ctx context.Context, name string) {
	c := l.connect()
	defer c.Close()
	for ctx.Err() == nil {
		_, err := c.Delete(ctx, messages.Kind_KIND_NODE, name, false)
		if err == nil || errors.Is(err, messages.NotFound) {
			twin.Note("deleted " + name)
			return
		}
		select {
		case <-time.After(deleteAgain):
		case <-ctx.Done():
		}
	}
}
