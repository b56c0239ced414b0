package actors

import (
	"sync"
	"time"
)

// poolIdle is how long a goroutine of a pool waits for more to do.
const poolIdle = 2 * time.Second

// pool runs tasks at once, on goroutines that it uses again. Their number is
// bounded by its users: a slot has at most one task per call that it holds.
type pool struct {
	tasks chan func()
	done  chan struct{}
	work  sync.WaitGroup
}

func newPool() *pool {
	return &pool{tasks: make(chan func()), done: make(chan struct{})}
}

func (p *pool) do(task func()) {
	select {
	case p.tasks <- task:
	default:
		p.work.Go(func() { p.run(task) })
	}
}

func (p *pool) run(task func()) {
	idle := time.NewTimer(poolIdle)
	defer idle.Stop()
	for {
		task()
		idle.Reset(poolIdle)
		select {
		case task = <-p.tasks:
		case <-idle.C:
			return
		case <-p.done:
			return
		}
	}
}

// stop waits for the tasks that run. None may be given afterwards.
func (p *pool) stop() {
	close(p.done)
	p.work.Wait()
}
