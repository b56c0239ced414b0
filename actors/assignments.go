package actors

import (
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// Assignments is what the model asks of a node: the deployments placed on it,
// each with its processor, and the processors that may come.
type Assignments struct {
	Version     uint64 // index of the meta log entry that it was read at
	Assignments []Assignment
	Drained     bool               // the node gets no slots
	Standby     []*messages.Object // processors whose environments are prepared beforehand
}

// Assignment is one deployment and its processor.
type Assignment struct {
	Processor  *messages.Object // with the code that serves
	Next       *messages.Object // with the code that is to take its place once it is known to start; nil: none
	Deployment *messages.Object
}

// slots is how many slots should run now.
func (a *Assignment) slots() int {
	p := a.Processor
	if p.RequestedStatus == "stopped" || p.Status == "deleting" {
		return 0
	}
	return int(a.Deployment.GetDeployment().GetCpus())
}

// whyFewer is why a slot is to stop, for the calls that it holds.
func (a *Assignments) whyFewer(key slotKey, node string) string {
	for i := range a.Assignments {
		d := &a.Assignments[i]
		switch p := d.Processor; {
		case d.Deployment.Id != key.deployment:
		case p.Status == "deleting":
			return "processor " + p.Name + " is being deleted"
		case p.RequestedStatus == "stopped":
			return "processor " + p.Name + " was stopped"
		default:
			return "processor " + p.Name + " has fewer slots on node " + node
		}
	}
	if a.Drained {
		return "node " + node + " is drained"
	}
	return "its processor has no slots on node " + node + " any more"
}

// want is what should run of one deployment. Not ready: its environment is
// not there yet, so that no slot can start, but those that run may go on.
type want struct {
	deployment string
	slots      int
	ready      bool
}

// plan says which slots are to start and which to stop, so that what is wanted
// runs and never more than the node has CPUs. alive holds every slot that has
// not ended yet; true: it is stopping. A slot that ends makes room for the next plan.
func plan(wants []want, alive map[slotKey]bool, cpus int) (start, end []slotKey) {
	slots := map[string]int{}
	for _, w := range wants {
		slots[w.deployment] = w.slots
	}
	for key, stopping := range alive {
		if !stopping && key.number >= slots[key.deployment] {
			end = append(end, key)
		}
	}
	room := cpus - len(alive)
	for _, w := range wants {
		for n := 0; n < w.slots && w.ready && room > 0; n++ {
			key := slotKey{w.deployment, n}
			if _, there := alive[key]; !there {
				start = append(start, key)
				room--
			}
		}
	}
	slices.SortFunc(end, func(a, b slotKey) int {
		if c := strings.Compare(a.deployment, b.deployment); c != 0 {
			return c
		}
		return a.number - b.number
	})
	return start, end
}
