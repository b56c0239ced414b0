package api

import (
	"sync"
	"sync/atomic"
)

// maxIdle is how many goroutines of a stream wait for more to do.
const maxIdle = 64

// crew runs the requests of a stream, on goroutines that it uses again: a fresh
// one would grow its stack for each.
type crew struct {
	tasks   chan func()
	idle    atomic.Int32
	working sync.WaitGroup
	ending  sync.Once
}

func newCrew() *crew { return &crew{tasks: make(chan func())} }

// do does not wait. How many tasks there are at a time is the caller's to bound.
func (c *crew) do(task func()) {
	select {
	case c.tasks <- task:
	default:
		c.working.Go(func() { c.work(task) })
	}
}

func (c *crew) work(task func()) {
	for more := true; more; {
		task()
		if c.idle.Add(1) <= maxIdle {
			task, more = <-c.tasks
		} else {
			more = false
		}
		c.idle.Add(-1)
	}
}

// end waits for all tasks. None may be given afterwards.
func (c *crew) end() {
	c.ending.Do(func() { close(c.tasks) })
	c.working.Wait()
}
