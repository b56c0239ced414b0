package api

import (
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	// MaxUnderWay bounds the requests to run something that a node has taken and
	// not answered, each of a stream's among them, and apart from those the requests
	// that wait for results. What comes above is refused at once: a client that hears
	// so in time can do something about it, one in a queue cannot. Each holds some
	// 20 KiB: a goroutine, the request, its place at the partition's leader.
	MaxUnderWay = 8192

	underWayRetry = 500 * time.Millisecond
)

// underWay counts the requests that a node has taken and not answered.
type underWay struct{ count atomic.Int64 }

// take makes a request one of them, until it leaves, or refuses it.
func (u *underWay) take(op string) error {
	if u.count.Add(1) <= MaxUnderWay {
		return nil
	}
	u.leave()
	e := messages.Errorf(messages.Exhausted, op, "", "this node answers %d requests already, which is the most", MaxUnderWay).
		WithHint("send it again later, or to another node")
	e.RetryAfter = underWayRetry
	return e
}

func (u *underWay) leave() { u.count.Add(-1) }
