package api

import "net/http"

// requestStack is what the way down to the log takes of a goroutine's stack, which is just
// more than 8 KiB have room for: with what stands above, it makes the stack 16 KiB.
const requestStack = 9 << 10

// onLargeStack makes room on the stack of a request's goroutine, which begins with
// 2 KiB, at once. It would grow on the way anyway, twice and further down, where
// there is more of it to move.
func onLargeStack(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		growStack(uint(len(r.Method)))
		next.ServeHTTP(w, r)
	})
}

// growStack needs requestStack bytes of stack for a moment: the stack stays so large.
//
//go:noinline
func growStack(at uint) byte {
	var room [requestStack]byte
	return room[at%requestStack]
}
