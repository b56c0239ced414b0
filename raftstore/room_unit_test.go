package raftstore

import (
	"slices"
	"testing"
)

// TestNewDataNeedsRoomAtAMajority: one disk that is short is no reason to
// refuse, and neither are nodes that are away.
func TestNewDataNeedsRoomAtAMajority(t *testing.T) {
	roomy, short := standing{name: "r", lives: true}, standing{name: "s", lives: true, short: true}
	gone, goneShort := standing{name: "g"}, standing{name: "gs", short: true}
	for _, c := range []struct {
		name   string
		voters []standing
		want   []string
	}{
		{"alone, with room", []standing{roomy}, nil},
		{"alone, short", []standing{short}, []string{"s"}},
		{"one of three is short", []standing{roomy, short, roomy}, nil},
		{"the leader is short", []standing{short, roomy, roomy}, nil},
		{"two of three are short", []standing{roomy, short, short}, []string{"s", "s"}},
		{"one is short, one is away", []standing{roomy, short, gone}, []string{"s"}},
		{"two are away: it is not the disks", []standing{roomy, gone, gone}, nil},
		{"the one that is away was short", []standing{roomy, roomy, goneShort}, nil},
		{"one of two voters is short", []standing{roomy, short}, []string{"s"}},
		{"none votes yet", nil, nil},
	} {
		if got := cramped(c.voters); !slices.Equal(got, c.want) {
			t.Errorf("%s: short for want of %v, want %v", c.name, got, c.want)
		}
	}
}
