package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// Check looks whether all that must hold in the model holds, and says what
// does not. Tests and the simulation call it after each command.
func Check(view kv.View) error {
	id, partitions, founded := Network(view)
	if !founded {
		if below := keysBelow(view, []byte("m/")); len(below) > 0 {
			return fmt.Errorf("check model: there is no network, but m/%s", below[0])
		}
		return nil
	}
	k := checker{view: view, partitions: partitions}
	for _, check := range []func() error{k.objects, k.names, k.referrers, k.placed, k.stagings, k.histories, k.groups, k.removed, k.configurations, k.disappearances, k.levels, k.bindings, k.counts, k.expiries} {
		if err := check(); err != nil {
			return fmt.Errorf("check model of network %s: %w", id, err)
		}
	}
	return nil
}

type checker struct {
	view       kv.View
	partitions uint32
}

// objects: each is where its kind and id say, its name leads to it, and what
// it refers to is there and knows.
func (k checker) objects() error {
	for key, value := range k.view.Scan([]byte(objects), kv.PrefixEnd([]byte(objects))) {
		o := decode(key, value)
		if !bytes.Equal(key, objectKey(o.Kind, o.Id)) {
			return fmt.Errorf("%s %s stands at %s", noun(o.Kind), o.Id, key)
		}
		if named, _ := k.view.Get(nameKey(o.Kind, indexName(k.view, o))); string(named) != o.Id {
			return fmt.Errorf("%s %s: its name %s leads to %q", noun(o.Kind), o.Id, o.Name, named)
		}
		for _, to := range references(o) {
			if load(k.view, to.kind, to.id) == nil {
				return fmt.Errorf("%s %s refers to %s %s, which is not there", noun(o.Kind), o.Name, noun(to.kind), to.id)
			}
			if _, ok := k.view.Get(referrerKey(to, o)); !ok {
				return fmt.Errorf("%s %s is not among the referrers of %s %s", noun(o.Kind), o.Name, noun(to.kind), to.id)
			}
		}
		if err := k.partitioned(o); err != nil {
			return err
		}
	}
	return nil
}

// partitioned: a queue and a processor have a partition, and a socket that of
// its processor.
func (k checker) partitioned(o *messages.Object) error {
	if q := o.GetQueue(); q != nil && (q.Partition < 1 || q.Partition > k.partitions) {
		return fmt.Errorf("queue %s is in partition %d of %d", o.Name, q.Partition, k.partitions)
	}
	if p := o.GetProcessor(); p != nil && (p.Partition < 1 || p.Partition > k.partitions) {
		return fmt.Errorf("processor %s is in partition %d of %d", o.Name, p.Partition, k.partitions)
	}
	if s := o.GetSocket(); s != nil {
		if p := load(k.view, messages.Kind_KIND_PROCESSOR, s.Processor); s.Partition != p.GetProcessor().Partition {
			return fmt.Errorf("socket %s is in partition %d, its processor in %d", o.Name, s.Partition, p.GetProcessor().Partition)
		}
	}
	return nil
}

// names: each leads to an object.
func (k checker) names() error {
	for key, id := range k.view.Scan([]byte(names), kv.PrefixEnd([]byte(names))) {
		kind, name, _ := strings.Cut(string(key[len(names):]), pathSeparator)
		o := load(k.view, kindOf(kind), string(id))
		if o == nil || indexName(k.view, o) != name {
			return fmt.Errorf("the name of %s %s leads to %q, which has another", kind, name, id)
		}
	}
	return nil
}

// referrers: each index key stands for a reference.
func (k checker) referrers() error {
	for _, below := range keysBelow(k.view, []byte(referrers)) {
		part := strings.Split(below, pathSeparator)
		from := load(k.view, kindOf(part[2]), part[3])
		if from == nil || !slices.Contains(references(from), reference{kindOf(part[0]), part[1]}) {
			return fmt.Errorf("%s is no reference", below)
		}
	}
	return nil
}

// placed: slots are on nodes that are up, within their CPUs, and make up what
// each processor asks for, its shortfall aside.
func (k checker) placed() error {
	for _, node := range all(k.view, messages.Kind_KIND_NODE) {
		used := int32(0)
		for _, d := range referring(k.view, reference{node.Kind, node.Id}, messages.Kind_KIND_DEPLOYMENT) {
			spec := d.GetDeployment()
			if spec.Cpus < 1 || spec.Running < 0 || spec.Running > spec.Cpus {
				return fmt.Errorf("deployment %s: %d running of %d", d.Name, spec.Running, spec.Cpus)
			}
			used += spec.Cpus
		}
		if used > node.GetNode().Cpus || used > 0 && (node.Status != Up || !node.Enabled) {
			return fmt.Errorf("node %s is %s and has %d CPUs, %d are used", node.Name, node.Status, node.GetNode().Cpus, used)
		}
	}
	for _, o := range all(k.view, messages.Kind_KIND_PROCESSOR) {
		placed := int(o.GetProcessor().Shortfall)
		for _, d := range referring(k.view, reference{o.Kind, o.Id}, messages.Kind_KIND_DEPLOYMENT) {
			placed += int(d.GetDeployment().Cpus)
		}
		if placed != wantedSlots(o) || o.GetProcessor().Shortfall < 0 {
			return fmt.Errorf("processor %s wants %d slots, %d are placed or short", o.Name, wantedSlots(o), placed)
		}
	}
	return nil
}

// stagings: functions wait only for a processor whose code does not serve yet,
// and what serves has been seen to start.
func (k checker) stagings() error {
	for _, id := range keysBelow(k.view, []byte(stagings)) {
		if o := load(k.view, messages.Kind_KIND_PROCESSOR, id); o.GetProcessor().GetServing() == nil {
			return fmt.Errorf("functions are staged for processor %s, whose code serves", id)
		}
	}
	for _, o := range all(k.view, messages.Kind_KIND_PROCESSOR) {
		if p := o.GetProcessor(); p.Serving != nil && (!p.Proven || sameCode(p.Serving, codeOf(p))) {
			return fmt.Errorf("processor %s: commit %s serves until %s does, proven: %t", o.Name, p.Serving.Commit, p.ResolvedCommit, p.Proven)
		}
	}
	return nil
}

// groups: each group has a placement, with an odd number of voters.
func (k checker) groups() error {
	placements := Groups(k.view)
	if len(placements) != int(k.partitions)+1 {
		return fmt.Errorf("%d placements of groups, %d partitions", len(placements), k.partitions)
	}
	for i, g := range placements {
		voters := 0
		for j, r := range g.Replicas {
			if slices.ContainsFunc(g.Replicas[:j], func(d *messages.Replica) bool { return d.Node == r.Node }) {
				return fmt.Errorf("group %d has two replicas on node %s", g.Group, r.Node)
			}
			if r.Voter {
				voters++
			}
		}
		if g.Group != uint32(i) || voters%2 == 0 {
			return fmt.Errorf("group %d at %d has %d voters", g.Group, i, voters)
		}
	}
	return nil
}

// configurations: partitions were told what the objects say now, and nothing
// of objects that are gone.
func (k checker) configurations() error {
	for _, below := range keysBelow(k.view, []byte(configured)) {
		kind, id, _ := strings.Cut(below, pathSeparator)
		o := load(k.view, kindOf(kind), id)
		if o == nil {
			return fmt.Errorf("a partition was told of %s, which is not there", below)
		}
		var now []byte
		switch {
		case o.Kind == messages.Kind_KIND_QUEUE:
			now = encode(QueueConfiguration(k.view, o))
		case o.Status == Deleting:
			continue
		case o.Kind == messages.Kind_KIND_PROCESSOR:
			now = encode(processorConfiguration(o))
		default:
			now = encode(socketConfiguration(k.view, func() *wires { return readWires(k.view) }, o, load(k.view, messages.Kind_KIND_QUEUE, o.GetSocket().Queue).GetQueue()))
		}
		if told, _ := k.view.Get(configuredKey(o.Kind, o.Id)); !bytes.Equal(told, now) {
			return fmt.Errorf("the partition of %s %s was told something else", kind, o.Name)
		}
	}
	for _, kind := range []messages.Kind{messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_SOCKET, messages.Kind_KIND_QUEUE} {
		for _, o := range all(k.view, kind) {
			if _, told := k.view.Get(configuredKey(kind, o.Id)); !told {
				return fmt.Errorf("no partition was told of %s %s", kind, o.Name)
			}
		}
	}
	return nil
}

// disappearances: what is to go waits for a message that is still under way.
func (k checker) disappearances() error {
	var waiting []string
	for key, value := range k.view.Scan([]byte(disappearing), kv.PrefixEnd([]byte(disappearing))) {
		rest := key[len(disappearing):]
		to, seq := messages.GroupID(binary.BigEndian.Uint32(rest)), binary.BigEndian.Uint64(rest[4:])
		if outbox.Acknowledged(k.view, to, seq) {
			return fmt.Errorf("%s is still there, though group %d acknowledged message %d", value, to, seq)
		}
		waiting = append(waiting, string(value))
	}
	for _, kind := range []messages.Kind{messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_SOCKET} {
		for _, o := range all(k.view, kind) {
			if gone := slices.Contains(waiting, string(path("", noun(kind), o.Id))); gone != (o.Status == Deleting) {
				return fmt.Errorf("%s %s is %s, and waits to go: %t", noun(kind), o.Name, o.Status, gone)
			}
		}
	}
	return nil
}

// removed: a node that was removed is not there, and few are remembered.
func (k checker) removed() error {
	gone := keysBelow(k.view, []byte(removedNodes))
	for _, id := range gone {
		if load(k.view, messages.Kind_KIND_NODE, id) != nil {
			return fmt.Errorf("node %s was removed, and is there", id)
		}
	}
	if len(gone) > maxRemoved {
		return fmt.Errorf("%d removed nodes are remembered, over the bound of %d", len(gone), maxRemoved)
	}
	return nil
}
