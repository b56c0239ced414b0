//go:build !plant

package plant

// On says whether a mistake is there: none is.
func On(Bug) bool { return false }

// InMapOrder gives a list as it is.
func InMapOrder[T any](_ Bug, list []T) []T { return list }

// Planted is the mistake that is there: none.
func Planted() Bug { return "" }
