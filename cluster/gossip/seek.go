package gossip

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// How often nodes are looked for that should be members and are not: at once,
// and then more and more rarely as long as they are the same ones.
const (
	minSeek = 250 * time.Millisecond
	maxSeek = 5 * time.Second
)

// seek joins seeds that are not members, and dead members at their last
// address: after a cut of the network nobody else brings the halves together.
func (m *Membership) seek(ctx context.Context) {
	var missing []string
	pause := minSeek
	told := map[string]bool{}
	for ctx.Err() == nil {
		if now := m.missing(); !slices.Equal(now, missing) {
			missing, pause = now, minSeek
		}
		for _, address := range missing {
			if err := m.Join(ctx, address); err != nil {
				m.unanswered(address, err, pause == maxSeek && !told[address])
				told[address] = told[address] || pause == maxSeek
			} else {
				delete(told, address)
			}
			if ctx.Err() != nil {
				return
			}
		}
		m.rest(ctx, pause, missing)
		pause = min(2*pause, maxSeek)
	}
}

// Seek looks at Seeds again now.
func (m *Membership) Seek() {
	select {
	case m.sought <- struct{}{}:
	default:
	}
}

// rest waits until the pause is over, or other nodes are missing.
func (m *Membership) rest(ctx context.Context, pause time.Duration, missing []string) {
	over := time.NewTimer(pause)
	defer over.Stop()
	for ctx.Err() == nil {
		select {
		case <-over.C:
			return
		case <-m.changes:
		case <-m.sought:
		case <-ctx.Done():
		}
		if !slices.Equal(m.missing(), missing) {
			return
		}
	}
}

// unanswered tells that nobody answers at an address; people are told when that
// has lasted, since it may be mistyped, and once.
func (m *Membership) unanswered(address string, err error, lasting bool) {
	level := slog.LevelDebug
	if lasting {
		level = slog.LevelWarn
	}
	m.config.Logger.Log(context.Background(), level, "no node answers at a gossip address; trying on", "address", address, "error", err)
}

// missing gives the addresses that no live member has.
func (m *Membership) missing() []string {
	alive := map[string]bool{}
	var wanted []string
	for _, member := range m.Members() {
		if member.Alive {
			alive[member.Info.GetGossipAddress()] = true
		} else {
			wanted = append(wanted, member.Info.GetGossipAddress())
		}
	}
	if m.config.Seeds != nil {
		wanted = append(wanted, m.config.Seeds()...)
	}
	var missing []string
	for _, address := range wanted {
		if !alive[address] {
			missing = append(missing, address)
			alive[address] = true // once
		}
	}
	return missing
}
