package flow

import "github.com/elasticcode/flow/flow/timer"

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
