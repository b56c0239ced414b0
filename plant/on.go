//go:build plant

package plant

import "os"

// planted is set once, before anything runs.
var planted = Bug(os.Getenv("PLANT"))

// On says whether a mistake is there.
func On(b Bug) bool { return b == planted }

// InMapOrder gives a list in the order in which a map gives it, if that is the
// mistake.
func InMapOrder[T any](b Bug, list []T) []T {
	if !On(b) {
		return list
	}
	byPlace := map[int]T{}
	for i, one := range list {
		byPlace[i] = one
	}
	list = list[:0:0]
	for _, one := range byPlace {
		list = append(list, one)
	}
	return list
}

// Planted is the mistake that is there.
func Planted() Bug { return planted }
