package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Each episode is a partition of its own that lives for some commands. Small
// worlds meet more of the rare cases than large ones: two calls, two slots and
// a session that ends between them are all it takes.
const (
	episodes        = 10_000
	commandsPerLife = 50
	checkedEpisodes = 64 // in one of so many, everything is checked after each command; in the others at the end
)

// TestMachineDoesWhatTheOracleSays feeds the same random commands to the state
// machine and to the oracle. Answers and effects must be the same after each
// command; so must be the states, and the invariants must hold.
func TestMachineDoesWhatTheOracleSays(t *testing.T) {
	var steps atomic.Int64
	lives(t, episodes, func(t *testing.T, i int, seed uint64) {
		e := newEpisode(t, seed)
		e.run(commandsPerLife, i%checkedEpisodes == 0)
		steps.Add(int64(len(e.log)))
	})
	t.Logf("%d steps", steps.Load())
}

type episode struct {
	t       testing.TB
	group   messages.GroupID
	flow    *flowTest // it is one partition of several; nil: it is alone
	seed    uint64
	rng     *rand.Rand
	oracle  *oracle
	state   *kv.Map
	now     int64
	log     []messages.Command
	times   []int64
	told    []string // what each command was answered, and caused
	story   []scene
	started []*messages.Start
	boots   map[string]uint64

	alike      *messages.Enqueue // neighbours of this one are to come
	neighbours int
	fresh      int
}

// scene is one command and what the oracle said of it, kept for telling.
type scene struct {
	at      int64
	command proto.Message
	answer  string
	effects []string
}

func newEpisode(t testing.TB, seed uint64) *episode {
	return &episode{t: t, group: partitionOfTests, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), oracle: newOracle(), state: kv.NewMap(), now: aMomentAgo,
		boots: map[string]uint64{"n1": 1, "n2": 1}}
}

func (e *episode) run(commands int, checked bool) {
	e.step(e.configureProcessor("P"), checked)
	for _, socket := range []string{"A", "B", "O"} {
		e.step(e.configureSocket(socket), checked)
	}
	for range commands {
		e.step(e.command(), checked)
	}
	e.compare()
}

func (e *episode) fatal(format string, args ...any) {
	e.t.Helper()
	for _, s := range e.story {
		text := fmt.Sprint(s.command)
		e.t.Logf("%d %T %s\n    %s %v", s.at-aMomentAgo, s.command, text[:min(len(text), 300)], s.answer, s.effects)
	}
	e.t.Fatalf("seed %d: %s", e.seed, fmt.Sprintf(format, args...))
}

func (e *episode) step(m proto.Message, checked bool) {
	e.t.Helper()
	c, err := messages.NewCommand(m)
	if err != nil {
		e.fatal("%v", err)
	}
	e.log, e.times = append(e.log, c), append(e.times, e.now)
	over := kv.NewOverlay(e.state)
	r, err := (&Machine{Group: e.group, Supports: testLevel}).Apply(over, uint64(len(e.log)), e.now, c)
	if err != nil {
		e.story = append(e.story, scene{e.now, m, "", nil})
		e.fatal("%v", err)
	}
	d, delivery := m.(*messages.Deliver)
	several := delivery && len(d.More) > 0 // of which some may be taken, and the next refused
	if r.Reply.Error != nil && over.Len() > 0 && !several {
		e.fatal("refused (%v), and wrote", r.Reply)
	}
	e.state.Commit(over)
	e.told = append(e.told, tell(e.t, r))
	wantAnswer, wantEffects := e.oracle.apply(e.now, m)
	answer, effects := answerOf(r.Reply), effectsAsText(r.Effects)
	e.story = append(e.story, scene{e.now, m, wantAnswer, wantEffects})
	if answer != wantAnswer {
		e.fatal("answered %q, want %q", answer, wantAnswer)
	}
	if !slices.Equal(effects, wantEffects) {
		e.fatal("effects\n%s, want\n%s", strings.Join(effects, "\n"), strings.Join(wantEffects, "\n"))
	}
	e.started = append(e.started, starts(r)...)
	if checked {
		e.compare()
	}
}

func answerOf(r *messages.Reply) string {
	switch {
	case r.Error != nil:
		return r.Error.Kind.String()
	case r.GetEnqueued() != nil:
		if r.GetEnqueued().Dropped {
			return droppedAnswer(r.GetEnqueued().State, true)
		}
		return enqueuedAnswer(r.GetEnqueued().State, r.GetEnqueued().Duplicate)
	case r.GetCompleted() != nil:
		return fmt.Sprintf("completed %s %v", r.GetCompleted().State, r.GetCompleted().Stale)
	case r.GetReplies() != nil:
		all := ""
		for _, one := range r.GetReplies().Replies {
			all += answerOf(one) + ";"
		}
		return all
	case r.GetChunkPut() != nil:
		return fmt.Sprintf("put %v", r.GetChunkPut().Whole)
	case r.GetCall() != nil:
		return "call " + r.GetCall().Call.State.String()
	}
	return ""
}

func effectsAsText(effects []proto.Message) (all []string) {
	for _, e := range effects {
		switch e := e.(type) {
		case *messages.Start:
			all = append(all, fmt.Sprintf("start %s attempt %d at %s/%s order %d commit %s", messages.CallIDFrom(e.Call), e.Attempt, e.Session, e.Slot, e.Order, e.Commit))
		case *messages.Abort:
			all = append(all, fmt.Sprintf("abort %s attempt %d at %s/%s", messages.CallIDFrom(e.Call), e.Attempt, e.Session, e.Slot))
		case *messages.Scheduled:
			all = append(all, fmt.Sprintf("scheduled %s since %d last %d", e.State.Socket, e.State.Since, e.State.Last))
		case *messages.Ended:
			all = append(all, fmt.Sprintf("ended %s %s", messages.CallIDFrom(e.Call.Id), e.Call.State))
		}
	}
	return all
}

// compare holds everything that can be read against the oracle.
func (e *episode) compare() {
	e.t.Helper()
	if err := Check(e.state); err != nil {
		e.fatal("%v", err)
	}
	counts := map[string]*messages.Stats{"": {FeatureLevel: e.oracle.level}}
	for _, k := range e.oracle.sockets {
		counts[k.id] = &messages.Stats{Waiting: int64(len(e.oracle.waiting(k)))}
	}
	for _, want := range e.oracle.calls {
		got, ok := GetCall(e.state, want.id, false, e.now)
		if want.gone {
			if ok && (e.oracle.call(want.id) == want || e.oracle.call(want.id) == nil) {
				e.fatal("call is\n%v, and should be gone\n%+v", got, want)
			}
			continue
		}
		if !ok || got.State != want.state || got.Attempt != want.attempt || got.Tries != want.tries || got.Crashes != want.crashes ||
			got.Lost != want.lost || got.RetryAt != want.retryAt || got.Seq != want.seq || got.Size != uint64(want.size) {
			e.fatal("call is\n%v, want\n%+v", got, want)
		}
		if (got.Waiting == "") == open(want) {
			e.fatal("call %v says that it waits for %q", got, got.Waiting)
		}
		for _, s := range []*messages.Stats{counts[""], counts[want.socket.id]} {
			s.Total++
			switch {
			case want.state == isQueued:
				s.Queued++
				s.HeldBytes += int64(want.size)
			case want.state == isRunning:
				s.Running++
			default:
				s.Ended++
			}
		}
	}
	for socket, want := range counts {
		if got := Count(e.state, socket); !proto.Equal(got, want) {
			e.fatal("socket %q counts %v, want %v", socket, got, want)
		}
	}
	if due := e.oracle.nextTimer(); due != 0 {
		if at, ok := NextTimer(e.state); !ok || at > due {
			e.fatal("the next timer is said to be at %d, %v; want %d", at, ok, due)
		}
	}
	e.compareSchedules()
	e.compareDead()
	e.comparePending()
	e.compareList()
	e.compareGates()
	e.compareResults()
}

// comparePending holds what a new leader would send again against the oracle.
func (e *episode) comparePending() {
	e.t.Helper()
	var got, want []string
	for _, s := range Leases(e.state, "") {
		got = append(got, fmt.Sprintf("%s/%s %s %d", s.Session, s.Slot, messages.CallIDFrom(s.Call), s.Attempt))
	}
	for _, a := range Aborts(e.state, "") {
		got = append(got, fmt.Sprintf("abort %s/%s %s %d", a.Session, a.Slot, messages.CallIDFrom(a.Call), a.Attempt))
	}
	for _, l := range e.oracle.slots {
		for _, lease := range l.leases {
			text := fmt.Sprintf("%s/%s %s %d", l.Session, l.Name.Slot, lease.call.id, lease.attempt)
			if lease.aborting {
				text = "abort " + text
			}
			want = append(want, text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.fatal("pending\n%v, want\n%v", got, want)
	}
}

// compareList pages through a random list and holds it against the oracle's.
func (e *episode) compareList() {
	e.t.Helper()
	q := &messages.ListCallsRequest{Ascend: e.rng.IntN(2) == 0, Rows: int32(1 + e.rng.IntN(4)), Unfinished: e.rng.IntN(5) == 0}
	q.Socket = []string{"", "", "A", "B", "O", "nowhere"}[e.rng.IntN(6)]
	if e.rng.IntN(4) == 0 {
		q.States = append(q.States, "waiting") // no call is, but what waits at a gate
	}
	for state := isQueued; state <= isExpired; state++ {
		if e.rng.IntN(4) == 0 {
			q.States = append(q.States, strings.ToLower(state.String()))
		}
	}
	var want []messages.CallID
	for _, c := range e.oracle.calls {
		in := len(q.States) == 0 && !q.Unfinished || slices.Contains(q.States, strings.ToLower(c.state.String())) || q.Unfinished && open(c)
		if in && !c.gone && (q.Socket == "" || c.socket.id == q.Socket) {
			want = append(want, c.id)
		}
	}
	if !q.Ascend {
		slices.Reverse(want)
	}
	skip := e.rng.IntN(3)
	got := []messages.CallID{}
	var cursor []byte
	for page := 0; page == 0 || cursor != nil; page++ {
		p := ListCalls(e.state, q, cursor, skip, e.now)
		if p.Total != int64(len(want)) || len(p.Calls) > int(q.Rows) || page > 100 {
			e.fatal("list %v, page %d: %d calls, %d in all; want %d in all", q, page, len(p.Calls), p.Total, len(want))
		}
		if n := e.oracle.atGates(q); p.AtGates != n {
			e.fatal("list %v: %d messages at gates, want %d", q, p.AtGates, n)
		}
		for _, c := range p.Calls {
			got = append(got, messages.CallIDFrom(c.Id))
		}
		cursor, skip = p.Next, 0
		if page == 0 {
			skip = 0
		}
	}
	skipped := want[min(len(want)-min(len(want), len(got)), len(want)):]
	if !slices.Equal(got, skipped) || len(want)-len(got) > 2 {
		e.fatal("list %v\n%v, want\n%v", q, got, want)
	}
}

// compareSchedules holds the schedules, and the calls that they made, against
// the oracle's.
func (e *episode) compareSchedules() {
	e.t.Helper()
	found := map[string]*messages.ScheduleState{}
	for _, s := range Schedules(e.state) {
		found[s.Socket] = s
	}
	for _, k := range e.oracle.sockets {
		got, want := found[k.id], k.schedule
		if (got != nil) != (k.config.Schedule != nil && !k.deleting && !k.removed) {
			e.fatal("socket %s has the schedule %v, and is configured with %v", k.id, got, k.config.Schedule)
		}
		if got != nil && (got.Since != want.since || got.Last != want.last || got.Calls != uint64(want.calls) || got.Skipped != uint64(want.skipped)) {
			e.fatal("the schedule of socket %s stands at %v, want %+v", k.id, got, want)
		}
		for _, nominal := range want.taken {
			id := tickID(k.id, nominal, e.group)
			if made := e.oracle.call(id); made == nil || made.gone || made.content != "" {
				continue // dropped; and once its id was forgotten, a client may have used it
			}
			c, ok := GetCall(e.state, id, false, e.now)
			if !ok || c.Tick != nominal || c.Socket != k.id {
				e.fatal("the tick at %d of socket %s made %v", nominal, k.id, c)
			}
		}
	}
}
