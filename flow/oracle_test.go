package flow

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/messages"
)

// oracle is a partition written for being obviously right: plain lists that are
// searched and sorted afresh each time, no keys, no counters, no indexes. What
// it answers and what it starts, aborts and ends must be what Machine says.
type oracle struct {
	level uint32
	now   int64
	order uint64
	calls []*oCall // in the order of arrival
	// lists, since what is done first must not depend on a map
	sockets    []*oSocket
	processors []*oProcessor
	slots      []*oSlot
	nodes      map[messages.NodeID]*oNode
	ready      []*oProcessor
	effects    []string

	group    messages.GroupID
	arrivals []*oArrival // in the order in which they came
	letters  []*oLetter
	posted   []oPosted // to other partitions
	dropped  int       // of those, how many have arrived
	values   []*oValue
	heard    map[uint32]uint64
}

type oCall struct {
	id                            messages.CallID
	socket                        *oSocket
	state                         messages.CallState
	content                       string
	priority                      int32
	size                          int
	attempt, tries, crashes, lost uint32
	seq                           uint64
	inBlock                       int // calls of the block; 0: it came alone
	firstOfBlock, lastDropped     *oCall
	expires                       int64
	retryAt                       int64
	slot                          *oSlot
	finished                      int64
	gone, forgotten               bool // dropped; and its id is not remembered any more

	sent     *messages.Enqueue // who it is
	hops     uint32
	plug     string
	arrivals []*oArrival
	failure  *messages.Failure
	result   []byte
}

type oSocket struct {
	id       string
	config   *messages.ConfigureSocket
	deleting bool
	forced   bool
	removed  bool
	holder   *oCall
	full     bool
	stuffed  []string // inputs of its gate that are full
	blocked  []string
	queue    *messages.ConfigureQueue // it stands for a queue; nil: it does not
	bindings []*messages.Binding      // of that queue, by name
	ended    int                      // calls that the command has ended
	pace     oPace
	schedule oSchedule
}

type oProcessor struct {
	id      string
	config  *messages.ConfigureProcessor
	leaving bool
	ring    []*oTurn
	credits []*oSlot // by index; nil: none
	next    int
	pace    oPace
}

type oTurn struct {
	socket  *oSocket
	deficit int
}

type oSlot struct {
	slot.Name
	node      string
	processor *oProcessor
	commit    string
	window    int
	leases    []oLease
}

type oLease struct {
	call     *oCall
	attempt  uint32
	aborting bool
}

type oNode struct {
	lowest uint64
	open   bool
}

func newOracle() *oracle {
	return &oracle{group: partitionOfTests, nodes: map[messages.NodeID]*oNode{}, heard: map[uint32]uint64{}}
}

// ------------------------------------------------------------------ looking

func (o *oracle) call(id messages.CallID) *oCall {
	for _, c := range o.calls {
		if c.id == id && !c.forgotten {
			return c
		}
	}
	return nil
}

func (o *oracle) socket(id string) *oSocket {
	for _, k := range o.sockets {
		if k.id == id {
			return k
		}
	}
	return nil
}

func (o *oracle) processor(id string) *oProcessor {
	for _, p := range o.processors {
		if p.id == id {
			return p
		}
	}
	p := &oProcessor{id: id}
	o.processors = append(o.processors, p)
	return p
}

func (o *oracle) slot(n slot.Name) *oSlot {
	for _, l := range o.slots {
		if l.Name == n {
			return l
		}
	}
	return nil
}

func open(c *oCall) bool { return c.state == isQueued || c.state == isRunning }

// mailbox is what waits at a socket, the next one first.
func (o *oracle) mailbox(k *oSocket) (box []*oCall) {
	for _, c := range o.calls {
		if c.socket == k && c.state == isQueued && c.retryAt == 0 {
			box = append(box, c)
		}
	}
	slices.SortStableFunc(box, func(a, b *oCall) int { return cmp.Compare(b.priority, a.priority) })
	return box
}

func (o *oracle) leased(k *oSocket) (n int) {
	for _, l := range o.slots {
		for _, lease := range l.leases {
			if lease.call.socket == k {
				n++
			}
		}
	}
	return n
}

func (o *oracle) leasable(k *oSocket) bool {
	box := o.mailbox(k)
	if len(box) == 0 || k.forced || k.removed {
		return false
	}
	return o.admits(k) && !o.heldBack(k) && k.pace.until == 0
}

func (o *oracle) admits(k *oSocket) bool {
	return !k.config.Ordered || o.leased(k) == 0 && (k.holder == nil || slices.Contains(o.mailbox(k), k.holder))
}

func takes(l *oSlot) bool {
	return l != nil && l.processor.config != nil && l.commit == l.processor.config.Commit && len(l.leases) < l.window
}

func (p *oProcessor) least() *oSlot {
	var best *oSlot
	for n := range p.credits {
		l := p.credits[(p.next+n)%len(p.credits)]
		if takes(l) && (best == nil || len(l.leases) < len(best.leases)) {
			best = l
		}
	}
	return best
}

// ------------------------------------------------------------------ turns

func (o *oracle) wants(p *oProcessor) {
	if !slices.Contains(o.ready, p) {
		o.ready = append(o.ready, p)
	}
}

func (o *oracle) settle(k *oSocket) {
	p := o.processor(k.config.Processor)
	at := slices.IndexFunc(p.ring, func(t *oTurn) bool { return t.socket == k })
	if o.leasable(k) {
		if at < 0 {
			p.ring = append(p.ring, &oTurn{k, 1})
		}
		o.wants(p)
	} else if at >= 0 {
		p.ring = slices.Delete(p.ring, at, at+1)
	}
	o.press(k)
}

func (o *oracle) credit(l *oSlot) {
	if takes(l) {
		o.wants(l.processor)
	}
}

func (o *oracle) dispatch(p *oProcessor) {
	for p.config != nil && p.config.Status == "running" && p.pace.until == 0 && p.least() != nil && len(p.ring) > 0 {
		for p.ring[0].deficit <= 0 {
			p.ring[0].deficit++
			p.ring = append(p.ring[1:], p.ring[0])
		}
		k := p.ring[0].socket
		c := o.mailbox(k)[0]
		if k.config.Ordered && k.holder != nil {
			c = k.holder
		}
		p.ring[0].deficit -= 1 + c.size/(64<<10)
		o.lease(p, c)
	}
}

func (o *oracle) lease(p *oProcessor, c *oCall) {
	l := p.least()
	p.next = (slices.Index(p.credits, l) + 1) % len(p.credits)
	c.state, c.slot = isRunning, l
	c.attempt++
	l.leases = append(l.leases, oLease{c, c.attempt, false})
	if c.socket.config.Ordered && c.socket.holder == nil {
		c.socket.holder = c
	}
	o.order++
	o.effects = append(o.effects, fmt.Sprintf("start %s attempt %d at %s/%s order %d commit %s", c.id, c.attempt, l.Session, l.Name.Slot, o.order, l.commit))
	o.credit(l)
	c.socket.pace.pass(c.socket.config.Ratelimit, o.now)
	p.pace.pass(p.config.Ratelimit, o.now)
	o.settle(c.socket)
}

func (o *oracle) finish() {
	for more := true; more; {
		for len(o.ready) > 0 {
			p := o.ready[0]
			o.ready = o.ready[1:]
			o.dispatch(p)
		}
		more = false
		for _, k := range o.sockets {
			if k.deleting && !k.removed && o.held(k) == 0 && o.leased(k) == 0 {
				k.removed = true
			}
		}
		for _, p := range o.processors {
			if p.leaving && o.socketsOf(p) == 0 {
				for _, l := range slices.Clone(p.credits) {
					if l != nil {
						o.takeBack(l)
						more = true
					}
				}
				p.config, p.leaving, p.pace = nil, false, oPace{}
			}
		}
	}
}

func (o *oracle) socketsOf(p *oProcessor) (n int) {
	for _, k := range o.sockets {
		if !k.removed && k.config.Processor == p.id {
			n++
		}
	}
	return n
}

func (o *oracle) held(k *oSocket) (n int) {
	for _, c := range o.calls {
		if c.socket == k && open(c) {
			n++
		}
	}
	return n + len(o.waiting(k))
}

// ------------------------------------------------------------------ changes

func (o *oracle) end(c *oCall, state messages.CallState) { o.endWith(c, state, nil) }

func (o *oracle) endWith(c *oCall, state messages.CallState, done *messages.Complete) {
	c.state, c.slot, c.retryAt, c.finished = state, nil, 0, o.now
	c.socket.ended++
	if state == isFailed || state == isExpired {
		o.letters = append(o.letters, &oLetter{id: c.id, died: o.now, call: c})
	}
	if c.socket.holder == c {
		c.socket.holder = nil
	}
	o.settle(c.socket)
	o.effects = append(o.effects, fmt.Sprintf("ended %s %s", c.id, state))
	for _, a := range c.arrivals {
		o.effects = append(o.effects, fmt.Sprintf("ended %s %s", a.id, state))
	}
	o.fire(c, done)
}

func (o *oracle) requeue(c *oCall) { c.state, c.slot, c.retryAt = isQueued, nil, 0 }

// letGo ends a lease that the slot does not list any more.
func (o *oracle) letGo(lease oLease, then func(c *oCall)) {
	if !lease.aborting {
		then(lease.call)
	}
	o.settle(lease.call.socket)
}

func (o *oracle) charge(c *oCall, counter *uint32, limit uint32) {
	if *counter++; *counter < limit {
		o.requeue(c)
	} else {
		c.failure = &messages.Failure{Type: "quarantined", Message: fmt.Sprintf("its worker died, %d of %d: ", limit, limit)}
		o.end(c, isFailed)
	}
}

func (o *oracle) close(l *oSlot) {
	p := l.processor
	p.credits[slices.Index(p.credits, l)] = nil
	for len(p.credits) > 0 && p.credits[len(p.credits)-1] == nil {
		p.credits = p.credits[:len(p.credits)-1]
	}
	if p.next >= len(p.credits) {
		p.next = 0
	}
	o.slots = slices.DeleteFunc(o.slots, func(s *oSlot) bool { return s == l })
}

// takeBack closes a slot: its leases are ended one after the other.
func (o *oracle) takeBack(l *oSlot) { o.giveUp(l, o.requeue) }

func (o *oracle) giveUp(l *oSlot, first func(*oCall)) {
	o.close(l)
	// The leases that are not ended yet still count.
	o.slots = append(o.slots, l)
	l.window = 0
	for i := 0; len(l.leases) > 0; i++ {
		lease := l.leases[0]
		l.leases = l.leases[1:]
		if i == 0 {
			o.letGo(lease, first)
		} else {
			o.letGo(lease, o.requeue)
		}
	}
	o.slots = slices.DeleteFunc(o.slots, func(s *oSlot) bool { return s == l })
}

func (o *oracle) cancel(c *oCall, state messages.CallState) {
	if c.state == isRunning {
		for i := range c.slot.leases {
			if l := &c.slot.leases[i]; l.call == c {
				l.aborting = true
				o.effects = append(o.effects, fmt.Sprintf("abort %s attempt %d at %s/%s", c.id, l.attempt, c.slot.Session, c.slot.Name.Slot))
			}
		}
	}
	o.end(c, state)
}

// ------------------------------------------------------------------ commands

// apply gives the answer to a command, and what it effects.
func (o *oracle) apply(now int64, m proto.Message) (answer string, effects []string) {
	o.now, o.ready, o.effects = now, nil, nil
	if d, ok := m.(*messages.Deliver); ok {
		for i := range len(d.More) + 1 {
			kind, body := d.Type, d.Command
			if i > 0 {
				kind, body = d.More[i-1].Type, d.More[i-1].Command
			}
			one, what := o.deliver(now, d.From, d.Seq+uint64(i), messages.Command{Type: messages.CommandType(kind), Body: body})
			answer = cmp.Or(answer, one)
			effects = append(effects, what...)
		}
		return answer, effects
	}
	switch c := m.(type) {
	case *messages.PutChunk:
		answer = o.putChunk(c)
	case *messages.Delivered:
		o.dropped = max(o.dropped, int(c.Seq))
	case *messages.Arrive:
		if o.absent(c.Value) {
			return "CONFLICT", nil
		}
		o.take(c)
	case *messages.Throttle:
		for _, id := range c.Sources {
			o.throttle(id, c.Target, c.Full)
		}
	case *messages.Enqueue:
		answer = o.enqueue(c)
	case *messages.EnqueueBatch:
		answer = o.enqueueBatch(c)
	case *messages.Grant:
		answer = o.grant(c)
	case *messages.Revoke:
		if l := o.slot(slot.Name{Session: c.Session, Slot: c.Slot}); l != nil {
			o.takeBack(l)
		}
	case *messages.EndSession:
		o.endSession(c)
	case *messages.Complete:
		answer = o.complete(c)
	case *messages.CompleteBatch:
		answer = "INVALID"
		for i, one := range c.Completes {
			if i == 0 {
				answer = ""
			}
			answer += o.complete(one) + ";"
		}
	case *messages.Cancel:
		answer = o.cancelCall(c)
	case *messages.Tick:
		o.tick()
		for _, k := range o.sockets {
			k.ended = 0 // a Tick has dropped what it drops
		}
	case *messages.ConfigureProcessor:
		p := o.processor(c.Processor)
		if c.Ratelimit != p.config.GetRatelimit() {
			p.pace = oPace{}
		}
		p.config, p.leaving = c, false
		for _, l := range p.credits {
			o.credit(l)
		}
		o.wants(p)
	case *messages.ConfigureSocket:
		o.configureSocket(c)
	case *messages.ConfigureQueue:
		o.configureQueue(c)
	case *messages.Bind:
		answer = o.bind(c)
	case *messages.RemoveQueue:
		o.removeQueue(c)
	case *messages.Publish:
		answer = o.publish(c)
	case *messages.FanOut:
		o.receive(c.Publish, c.Copies...)
	case *messages.FireSchedule:
		answer = o.fireSchedule(c)
	case *messages.RedriveDead:
		answer = o.each(c.Ids, func(l *oLetter, id messages.CallID) string { return o.redrive(l, id, c.Owner) })
	case *messages.DropDead:
		answer = o.each(c.Ids, o.dropLetter)
	case *messages.EditDead:
		answer = o.editLetter(c)
	case *messages.SetFeatureLevel:
		o.level = max(o.level, c.Level)
	case *messages.RemoveSocket:
		o.removeSocket(c)
	case *messages.RemoveProcessor:
		if p := o.processor(c.Processor); p.config != nil {
			p.leaving = true
		}
	}
	o.dropBehind()
	o.finish()
	o.lapse()
	return answer, o.effects
}

// deliver applies a message of another partition if it is the next.
func (o *oracle) deliver(now int64, from uint32, seq uint64, c messages.Command) (answer string, effects []string) {
	switch {
	case seq > o.heard[from]+1:
		return "CONFLICT", nil
	case seq <= o.heard[from]:
		return "", nil
	}
	inner, err := c.Decode()
	if err != nil {
		panic(err)
	}
	if o.absent(oValues(inner)...) {
		return "CONFLICT", nil
	}
	o.heard[from]++
	return o.apply(now, inner)
}

func enqueuedAnswer(state messages.CallState, duplicate bool) string {
	return fmt.Sprintf("enqueued %s %v", state, duplicate)
}

func droppedAnswer(state messages.CallState, dropped bool) string {
	if dropped {
		return enqueuedAnswer(state, true) + " dropped"
	}
	return enqueuedAnswer(state, true)
}

// sentBefore is the answer to a key that is known, else nothing.
func (o *oracle) sentBefore(id messages.CallID, content []byte) string {
	if c := o.call(id); c != nil {
		if c.content != string(content) {
			return "CONFLICT"
		}
		return droppedAnswer(o.known(c), c.gone)
	}
	if a := o.arrival(id); a != nil {
		if a.content != string(content) {
			return "CONFLICT"
		}
		return droppedAnswer(a.callState(), a.gone())
	}
	return ""
}

func (o *oracle) enqueue(e *messages.Enqueue) string {
	id := messages.CallIDFrom(e.Id)
	if answer := o.sentBefore(id, e.Content); answer != "" {
		return answer
	}
	k := o.socket(e.Socket)
	if k == nil || k.deleting {
		return "NOT_FOUND"
	}
	if k.queue != nil {
		return "INVALID"
	}
	if o.tooOld(id) {
		return "INVALID"
	}
	if o.absent(e.Arguments.Values()...) {
		return "CONFLICT"
	}
	if e.ToGate {
		return o.enqueueToGate(k, e)
	}
	if o.noRoom(k, 1, sizeOf(e.Arguments)) == "INVALID" {
		return "INVALID"
	}
	p := o.processor(k.config.Processor)
	c := &oCall{id: id, socket: k, content: string(e.Content), priority: e.Priority, size: sizeOf(e.Arguments), seq: uint64(len(o.calls) + 1), sent: e}
	if len(e.Tracking) == 0 {
		e.Tracking = e.Id
	}
	if k.pace.until == 0 && p.pace.until == 0 && !o.heldBack(k) && len(o.mailbox(k)) == 0 && o.admits(k) && len(p.ring) == 0 && p.config != nil && p.config.Status == "running" && p.least() != nil {
		o.calls = append(o.calls, c)
		o.lease(p, c)
		return enqueuedAnswer(c.state, false)
	}
	if o.full(k, 1, c.size) {
		return "EXHAUSTED"
	}
	o.calls = append(o.calls, c)
	c.state = isQueued
	if k.config.MessageTtl > 0 {
		c.expires = o.now + 1000*k.config.MessageTtl
	}
	o.settle(k)
	return enqueuedAnswer(isQueued, false)
}

func sizeOf(a *messages.Arguments) (n int) {
	for _, v := range a.GetPositional() {
		n += int(messages.ValueSize(v))
	}
	for _, v := range a.GetNamed() {
		n += len(v.Name) + int(messages.ValueSize(v.Value))
	}
	return n
}

// noRoom is why a mailbox does not take some calls; what it never holds is refused
// for good.
func (o *oracle) noRoom(k *oSocket, count, size int) string {
	most, bytes := int(k.config.MaxLength), int(k.config.MaxLengthBytes)
	switch {
	case most > 0 && count > most || bytes > 0 && size > bytes:
		return "INVALID"
	case o.full(k, count, size):
		return "EXHAUSTED"
	}
	return ""
}

func (o *oracle) full(k *oSocket, count, size int) bool {
	waiting, bytes := 0, 0
	for _, c := range o.calls {
		if c.socket == k && c.state == isQueued {
			waiting++
			bytes += c.size
		}
	}
	limit, limitBytes := int(k.config.MaxLength), int(k.config.MaxLengthBytes)
	return limit > 0 && waiting+count > limit || limitBytes > 0 && bytes+size > limitBytes
}

// tooOld says whether an id was made so long ago that it may have been forgotten.
func (o *oracle) tooOld(id messages.CallID) bool {
	at, ok := id.Time()
	return ok && at.UnixMicro() < o.now-Remembered.Microseconds()
}

func (o *oracle) enqueueBatch(e *messages.EnqueueBatch) string {
	first := messages.CallIDFrom(e.First)
	for i := range e.Arguments {
		c := o.call(first.At(first.Index() + i))
		if c == nil {
			continue
		}
		whole := i == 0 && (c.inBlock == len(e.Arguments) && c.firstOfBlock == c || c.inBlock == 0 && len(e.Arguments) == 1)
		if !whole || c.content != string(e.Content) {
			return "CONFLICT"
		}
		return droppedAnswer(o.known(c), !slices.ContainsFunc(o.unit(c), func(of *oCall) bool { return !of.gone }))
	}
	k := o.socket(e.Socket)
	if k == nil || k.deleting {
		return "NOT_FOUND"
	}
	if o.tooOld(first) {
		return "INVALID"
	}
	size := 0
	for _, a := range e.Arguments {
		size += sizeOf(a)
		if o.absent(a.Values()...) {
			return "CONFLICT"
		}
	}
	if answer := o.noRoom(k, len(e.Arguments), size); answer != "" {
		return answer
	}
	var head *oCall
	for i, a := range e.Arguments {
		c := &oCall{id: first.At(first.Index() + i), socket: k, content: string(e.Content), priority: e.Priority, size: sizeOf(a),
			seq: uint64(len(o.calls) + 1), state: isQueued, inBlock: len(e.Arguments)}
		c.sent = &messages.Enqueue{Id: c.id.Bytes(), Socket: e.Socket, Arguments: a, Tracking: c.id.Bytes(), Priority: e.Priority}
		if head == nil {
			head = c
		}
		c.firstOfBlock = head
		if k.config.MessageTtl > 0 {
			c.expires = o.now + 1000*k.config.MessageTtl
		}
		o.calls = append(o.calls, c)
	}
	o.settle(k)
	return enqueuedAnswer(isQueued, false)
}

func (o *oracle) grant(g *messages.Grant) string {
	session, err := messages.ParseSession(g.Session)
	if err != nil {
		return "INVALID"
	}
	n := o.nodes[session.Node]
	if n == nil {
		n = &oNode{}
		o.nodes[session.Node] = n
	}
	p := o.processor(g.Processor)
	switch {
	case session.Boot < n.lowest:
		return "NOT_FOUND"
	case p.config == nil:
		return "UNAVAILABLE"
	}
	if n.open && n.lowest < session.Boot {
		o.dropSession(messages.SessionID{Node: session.Node, Boot: n.lowest}.String())
	}
	n.lowest, n.open = session.Boot, true
	name := slot.Name{Session: g.Session, Slot: g.Slot}
	l := o.slot(name)
	if l == nil || l.processor != p {
		if l != nil {
			leases := l.leases
			o.close(l)
			l = &oSlot{Name: name, leases: leases}
			for _, lease := range leases {
				if !lease.aborting {
					lease.call.slot = l
				}
			}
		} else {
			l = &oSlot{Name: name}
		}
		l.processor = p
		o.slots = append(o.slots, l)
		if free := slices.Index(p.credits, nil); free >= 0 {
			p.credits[free] = l
		} else {
			p.credits = append(p.credits, l)
		}
	}
	l.node, l.commit, l.window = g.Node, g.Commit, int(g.Window)
	o.credit(l)
	return ""
}

func (o *oracle) endSession(e *messages.EndSession) {
	session, err := messages.ParseSession(e.Session)
	n := o.nodes[session.Node]
	if n == nil {
		n = &oNode{}
		o.nodes[session.Node] = n
	}
	if err != nil || session.Boot < n.lowest {
		return
	}
	if n.open {
		o.dropSession(messages.SessionID{Node: session.Node, Boot: n.lowest}.String())
	}
	n.lowest, n.open = session.Boot+1, false
}

func (o *oracle) dropSession(session string) {
	var of []*oSlot
	for _, l := range o.slots {
		if l.Session == session {
			of = append(of, l)
		}
	}
	slices.SortFunc(of, func(a, b *oSlot) int { return cmp.Compare(a.Name.Slot, b.Name.Slot) })
	for _, l := range of {
		o.giveUp(l, func(c *oCall) { o.charge(c, &c.lost, messages.MaxLost) })
	}
}

func (o *oracle) complete(m *messages.Complete) string {
	c := o.call(messages.CallIDFrom(m.Call))
	if c != nil && c.gone {
		c = nil
	}
	answer := func(stale bool) string {
		if c == nil {
			return "completed CALL_UNSPECIFIED true"
		}
		return fmt.Sprintf("completed %s %v", c.state, stale)
	}
	l := o.slot(slot.Name{Session: m.Session, Slot: m.Slot})
	if l == nil || c == nil {
		return answer(true)
	}
	at := slices.IndexFunc(l.leases, func(e oLease) bool { return e.call == c && e.attempt == m.Attempt })
	if at < 0 {
		return answer(true)
	}
	lease := l.leases[at]
	given := [][]byte{m.Result, m.Output}
	for _, r := range m.Routed {
		given = append(given, r.Value)
	}
	if o.absent(given...) {
		return "CONFLICT"
	}
	if m.Outcome == messages.Outcome_CRASH {
		l.window = 0
		for len(l.leases) > 0 {
			first := l.leases[0]
			l.leases = l.leases[1:]
			o.letGo(first, func(of *oCall) {
				if of == c {
					o.charge(of, &of.crashes, messages.MaxCrashes)
				} else {
					o.requeue(of)
				}
			})
		}
		return answer(lease.aborting)
	}
	l.leases = slices.Delete(l.leases, at, at+1)
	o.credit(l)
	o.letGo(lease, func(c *oCall) { o.outcome(c, m) })
	return answer(lease.aborting)
}

func (o *oracle) outcome(c *oCall, m *messages.Complete) {
	switch m.Outcome {
	case messages.Outcome_OK:
		if _, large := messages.ReadReference(m.Result); large || string(m.Result) == "1" {
			c.result = m.Result
			o.endWith(c, isFinished, m)
		} else {
			c.failure = &messages.Failure{Type: "bad_result", Message: "the result is not JSON"}
			o.end(c, isFailed)
		}
	case messages.Outcome_BAD_RESULT:
		c.failure = oFailure(m, "bad_result")
		o.end(c, isFailed)
	case messages.Outcome_RELEASED:
		o.requeue(c)
	default:
		config := o.processor(c.socket.config.Processor).config
		c.tries++
		retries := int(config.GetRetries())
		if c.socket.config.Retries != nil {
			retries = int(*c.socket.config.Retries)
		}
		delay := config.GetRetrydelay() * 1000
		for range c.tries - 1 {
			delay *= 2
		}
		delay += delay * int64(m.Jitter) / 1000
		failure := oFailure(m, map[bool]string{true: "timeout", false: "exception"}[m.Outcome == messages.Outcome_TIMEOUT])
		switch {
		case int(c.tries) > retries || o.final(c.socket, failure.Type):
			c.failure = failure
			o.end(c, isFailed)
		case delay == 0:
			o.requeue(c)
		default:
			c.state, c.slot, c.retryAt = isQueued, nil, o.now+delay
		}
	}
}

func (o *oracle) cancelCall(m *messages.Cancel) string {
	c := o.call(messages.CallIDFrom(m.Call))
	if a := o.arrival(messages.CallIDFrom(m.Call)); c == nil && a != nil {
		return o.cancelArrival(a)
	}
	if c == nil {
		return "NOT_FOUND"
	}
	if c.gone {
		return "GONE"
	}
	if open(c) {
		o.cancel(c, isCancelled)
	}
	return "call " + c.state.String()
}

// tick fires what is due: in order of time, retries before expiries, then in
// order of arrival; a block's calls expire together.
func (o *oracle) tick() {
	type due struct {
		at   int64
		kind int
		seq  uint64
		fire func()
	}
	var all []due
	for _, c := range o.calls {
		if c.state != isQueued {
			continue
		}
		expire := func() {
			if c.state == isQueued && c.attempt == 0 {
				c.failure = &messages.Failure{Type: "expired", Message: "it had not started in time"}
				o.cancel(c, isExpired)
			}
		}
		switch {
		case c.retryAt != 0 && c.retryAt <= o.now:
			all = append(all, due{c.retryAt, 1, c.seq, func() { c.retryAt = 0; o.settle(c.socket) }})
		case c.attempt > 0 || c.expires == 0 || c.expires > o.now:
		case c.inBlock > 0:
			// The priority of the block's calls is one, so they go in order.
			all = append(all, due{c.expires, 3, c.seq, expire})
		default:
			all = append(all, due{c.expires, 2, c.seq, expire})
		}
	}
	for _, a := range o.arrivals {
		if a.state == messages.ArrivalState_ARRIVAL_WAITING && a.expires != 0 && a.expires <= o.now {
			all = append(all, due{a.expires, 6, a.seq, func() { o.expireArrival(a) }})
		}
	}
	for i, k := range o.sockets {
		if k.pace.until != 0 && k.pace.until <= o.now {
			all = append(all, due{k.pace.until, 8, uint64(i), func() { k.pace.until = 0; o.settle(k) }})
		}
	}
	for _, p := range o.processors {
		if p.pace.until != 0 && p.pace.until <= o.now {
			all = append(all, due{p.pace.until, 9, uint64(p.id[0]), func() { p.pace.until = 0; o.wants(p) }})
		}
	}
	slices.SortFunc(all, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.seq, b.seq))
	})
	for _, d := range all {
		d.fire()
	}
	o.retain()
	o.forgetValues()
}

// nextTimer is when a call is due for a retry or for its expiry; 0: never.
func (o *oracle) nextTimer() (next int64) {
	for _, c := range o.calls {
		at := c.retryAt
		if c.attempt == 0 && c.expires != 0 {
			at = c.expires
		}
		if c.state == isQueued && at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	for _, a := range o.arrivals {
		if a.state == messages.ArrivalState_ARRIVAL_WAITING && a.expires != 0 && (next == 0 || a.expires < next) {
			next = a.expires
		}
	}
	for _, p := range o.paces() {
		if p.until != 0 && (next == 0 || p.until < next) {
			next = p.until
		}
	}
	for _, v := range o.values {
		if !v.named && (next == 0 || v.expires < next) {
			next = v.expires
		}
	}
	for _, k := range o.sockets {
		if at := o.nextDrop(k); at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	return next
}

func (o *oracle) configureSocket(c *messages.ConfigureSocket) {
	k := o.socket(c.Socket)
	fresh := k == nil || k.config.Processor == ""
	gone := k == nil || k.removed
	if k == nil {
		k = &oSocket{id: c.Socket, config: &messages.ConfigureSocket{Processor: c.Processor}}
		o.sockets = append(o.sockets, k)
	}
	if k.removed {
		k.deleting, k.forced, k.removed = false, false, false
	}
	if k.config.Processor != c.Processor {
		old := o.processor(k.config.Processor)
		old.ring = slices.DeleteFunc(old.ring, func(t *oTurn) bool { return t.socket == k })
	}
	o.rewire(k, c)
	if c.Ratelimit != k.config.Ratelimit {
		k.pace = oPace{}
	}
	old := k.config.Schedule
	if gone {
		old = nil
	}
	k.config = c
	o.reschedule(k, old)
	if fresh {
		o.inherit(k)
	}
	if !c.Ordered {
		k.holder = nil
	}
	o.tend(k)
	o.settle(k)
}

func (o *oracle) removeSocket(r *messages.RemoveSocket) {
	k := o.socket(r.Socket)
	if k == nil || k.removed || k.forced || k.queue != nil {
		return
	}
	k.deleting, k.forced = true, r.Force
	o.tend(k)
	o.settle(k)
	for _, c := range o.calls {
		if r.Force && c.socket == k && open(c) {
			o.cancel(c, isCancelled)
		}
	}
}
