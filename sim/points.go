package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/buggify"
)

// Points gives the names of all points of package buggify.
func Points() (names []string) {
	for _, p := range buggify.All() {
		names = append(names, string(p))
	}
	return names
}

// CheckPoints says what is wrong with a choice of points.
func CheckPoints(names []string) error {
	for _, name := range names {
		if !slices.Contains(Points(), name) {
			return fmt.Errorf("point %q: want some of %s", name, strings.Join(Points(), ", "))
		}
	}
	return nil
}
