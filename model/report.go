package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// MaxMessage bounds the message of an object: the end is kept, where a build
// says what went wrong.
const MaxMessage = 4 << 10

// report takes over what an agent says of its node, in place of what it said
// before. A boot that is over has nothing to say.
func (c *change) report(m *messages.Report) *messages.Error {
	node := load(c, messages.Kind_KIND_NODE, m.Node)
	if node == nil || node.Status != Up || node.GetNode().Boot != m.Boot && !plant.On(plant.OldReport) {
		return nil
	}
	gaveUp := false
	for _, deployment := range referring(c, reference{node.Kind, node.Id}, messages.Kind_KIND_DEPLOYMENT) {
		processor := load(c, messages.Kind_KIND_PROCESSOR, deployment.GetDeployment().Processor)
		i := slices.IndexFunc(m.Deployments, func(r *messages.DeploymentReport) bool { return r.Processor == processor.Id })
		if i < 0 {
			c.reported(deployment, processor, &messages.DeploymentReport{})
		} else {
			c.reported(deployment, processor, m.Deployments[i])
		}
		c.settle(processor)
		gaveUp = c.giveUp(processor) || gaveUp
	}
	c.setWorkers(node, m.Workers)
	if gaveUp {
		c.place()
	}
	return nil
}

// giveUp lets a processor whose first build failed wherever it was tried leave
// its CPUs to others.
func (c *change) giveUp(o *messages.Object) bool {
	p := o.GetProcessor()
	if o.Status != Failed || p.Proven {
		return false
	}
	deployments := referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_DEPLOYMENT)
	if slices.ContainsFunc(deployments, func(d *messages.Object) bool { return !d.GetDeployment().Unbuilt }) {
		return false
	}
	p.GivenUp = true
	c.save(o)
	return true
}

// reported takes over what is said of one deployment. Of another commit than
// the one that serves, or of a failure from before it was restarted, nothing is
// to be learnt about what runs now.
func (c *change) reported(o, processor *messages.Object, r *messages.DeploymentReport) {
	p, d := processor.GetProcessor(), o.GetDeployment()
	code := servingCode(p)
	o.Status, o.Message, d.Running, d.Unbuilt = Starting, "", 0, false
	if r.Commit == code.Commit && !(r.Status == Failed && r.Epoch < code.Restarted) {
		o.Message = lastOf(withoutSecret(r.Message, p))
		d.Running = max(0, min(r.Running, d.Cpus))
		switch {
		case d.Running > 0:
			o.Status, p.Proven = Running, true
		case r.Status == Building, r.Status == Failed:
			o.Status = r.Status
		}
		d.Unbuilt = o.Status == Failed && r.Unbuilt
	}
	d.NextStatus, d.NextMessage = "", ""
	if p.Serving != nil && r.NextCommit == p.ResolvedCommit && r.Epoch >= p.Restarted {
		d.NextStatus, d.NextMessage = r.NextStatus, lastOf(withoutSecret(r.NextMessage, p))
	}
	c.save(o)
}

// lastOf bounds a message to its end.
func lastOf(message string) string { return endOf(message, MaxMessage) }

func endOf(message string, most int) string {
	return strings.ToValidUTF8(message[max(0, len(message)-most):], "")
}

// setWorkers makes the workers of a node be those that were reported. The
// model names them PROCESSOR@NODE.PID, or by slot when there is no process. A
// worker of a processor that is gone is about to go too, and is left out.
func (c *change) setWorkers(node *messages.Object, reported []*messages.Object) {
	var there []string
	for _, w := range reported {
		processor := load(c, messages.Kind_KIND_PROCESSOR, w.GetWorker().GetProcessor())
		if processor == nil {
			continue
		}
		number := w.GetWorker().Process
		if number == 0 {
			number = w.GetWorker().Slot
		}
		name := fmt.Sprintf("%s.%d", deploymentName(processor.Name, node.Name), number)
		id := derive(node.Id, "worker", name)
		if slices.Contains(there, id) {
			continue
		}
		there = append(there, id)
		o := c.made(processor, messages.Kind_KIND_WORKER, id, name)
		o.Status, o.RequestedStatus, o.Message = w.Status, processor.RequestedStatus, lastOf(withoutSecret(w.Message, processor.GetProcessor()))
		o.Spec = clone(w).Spec
		worker := o.GetWorker()
		worker.Node, worker.Agent, worker.Processor = node.Id, agentID(node.Id), processor.Id
		worker.Deployment = deploymentID(processor.Id, node.Id)
		if worker.Hostname == "" {
			worker.Hostname = node.GetNode().Hostname
		}
		c.save(o)
	}
	for _, o := range referring(c, reference{node.Kind, node.Id}, messages.Kind_KIND_WORKER) {
		if !slices.Contains(there, o.Id) {
			c.remove(o)
		}
	}
}
