package actors

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	reportDelay = 50 * time.Millisecond // in which changes are gathered
	reportPause = time.Second           // after a report that was refused
	// failedStarts is how many times in a row a worker may fail to start until
	// its deployment is called failed. It is tried on.
	failedStarts = 2
)

// reporter sends what the agent says of its node, when that has changed.
type reporter struct {
	last    *messages.Report // that was sent
	planned bool
	sending bool
	again   bool
}

type (
	sendReport struct{}
	reported   struct{ refusal *messages.ErrorInfo }
)

// report plans a report.
func (a *agent) report(c actor.Context) {
	if !a.reports.planned {
		a.reports.planned = true
		a.system.tellAfter(reportDelay, c.Self(), &sendReport{})
	}
}

func (a *agent) sendReport(c actor.Context) {
	r := &a.reports
	r.planned = false
	if r.sending {
		r.again = true
		return
	}
	now := a.latest.Load()
	if now == nil || a.stopping {
		return
	}
	m := a.describe(now)
	if r.last != nil && proto.Equal(r.last, m) {
		return
	}
	r.last, r.sending = m, true
	ctx, self := a.ctx, c.Self()
	a.pool.do(func() {
		if reply, err := settle(ctx, a.proposer, messages.Meta, m); err == nil {
			a.system.tell(self, &reported{reply.GetError()})
		}
	})
}

func (a *agent) reported(c actor.Context, m *reported) {
	r := &a.reports
	r.sending = false
	if m.refusal != nil {
		a.system.log.Warn("report is refused", "error", m.refusal.Err())
		r.last, r.planned = nil, true
		a.system.tellAfter(reportPause, c.Self(), &sendReport{})
		return
	}
	if r.again {
		r.again = false
		a.report(c)
	}
}

// note takes note of what a slot says.
func (a *agent) note(c actor.Context, m *slotStatus) {
	if p := a.slots[m.key]; p != nil {
		if m.message == "" && !m.ready {
			m.message = p.status.message // why the last worker ended still holds
		}
		p.status = *m
		a.report(c)
	}
}

// describe says how the deployments of this node are, and which workers it has.
func (a *agent) describe(now *Assignments) *messages.Report {
	m := &messages.Report{Node: string(a.system.node), Boot: a.config.Boot}
	for i := range now.Assignments {
		d := &now.Assignments[i]
		if !a.mine(d) {
			continue
		}
		m.Deployments = append(m.Deployments, a.describeDeployment(d))
		for key, p := range a.slots {
			if key.deployment == d.Deployment.Id && p.status.ready && p.status.pid != 0 {
				m.Workers = append(m.Workers, a.describeWorker(d, p))
			}
		}
	}
	slices.SortFunc(m.Workers, func(x, y *messages.Object) int { return cmp.Compare(x.Name, y.Name) })
	return m
}

func (a *agent) describeDeployment(d *Assignment) *messages.DeploymentReport {
	p := d.Processor.GetProcessor()
	r := &messages.DeploymentReport{
		Processor: d.Processor.Id, Commit: p.ResolvedCommit, Epoch: d.Deployment.GetDeployment().GetEpoch(),
	}
	alive, failure, wanted := 0, "", environmentOf(d.Processor)
	for key, p := range a.slots {
		if key.deployment != d.Deployment.Id {
			continue
		}
		alive++
		if p.status.job == nil || p.status.job.key != wanted {
			continue // it still runs other code
		}
		if p.status.ready && !p.stopping {
			r.Running++
		}
		if p.status.failures >= failedStarts {
			failure = p.status.message
		}
	}
	e := a.builds.known[wanted]
	switch {
	case d.slots() == 0 && alive == 0:
		r.Status = "stopped"
	case d.slots() == 0:
		r.Status, r.Message = "running", "stopping"
	case e != nil && e.failed > 0:
		r.Status, r.Message, r.Unbuilt = "failed", e.message, true
	case r.Running > 0:
		r.Status = "running"
	case e != nil && !e.ready:
		r.Status, r.Message = "building", "building environment"
		if line := e.progress.Load(); line != nil {
			r.Message = *line
		}
	case failure != "":
		r.Status, r.Message = "failed", failure
	default:
		r.Status = "starting"
	}
	a.describeNext(r, d.Next)
	return r
}

// describeNext says how far the code is that is to take the place of what serves.
func (a *agent) describeNext(r *messages.DeploymentReport, next *messages.Object) {
	if next == nil {
		return
	}
	r.NextCommit = next.GetProcessor().ResolvedCommit
	switch e := a.builds.known[environmentOf(next)]; {
	case e == nil:
	case e.failed > 0:
		r.NextStatus, r.NextMessage = "failed", e.message
	case e.ready:
		r.NextStatus = "ready"
	default:
		r.NextStatus = "building"
	}
}

func (a *agent) describeWorker(d *Assignment, p *post) *messages.Object {
	name := fmt.Sprintf("%s@%s/%d", d.Processor.Name, a.config.Name, p.status.key.number)
	identity := strings.Join([]string{string(a.system.node), a.session, p.pid.Id, fmt.Sprint(p.status.pid)}, "\x00")
	return &messages.Object{
		Id:   uuid.NewSHA1(uuid.NameSpaceOID, []byte(identity)).String(),
		Name: name, Kind: messages.Kind_KIND_WORKER, Owner: d.Processor.Owner,
		Status: "running", RequestedStatus: "running", Enabled: true,
		Spec: &messages.Object_Worker{Worker: &messages.Worker{
			Node: string(a.system.node), Processor: d.Processor.Id, Deployment: d.Deployment.Id, Hostname: a.config.Hostname,
			Process: int32(p.status.pid), Workerdir: p.status.dir, Commit: p.status.job.commit, Slot: int32(p.status.key.number),
		}},
	}
}
