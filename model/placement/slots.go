package placement

// Strategies of placing slots.
const (
	Balanced  = "BALANCED"  // spread over the nodes
	Efficient = "EFFICIENT" // fill one node after the other
)

// Host is a node that can take slots.
type Host struct {
	Node string // id
	CPUs int    // slots it offers
}

// Want is what a processor asks for. Wants are given in the order in which the
// processors were made: the older comes first when there is too little.
type Want struct {
	Processor string // id
	Slots     int
	Pinned    bool
	Pin       string // node id, when pinned; a node that is no host gives no slots
}

// Share is a number of slots of a processor on a node. There is none with 0.
type Share struct {
	Processor string
	Node      string
	Slots     int
}

// Slots places the wanted slots on the hosts and gives the shares, by want,
// then by host. No host gets more slots than it has CPUs. What is placed now
// stays where it is, unless its host is gone, it is no longer wanted, a pinned
// processor needs the room, or (Balanced) another host has two slots less.
// When CPUs are short, each processor gets one before any gets a second, and
// so on, oldest first.
func Slots(strategy string, hosts []Host, wants []Want, current []Share) []Share {
	b := newBoard(strategy, hosts, wants, current)
	b.allot()
	b.trim()
	b.fill()
	if strategy != Efficient {
		b.balance()
	}
	return b.shares()
}

// board is the table that placing works on: slots[w][h] is what want w has on
// host h, used[h] the sum over all wants.
type board struct {
	efficient bool
	hosts     []Host
	wants     []Want
	slots     [][]int
	used      []int
	due       []int // slots that each want gets in all
	pin       []int // host of a pinned want; anywhere, or nowhere
}

const (
	anywhere = -1
	nowhere  = -2
)

func newBoard(strategy string, hosts []Host, wants []Want, current []Share) *board {
	b := &board{efficient: strategy == Efficient, hosts: hosts, wants: wants,
		slots: make([][]int, len(wants)), used: make([]int, len(hosts)),
		due: make([]int, len(wants)), pin: make([]int, len(wants))}
	host := make(map[string]int, len(hosts))
	for h := range hosts {
		host[hosts[h].Node] = h
	}
	want := make(map[string]int, len(wants))
	for w := range wants {
		want[wants[w].Processor] = w
		b.slots[w] = make([]int, len(hosts))
		b.pin[w] = anywhere
		if wants[w].Pinned {
			b.pin[w] = nowhere
			if h, ok := host[wants[w].Pin]; ok {
				b.pin[w] = h
			}
		}
	}
	for _, share := range current {
		w, wanted := want[share.Processor]
		h, up := host[share.Node]
		if wanted && up && (b.pin[w] == anywhere || b.pin[w] == h) {
			b.add(w, h, share.Slots)
		}
	}
	return b
}

func (b *board) add(w, h, n int) {
	b.slots[w][h] += n
	b.used[h] += n
}

func (b *board) has(w int) (n int) {
	for _, slots := range b.slots[w] {
		n += slots
	}
	return n
}

// allot decides how many slots each want gets, one at a time in turns. It
// grants what can be placed: the CPUs of a pinned want's host suffice for all
// that are pinned there, and the CPUs of all hosts for everything.
func (b *board) allot() {
	pinned := make([]int, len(b.hosts))
	left := 0
	for _, host := range b.hosts {
		left += host.CPUs
	}
	turns := make([]int, 0, len(b.wants))
	for w := range b.wants {
		turns = append(turns, w)
	}
	for left > 0 && len(turns) > 0 {
		again := turns[:0]
		for _, w := range turns {
			h := b.pin[w]
			switch {
			case left == 0, b.due[w] >= b.wants[w].Slots, h == nowhere:
				continue
			case h >= 0 && pinned[h] >= b.hosts[h].CPUs:
				continue
			case h >= 0:
				pinned[h]++
			}
			b.due[w]++
			left--
			again = append(again, w)
		}
		turns = again
	}
}

// trim takes away what a want has above its due, and what a host holds above
// its CPUs once the pinned wants have their room.
func (b *board) trim() {
	for w := range b.wants {
		for b.has(w) > b.due[w] {
			b.add(w, b.worst(w), -1)
		}
	}
	for h := range b.hosts {
		room := b.hosts[h].CPUs
		for w := range b.wants {
			if b.pin[w] == h {
				room -= b.due[w] - b.slots[w][h] // what is still to come
			}
		}
		for b.used[h] > room {
			b.add(b.largest(h), h, -1)
		}
	}
}

// worst is the host that want w leaves first: where it has most (Balanced), or
// the one that is nearest to being empty (Efficient).
func (b *board) worst(w int) int {
	best := -1
	for h := range b.hosts {
		if b.slots[w][h] == 0 {
			continue
		}
		if best < 0 || b.leavesFirst(w, h, best) {
			best = h
		}
	}
	return best
}

func (b *board) leavesFirst(w, h, than int) bool {
	if b.efficient {
		return b.used[h] <= b.used[than]
	}
	if b.slots[w][h] != b.slots[w][than] {
		return b.slots[w][h] > b.slots[w][than]
	}
	return b.used[h] >= b.used[than]
}

// largest is the unpinned want with most slots on host h; the youngest of
// those that have the same.
func (b *board) largest(h int) int {
	best := -1
	for w := range b.wants {
		if b.pin[w] != anywhere || b.slots[w][h] == 0 {
			continue
		}
		if best < 0 || b.slots[w][h] >= b.slots[best][h] {
			best = w
		}
	}
	return best
}

// fill places what is due and not yet placed, pinned wants first, then one of
// each in turns.
func (b *board) fill() {
	missing := make([]int, len(b.wants))
	left := 0
	for w := range b.wants {
		missing[w] = b.due[w] - b.has(w)
		if h := b.pin[w]; h >= 0 {
			b.add(w, h, missing[w])
			missing[w] = 0
		}
		left += missing[w]
	}
	for left > 0 {
		for w := range b.wants {
			if missing[w] > 0 {
				b.add(w, b.best(w), 1)
				missing[w]--
				left--
			}
		}
	}
}

// best is the host with a free CPU that want w goes to next.
func (b *board) best(w int) int {
	best := -1
	for h := range b.hosts {
		if b.used[h] >= b.hosts[h].CPUs {
			continue
		}
		if best < 0 || b.better(w, h, best) {
			best = h
		}
	}
	return best
}

func (b *board) better(w, h, than int) bool {
	if b.efficient {
		return b.used[h] > b.used[than]
	}
	if b.slots[w][h] != b.slots[w][than] {
		return b.slots[w][h] < b.slots[w][than]
	}
	return b.used[h] < b.used[than]
}

// balance moves slots to hosts that have two less, of the same want or in all.
// It ends: each move makes the sum of squares over wants and hosts smaller, or
// leaves it and makes the sum of squares over hosts smaller.
func (b *board) balance() {
	for moved := true; moved; {
		moved = false
		for w := range b.wants {
			for b.pin[w] == anywhere && b.move(w) {
				moved = true
			}
		}
	}
}

// move moves one slot of want w, if that evens things out.
func (b *board) move(w int) bool {
	for from := range b.hosts {
		for to := range b.hosts {
			if b.used[to] >= b.hosts[to].CPUs || !b.uneven(w, from, to) {
				continue
			}
			b.add(w, from, -1)
			b.add(w, to, 1)
			return true
		}
	}
	return false
}

func (b *board) uneven(w, from, to int) bool {
	own := b.slots[w][from] - b.slots[w][to]
	return own > 1 || own == 1 && b.used[from]-b.used[to] > 1
}

func (b *board) shares() []Share {
	var shares []Share
	for w := range b.wants {
		for h := range b.hosts {
			if n := b.slots[w][h]; n > 0 {
				shares = append(shares, Share{b.wants[w].Processor, b.hosts[h].Node, n})
			}
		}
	}
	return shares
}
