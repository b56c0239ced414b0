package argv

import (
	"slices"
	"strings"
)

// Nearest is the name that is the least typing away from a word, or none when
// all are too far for it to be a slip.
func Nearest(word string, names []string) string {
	slices.Sort(names) // the same answer each time when two are as near
	best, least := "", max(1, len(word)/2)+1
	if len(word) < 3 && strings.HasPrefix(word, "-") {
		return "" // any letter is one slip away from any other
	}
	for _, name := range names {
		d := distance(word, name)
		closer := d < least || best != "" && d == least && len(name) == len(word) && len(best) != len(word)
		if closer {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, change or swap.
func distance(a, b string) int {
	before, last, row := []int{}, make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
		row = make([]int, len(b)+1)
	}
	return last[len(b)]
}
