// Package nearest finds the name that somebody meant who mistyped one.
package nearest

import (
	"slices"
	"strings"
)

// Name is the name that is the least typing away from a word, or none when
// all are too far for it to be a slip.
func Name(word string, names []string) string {
	slices.Sort(names) // the same answer each time when two are as near
	best, least := "", max(1, len(word)/2)+1
	if len(word) < 3 && strings.HasPrefix(word, "-") {
		return "" // any letter is one slip away from any other
	}
	for _, name := range names {
		d := Distance(word, name)
		closer := d < least || best != "" && d == least && len(name) == len(word) && len(best) != len(word)
		if closer {
			best, least = name, d
		}
	}
	return best
}

// Distance counts the letters to insert, remove, change, or swap with their
// neighbour, to make one text of the other. What comes after the first
// maxCompared letters does not count.
func Distance(a, b string) int {
	x, y := cut(a), cut(b)
	before, last, row := []int{}, make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
		row = make([]int, len(y)+1)
	}
	return last[len(y)]
}

// maxCompared bounds the work of comparing what may be of any length.
const maxCompared = 256

func cut(text string) []rune {
	letters := []rune(text)
	return letters[:min(len(letters), maxCompared)]
}
