package node

import (
	"fmt"
	"time"
)

const (
	// clockLimit is how far a node's clock may be from the median of the
	// network's while it leads: the leader's clock is the one that the log gets.
	clockLimit = 2 * time.Second
	// clockRight is how near it must come again before the node leads again.
	clockRight = time.Second
	// clockPause is the pause between two looks at the clocks.
	clockPause = time.Second
)

// clock judges this node's clock by the others'.
type clock struct {
	trouble string // "": it is right, or there are too few others to tell
}

// look takes in how far the clock is ahead, and says what is wrong with it. The
// text stays while it is wrong: it goes to the model, which is not to follow
// each second.
func (c *clock) look(ahead time.Duration, known bool) string {
	switch {
	case !known || ahead.Abs() < clockRight:
		c.trouble = ""
	case c.trouble == "" && ahead.Abs() > clockLimit:
		side := "ahead of"
		if ahead < 0 {
			side = "behind"
		}
		c.trouble = fmt.Sprintf("its clock is %v %s the others': it leads no group", ahead.Abs().Round(time.Second/10), side)
	}
	return c.trouble
}

// heedClock looks at the clocks, and says what is wrong with this node's.
func (n *Node) heedClock(c *clock) string {
	before := c.trouble
	now := c.look(n.gossip.ClockAhead())
	if now == before {
		return now
	}
	n.trouble.Store(&now)
	if now != "" {
		n.log.Warn("this node must not lead", "reason", now, "remedy", "set its clock, e.g. by NTP")
	} else {
		n.log.Info("this node's clock is right again")
	}
	n.kick()
	return now
}

// unfit says why this node must not lead any group; "": it may.
func (n *Node) unfit() string {
	if why := n.trouble.Load(); why != nil {
		return *why
	}
	return ""
}
