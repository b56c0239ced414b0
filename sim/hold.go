package sim

import "github.com/tetratelabs/wazero/sys"

// hold keeps the instance from going on until a time, whatever arrives; the
// guest calls it. It goes on in the middle of what it did, and believes what it
// knew before.
func (m *machine) hold(until int64) {
	boot := m.boots
	m.world.at(until, func() {
		if m.running && m.boots == boot {
			m.resume()
		}
	})
	if !m.yield(struct{}{}) {
		panic(sys.NewExitError(killed))
	}
}

// stall holds the instance if this is the call at which it is to stand still.
func (m *machine) stall() {
	if m.stallIn == 0 {
		return
	}
	if m.stallIn--; m.stallIn == 0 {
		m.seen(nil, "paused")
		m.world.record(m.name, m.boots, "paused")
		m.hold(min(m.world.now+m.stallFor, max(m.world.until, m.world.now)))
		m.world.record(m.name, m.boots, "goes on")
	}
}

// catchUp lets the world's time reach the instance's, which is ahead when its
// steps took time.
func (m *machine) catchUp() {
	if m.stepCost > 0 && m.clock > m.world.now {
		m.hold(m.clock)
	}
}

// wall is the time of day that the machine's clock shows.
func (m *machine) wall() int64 {
	t := m.tick()
	if m.drift != 0 {
		t += int64(m.drift * float64(t-m.driftSince))
	}
	return t + m.skew
}
