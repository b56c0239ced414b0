//go:build !wasip1

package twin

// linger has nothing to wait for: this disk is a real one.
func linger() {}
