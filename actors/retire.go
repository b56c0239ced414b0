package actors

import (
	"time"

	"github.com/elasticcode/flow/messages"
)

// retireEvery is how often a node's disk is looked through for code that nobody
// uses any more.
const retireEvery = time.Hour

// retire lets code go that is not in use. It is once it is known what the
// network asks of this node.
func (a *agent) retire() {
	if a.latest.Load() == nil || a.stopping || time.Since(a.retired) < retireEvery {
		return
	}
	a.retired = time.Now()
	inUse, environments, ctx, log := a.inUse(), a.config.Environments, a.ctx, a.system.log
	a.system.run(func() {
		if err := environments.Retire(ctx, inUse); err != nil && ctx.Err() == nil {
			log.Warn("code that is not used cannot be removed", "error", err)
		}
	})
}

// inUse is what deployments want, and what slots run, which may be older.
func (a *agent) inUse() (all []messages.Environment) {
	for _, e := range a.builds.known {
		if e.ready {
			all = append(all, e.environment)
		}
	}
	for _, p := range a.slots {
		for _, j := range []*job{p.job, p.status.job} {
			if j != nil && !j.echo {
				all = append(all, j.environment)
			}
		}
	}
	return all
}
