package actors

import "sync"

// inOrder does things one after the other, on a goroutine that holds no lock, as a
// replica tells its observer.
type inOrder struct {
	mu    sync.Mutex
	queue []func()
	busy  bool
}

func (o *inOrder) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue = append(o.queue, f); !o.busy {
		o.busy = true
		go o.run()
	}
}

func (o *inOrder) run() {
	for f := o.next(); f != nil; f = o.next() {
		f()
	}
}

func (o *inOrder) next() func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.busy = false
		return nil
	}
	f := o.queue[0]
	o.queue = o.queue[1:]
	return f
}
