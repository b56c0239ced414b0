// Package rate reads rate limits: N/s, N/m or N/h.
package rate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Limit is how often something may happen. The zero Limit is none.
type Limit struct {
	Times uint64 // per Per
	Per   uint64 // microseconds
}

var units = map[string]uint64{"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}

// Parse reads a limit. No text is none.
func Parse(text string) (Limit, error) {
	if text == "" {
		return Limit{}, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	per, ok := units[unit]
	times, err := strconv.ParseUint(number, 10, 64)
	switch {
	case !ok || err != nil && !isNumber(number):
		return Limit{}, fmt.Errorf("rate limit %q is not understood", text)
	case times == 0 && err == nil:
		return Limit{}, fmt.Errorf("rate limit %q would let nothing run", text)
	case err != nil || times > messages.MaxRate:
		return Limit{}, fmt.Errorf("rate limit %q is over the bound of %d", text, messages.MaxRate)
	}
	return Limit{times, per}, nil
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// None says that there is no limit.
func (l Limit) None() bool { return l.Times == 0 }

// Each is how long one of them uses up the limit, rounded up.
func (l Limit) Each() time.Duration {
	return time.Duration((l.Per*1000 + l.Times - 1) / l.Times)
}
