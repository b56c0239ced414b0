package main

import (
	"errors"
	"sync"
	"sync/atomic"
)

// sideBySide does something n times, some of them at once, until one fails.
func sideBySide(atOnce, n int, do func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, atOnce)
	var all sync.WaitGroup
	for worker := range atOnce {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !failed.Load(); i = next.Add(1) - 1 {
				if errs[worker] = do(int(i)); errs[worker] != nil {
					failed.Store(true)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
