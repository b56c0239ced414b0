package flow

import (
	"slices"

	"github.com/elasticcode/flow/flow/queue"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
)

// paces: what rests has a timer that ends its rest, and only that.
func (c *check) paces() {
	ends := map[string]int64{}
	for _, t := range timer.All(c.view) {
		if t.Kind == timer.Pace || t.Kind == timer.AllPace {
			_, twice := ends[t.Target]
			c.that(!twice, "two timers end the rest of %q", t.Target)
			ends[t.Target] = t.At
		}
	}
	for _, k := range c.sockets {
		target := timer.Seq(uint64(k.Number))
		until, _ := k.Pace.Rests()
		c.that(ends[target] == until, "socket %s rests until %d, its timer is at %d", k.ID, until, ends[target])
		delete(ends, target)
	}
	for _, p := range c.processors {
		until, _ := p.Pace.Rests()
		c.that(ends[p.ID] == until, "processor %s rests until %d, its timer is at %d", p.ID, until, ends[p.ID])
		delete(ends, p.ID)
	}
	c.that(len(ends) == 0, "timers end the rests of %v, which are not there", ends)
}

// queues: each stands among the sockets, and holds nothing that has not ended.
func (c *check) queues() {
	known := queue.IDs(c.view)
	for _, k := range c.sockets {
		c.that((k.Stage == socket.Queue) == slices.Contains(known, k.ID), "socket %s is at stage %d, queues are %v", k.ID, k.Stage, known)
		c.that(k.Stage != socket.Queue || k.Empty() && k.Config.Processor == "", "queue %s holds calls", k.ID)
		known = slices.DeleteFunc(known, func(id string) bool { return id == k.ID })
	}
	c.that(len(known) == 0, "queues %v have no place among the sockets", known)
}
