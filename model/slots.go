package model

import (
	"slices"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model/placement"
	"github.com/elasticcode/flow/plant"
)

func sortBy(found []*messages.Object, compare func(a, b *messages.Object) int) {
	slices.SortFunc(found, compare)
}

func scheduler(view kv.View) *messages.Object {
	return named(view, messages.Kind_KIND_SCHEDULER, schedulerName)
}

// wantedSlots is how many slots a processor asks for now. A paused one keeps
// its slots: the calls that run there go on. One that has never run has none, and
// one that cannot be built is of no use: they leave the CPUs to others.
func wantedSlots(o *messages.Object) int {
	if o.Status == Deleting || !o.Enabled || o.RequestedStatus == Stopped || o.GetProcessor().GivenUp {
		return 0
	}
	if o.RequestedStatus == Paused && !o.GetProcessor().Proven {
		return 0
	}
	return int(o.GetProcessor().Concurrency)
}

func deploymentID(processor, node string) string { return derive(processor, "deployment", node) }

func deploymentName(processor, node string) string { return processor + "@" + node }

// place places all slots anew, after a change of nodes, processors or the
// strategy, and settles what follows for the processors.
func (c *change) place() {
	processors := processorsByAge(c)
	var hosts []placement.Host
	for _, node := range all(c, messages.Kind_KIND_NODE) {
		if node.Status == Up && node.Enabled {
			hosts = append(hosts, placement.Host{Node: node.Id, CPUs: int(node.GetNode().Cpus)})
			if plant.On(plant.TooManySlots) {
				hosts[len(hosts)-1].CPUs++
			}
		}
	}
	var wants []placement.Want
	for _, o := range processors {
		want := placement.Want{Processor: o.Id, Slots: wantedSlots(o)}
		if pin := o.GetProcessor().Hostname; pin != "" {
			want.Pinned, want.Pin = true, named(c, messages.Kind_KIND_NODE, pin).GetId()
		}
		wants = append(wants, want)
	}
	current := all(c, messages.Kind_KIND_DEPLOYMENT)
	var shares []placement.Share
	for _, o := range current {
		d := o.GetDeployment()
		shares = append(shares, placement.Share{Processor: d.Processor, Node: d.Node, Slots: int(d.Cpus)})
	}
	c.deploy(current, placement.Slots(scheduler(c).GetScheduler().GetStrategy(), hosts, wants, shares))
	for _, o := range processors {
		c.settle(o)
	}
}

// deploy makes the deployments be the shares.
func (c *change) deploy(current []*messages.Object, shares []placement.Share) {
	for _, o := range current {
		d := o.GetDeployment()
		if !slices.ContainsFunc(shares, func(s placement.Share) bool { return s.Processor == d.Processor && s.Node == d.Node }) {
			c.remove(o)
		}
	}
	for _, share := range shares {
		id := deploymentID(share.Processor, share.Node)
		o := load(c, messages.Kind_KIND_DEPLOYMENT, id)
		if o == nil {
			o = c.newDeployment(id, share)
		}
		if d := o.GetDeployment(); d.Cpus != int32(share.Slots) {
			d.Cpus, d.Epoch = int32(share.Slots), c.index
			d.Running = min(d.Running, d.Cpus)
			c.save(o)
		}
	}
}

func (c *change) newDeployment(id string, share placement.Share) *messages.Object {
	processor := load(c, messages.Kind_KIND_PROCESSOR, share.Processor)
	node := load(c, messages.Kind_KIND_NODE, share.Node)
	o := c.made(processor, messages.Kind_KIND_DEPLOYMENT, id, deploymentName(processor.Name, node.Name))
	o.Status, o.RequestedStatus = Starting, Running
	o.Spec = &messages.Object_Deployment{Deployment: &messages.Deployment{Processor: processor.Id, Node: node.Id, Hostname: node.Name}}
	return o
}

// restartDeployment forgets what was reported of a deployment.
func (c *change) restartDeployment(o *messages.Object) {
	o.Status, o.Message = Starting, ""
	o.GetDeployment().Running, o.GetDeployment().Epoch = 0, c.index
	c.save(o)
}

// settle derives a processor's status and shortfall from its deployments, and
// tells its partition what is new.
func (c *change) settle(o *messages.Object) {
	if o.Status == Deleting {
		return
	}
	deployments := referring(c, reference{o.Kind, o.Id}, messages.Kind_KIND_DEPLOYMENT)
	c.rollOver(o, deployments)
	placed := 0
	for _, d := range deployments {
		placed += int(d.GetDeployment().Cpus)
	}
	o.GetProcessor().Shortfall = int32(wantedSlots(o) - placed)
	o.Status, o.Message = c.processorStatus(o, deployments)
	c.save(o)
	c.configureProcessor(o)
}

// processorStatus says what a processor does, and what it waits for.
func (c *change) processorStatus(o *messages.Object, deployments []*messages.Object) (status, message string) {
	switch {
	case !o.Enabled:
		return Stopped, "it is not enabled"
	case o.RequestedStatus == Stopped, o.RequestedStatus == Paused:
		return o.RequestedStatus, ""
	case o.GetProcessor().GivenUp:
		return Failed, o.Message
	case len(deployments) == 0:
		return Starting, c.whyNoSlots(o)
	}
	in := func(status string) int {
		return slices.IndexFunc(deployments, func(d *messages.Object) bool { return d.Status == status })
	}
	if in(Running) >= 0 {
		return Running, c.whyNotYet(o, deployments)
	}
	if i := in(Building); i >= 0 {
		return Starting, "building environment on " + deployments[i].GetDeployment().Hostname
	}
	if i := in(Starting); i >= 0 {
		return Starting, "starting workers on " + deployments[i].GetDeployment().Hostname
	}
	return Failed, deployments[0].Message
}

func (c *change) whyNoSlots(o *messages.Object) string {
	pin := o.GetProcessor().Hostname
	if pin == "" {
		return "no free CPU"
	}
	node := named(c, messages.Kind_KIND_NODE, pin)
	switch {
	case node == nil:
		return "node " + pin + ", to which it is pinned, is not in the network"
	case node.Status != Up:
		return "node " + pin + ", to which it is pinned, is down"
	case !node.Enabled:
		return "node " + pin + ", to which it is pinned, is not enabled"
	}
	return "no free CPU on node " + pin + ", to which it is pinned"
}
