package gossip

import (
	"context"
	"time"
)

// How often nodes are looked for that should be members and are not.
const (
	minSeek = 250 * time.Millisecond
	maxSeek = 5 * time.Second
)

// seek joins seeds that are not members, and dead members at their last
// address: after a cut of the network nobody else brings the halves together.
func (m *Membership) seek(ctx context.Context) {
	pause := minSeek
	for ctx.Err() == nil {
		missing := m.missing()
		for _, address := range missing {
			if err := m.Join(ctx, address); err != nil {
				m.config.Logger.Debug("look for a node", "address", address, "error", err)
			}
			if ctx.Err() != nil {
				return
			}
		}
		pause = min(2*pause, maxSeek)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
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
