package sim

import (
	"math/rand/v2"
	"time"
)

// What befalls the network, by name.
const (
	faultPartition = "partition"
	faultSplit     = "split"
	faultFlap      = "flap"
	faultLoss      = "loss"
	faultDrop      = "drop"
	faultDelay     = "delay"
	faultDuplicate = "duplicate"
	faultReorder   = "reorder"
	faultClog      = "clog"
	faultReset     = "reset"
)

// How much, and for how long, at most.
const (
	faultCut      = 8 * time.Second
	faultLossFor  = 5 * time.Second
	faultLinkFor  = 6 * time.Second
	faultFlapStep = 800 * time.Millisecond
	mostLoss      = 0.3
	mostDrop      = 0.8
	mostFlaps     = 10
)

// networkFaults are what befalls the network. Those of one link befall what goes
// from Node to Peer, in one direction (Count 1 or 2) or in both (Count 0); a peer
// that is the node itself stands for the clients.
func networkFaults() []kind {
	return []kind{
		{faultPartition, "a node is cut off from the others, in one direction or in both", func(rng *rand.Rand, _ int, e *Event) {
			e.Count, e.For = rng.IntN(3), some(rng, faultCut)
		}, cutOff},
		{faultSplit, "the nodes fall into two groups that do not hear each other", func(rng *rand.Rand, nodes int, e *Event) {
			e.Count, e.For = 1+rng.IntN(max(1, 1<<nodes-2)), some(rng, faultCut)
		}, split},
		{faultFlap, "a link between two machines fails and works in turns", func(rng *rand.Rand, nodes int, e *Event) {
			onLink(rng, nodes, e)
			e.For = some(rng, faultFlapStep)
		}, flap},
		{faultLoss, "packets are lost everywhere, and pieces of streams come late", func(rng *rand.Rand, _ int, e *Event) {
			e.Share, e.For = rng.Float64()*mostLoss, some(rng, faultLossFor)
		}, lose},
		{faultDrop, "a link loses most of its packets, and pieces of its streams come late", onLinkShared(mostDrop), worsen(func(c *condition, share float64) { c.loss = share })},
		{faultDelay, "some of what a link carries takes long, and now and then very long", onLinkShared(1), worsen(func(c *condition, share float64) { c.tail = share })},
		{faultDuplicate, "packets arrive twice on a link", onLinkShared(1), worsen(func(c *condition, share float64) { c.twice = share })},
		{faultReorder, "packets overtake each other on a link", onLinkShared(1), worsen(func(c *condition, share float64) { c.held = share })},
		{faultClog, "a link stands still, and then brings all at once", onLink, clog},
		{faultReset, "all streams between two machines break", onLink, func(w *World, e Event) {
			w.net.resets(w.machines[e.Node], w.peer(e))
		}},
	}
}

func onLink(rng *rand.Rand, nodes int, e *Event) {
	e.Peer, e.Count, e.For = rng.IntN(nodes), rng.IntN(3), some(rng, faultLinkFor)
}

func onLinkShared(most float64) func(*rand.Rand, int, *Event) {
	return func(rng *rand.Rand, nodes int, e *Event) {
		onLink(rng, nodes, e)
		e.Share = rng.Float64() * most
	}
}

// peer is the machine at the other end of an event's link.
func (w *World) peer(e Event) *machine {
	if e.Peer == e.Node {
		return w.machines[w.options.Nodes]
	}
	return w.machines[e.Peer]
}

// links are those between two machines that an event befalls.
func (w *World) links(e Event) (links []link) {
	a, b := e.Node, w.peer(e).index
	if e.Count != 1 {
		links = append(links, link{a, b})
	}
	if e.Count != 2 {
		links = append(links, link{b, a})
	}
	return links
}

// worsen gives the links of an event a condition for as long as it lasts.
func worsen(set func(c *condition, share float64)) func(*World, Event) {
	return func(w *World, e Event) {
		for _, l := range w.links(e) {
			set(w.net.on(l), e.Share)
			w.after(e.For, func() { set(w.net.on(l), 0) })
		}
	}
}

// cut cuts links for a while. Several faults may cut the same one.
func (w *World) cut(links []link, d time.Duration) {
	for _, l := range links {
		w.net.on(l).cuts++
		w.after(d, func() { w.net.on(l).cuts-- })
	}
}

// cutOff cuts what a node sends (Count 1: only what it gets).
func cutOff(w *World, e Event) {
	var links []link
	for _, other := range w.nodes() {
		if other.index != e.Node && e.Count != 1 {
			links = append(links, link{e.Node, other.index})
		}
		if other.index != e.Node && e.Count != 2 {
			links = append(links, link{other.index, e.Node})
		}
	}
	w.cut(links, e.For)
}

// split keeps the nodes whose bits Count has apart from the others.
func split(w *World, e Event) {
	var links []link
	one := func(m *machine) bool { return e.Count>>m.index&1 == 1 }
	for _, a := range w.nodes() {
		for _, b := range w.nodes() {
			if one(a) != one(b) {
				links = append(links, link{a.index, b.index})
			}
		}
	}
	w.cut(links, e.For)
}

// flap cuts a link again and again, each time for as long as it then works.
func flap(w *World, e Event) {
	links := w.links(e)
	for i := range mostFlaps {
		if at := w.now + 2*int64(i)*int64(e.For); at < w.until {
			w.at(at, func() { w.cut(links, e.For) })
		}
	}
}

// lose makes the network lose a share of what it carries.
func lose(w *World, e Event) {
	w.net.loss = e.Share
	w.after(e.For, func() { w.net.loss = 0 })
}

// clog holds up what links carry.
func clog(w *World, e Event) {
	for _, l := range w.links(e) {
		c := w.net.on(l)
		c.clogged = max(c.clogged, min(w.now+int64(e.For), w.until))
	}
}
