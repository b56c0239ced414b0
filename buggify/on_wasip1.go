package buggify

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// on is set once, before anything runs.
var on = strings.Split(os.Getenv(Variable), ",")

// How often a point that is on makes happen what it is for. Where that is costly
// to get over, it happens less often.
const (
	often  = 0.3
	seldom = 0.02
)

// On says whether the unlikely is to happen now.
func On(p Point) bool {
	if !slices.Contains(on, string(p)) {
		return false
	}
	share := often
	switch p {
	case LostAnswer, LostTell, EarlySnapshot:
		share = seldom
	}
	return rand.Float64() < share
}
